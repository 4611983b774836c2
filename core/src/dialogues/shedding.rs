//! A connection whose place is needed for another: it goes if no request is under way on it, and only then.

use std::time::Duration;

use crate::connection::{Next, SessionInput, Standing};
use crate::testing::{Pair, get, ok, request};

#[test]
fn a_connection_on_which_nothing_was_asked_goes_without_a_word() {
    for sent in ["", "GET /v1/x HTTP/1.1\r\nHost: p"] {
        let mut pair = Pair::default();
        pair.client(sent);
        assert_eq!(pair.session.standing(), Standing::Newcomer, "{sent:?}");
        pair.give(SessionInput::Shed);
        assert_eq!((pair.next(), pair.client_heard()), (Next::Close, String::new()), "{sent:?}");
    }
}

#[test]
fn a_kept_connection_goes_and_is_no_newcomer() {
    let mut pair = Pair::default();
    pair.client("GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    assert_eq!(pair.session.standing(), Standing::Kept(pair.now.mono));
    pair.give(SessionInput::Shed);
    assert_eq!(pair.next(), Next::Close);
}

#[test]
fn a_kept_connection_on_which_a_head_drips_is_a_newcomer_again() {
    let mut pair = Pair::default();
    pair.client("GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    pair.advance(Duration::from_secs(1));
    pair.client("G");
    assert_eq!(pair.session.standing(), Standing::Newcomer);
}

#[test]
fn a_request_under_way_is_served_to_its_end() {
    for relayed in [false, true] {
        let mut pair = if relayed { Pair::default().relayed() } else { Pair::default() };
        pair.client(request("POST /v1/x", "Content-Length: 2\r\n", "a"));
        pair.give(SessionInput::Shed);
        pair.client("b");
        pair.give(SessionInput::Shed);
        assert_eq!(pair.session.standing(), Standing::Busy);
        pair.upstream(ok("done"));
        assert_eq!((pair.response().status(), pair.next()), (200, Next::Continue), "relayed: {relayed}");
        pair.give(SessionInput::Shed);
        assert_eq!(pair.next(), Next::Close);
    }
}

#[test]
fn a_head_that_is_on_its_detour_is_a_request_under_way() {
    let mut pair = Pair::default().relayed();
    pair.carries = false;
    pair.client(get("/v1/x"));
    pair.give(SessionInput::Shed);
    assert_eq!((pair.session.standing(), pair.next()), (Standing::Busy, Next::Continue));
}

#[test]
fn an_answer_that_is_not_taken_yet_is_not_cut() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!(pair.ended.len(), 1);
    pair.give(SessionInput::Shed);
    assert_eq!((pair.session.standing(), pair.next()), (Standing::Busy, Next::Continue));
    pair.client_reads = true;
    pair.drain();
    assert_eq!(pair.response().status(), 200);
}

#[test]
fn one_that_is_only_heard_out_after_its_last_answer_goes() {
    let mut pair = Pair::default();
    pair.client("nonsense\r\n\r\n");
    assert_eq!((pair.next(), pair.session.standing()), (Next::ShutdownWrite, Standing::Newcomer));
    pair.give(SessionInput::Shed);
    assert_eq!(pair.next(), Next::Close);
}
