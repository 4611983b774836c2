//! Clients that go away, and upstreams that break off, at every stage.

use crate::connection::{Next, SessionInput};
use crate::exchange::Outcome;
use crate::testing::{End, MANAGEMENT_TOKEN, Pair, get, grant, ok, request, rules};

/// What happens up to a stage.
type Reach = fn(&mut Pair);

/// How far an exchange gets before somebody leaves.
const STAGES: [(&str, Reach); 7] = [
    ("before the grant", |pair| {
        pair.store_answers = false;
        pair.client(get("/v1/x"));
    }),
    ("before it is spent", |pair| {
        pair.store_answers = false;
        pair.client(get("/v1/x"));
        pair.answer_store();
    }),
    ("before a connection", |pair| {
        pair.connects = false;
        pair.client(get("/v1/x"));
    }),
    ("within the request", |pair| {
        pair.client(request("POST /v1/x", "Content-Length: 9\r\n", "abc"));
    }),
    ("before the answer", |pair| {
        pair.client(get("/v1/x"));
    }),
    ("within the answer's head", |pair| {
        pair.client(get("/v1/x"));
        pair.upstream("HTTP/1.1 200 O");
    }),
    ("within the answer", |pair| {
        pair.client(get("/v1/x"));
        pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    }),
];

fn limited() -> Pair {
    let mut pair = Pair::with(rules(), Some(crate::auth::Grant { max_requests: Some(9), ..grant() }));
    pair.store.left = 9;
    pair
}

#[test]
fn a_client_that_leaves_cancels_the_upstream_at_once() {
    for (stage, reach) in STAGES {
        for leave in [Pair::client_ends, Pair::client_breaks] {
            let mut pair = limited();
            reach(&mut pair);
            let had_upstream = pair.asked.0;
            leave(&mut pair);
            assert_eq!((pair.ended.len(), pair.ended[0].outcome), (1, Outcome::ClientGone), "{stage}");
            assert_eq!((pair.closed, pair.released, pair.next()), (had_upstream, 0, Next::Close), "{stage}");
            assert_eq!(pair.session.poll_timeout(), None, "{stage}");
            pair.answer_store();
            assert_eq!((pair.asked.0, pair.ended.len()), (had_upstream, 1), "{stage}: late outcomes do nothing");
        }
    }
}

#[test]
fn an_old_client_that_stops_sending_does_not_take_what_it_has_for_the_whole() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    pair.client_ends();
    assert_eq!((pair.response().end, pair.ended[0].outcome), (End::UntilClose, Outcome::ClientGone));
    assert_eq!((pair.closed, pair.next()), (1, Next::Reset));
}

#[test]
fn a_client_that_breaks_after_the_end_changes_nothing() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(pair.next(), Next::Reset);
    pair.client_breaks();
    assert_eq!((pair.next(), pair.ended.len()), (Next::Reset, 1));
}

#[test]
fn a_client_that_only_stops_sending_still_gets_an_answer_of_ours() {
    for bytes in [
        "GET /health HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(),
        format!("GET /manage/tokens HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n\r\n"),
    ] {
        let mut pair = Pair::default();
        pair.store_answers = false;
        pair.client(&bytes);
        pair.client_ends();
        pair.answer_store();
        assert_eq!((pair.responses().len(), pair.next()), (1, Next::Close), "{bytes}");
    }
}

#[test]
fn pipelined_calls_of_a_client_that_only_stops_sending_are_all_answered() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n".repeat(3));
    pair.client_ends();
    for _ in 0..3 {
        pair.answer_store();
    }
    assert_eq!((pair.responses().len(), pair.next()), (3, Next::Close));
}

#[test]
fn a_client_that_ends_between_requests_is_closed() {
    let mut pair = Pair::default();
    pair.client_ends();
    assert_eq!((pair.next(), pair.client_heard(), pair.ended.len()), (Next::Close, String::new(), 0));
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    pair.client_ends();
    assert_eq!((pair.responses().len(), pair.next()), (1, Next::Close));
}

#[test]
fn a_client_that_ends_within_a_head_is_told_so() {
    let mut pair = Pair::default();
    pair.client("GET /v1/x HTTP/1.1\r\nHo");
    pair.client_ends();
    assert_eq!((pair.response().status(), pair.next(), pair.ended.len()), (400, Next::Close, 0));
}

#[test]
fn a_whole_answer_still_reaches_a_client_that_ended_after_it() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    pair.client_ends();
    assert_eq!((pair.ended[0].outcome, pair.next()), (Outcome::Completed, Next::Continue));
    pair.client_reads = true;
    pair.drain();
    assert_eq!((pair.response().text(), pair.next()), ("a".into(), Next::Close));
}

#[test]
fn a_request_that_was_waiting_when_its_client_left_never_goes_upstream() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client("GET /live HTTP/1.1\r\nHost: p\r\n\r\n".repeat(400) + &get("/v1/x"));
    assert!(pair.ended.len() < 400, "the client takes nothing, so that some requests wait");
    pair.client_ends();
    pair.client_reads = true;
    pair.drain();
    assert_eq!((pair.ended.len(), pair.asked.0, pair.next()), (401, 0, Next::Close));
}

#[test]
fn an_upstream_that_breaks_off_before_its_head_is_complete_is_a_502() {
    for begun in ["", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        for breaks in [Pair::upstream_ends, Pair::upstream_breaks] {
            let mut pair = Pair::default();
            pair.client(get("/v1/x"));
            pair.upstream(begun);
            breaks(&mut pair);
            assert_eq!(
                (pair.response().status(), pair.response().code()),
                (502, "upstream_unreachable".into()),
                "{begun}"
            );
            assert_eq!((pair.closed, pair.next(), pair.ended[0].outcome), (1, Next::Continue, Outcome::UpstreamBroke));
        }
    }
}

#[test]
fn an_upstream_that_breaks_off_within_its_answer_is_seen_as_a_broken_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n",
    ] {
        for breaks in [Pair::upstream_ends, Pair::upstream_breaks] {
            let mut pair = Pair::default();
            pair.client(get("/v1/x"));
            pair.upstream(answer);
            breaks(&mut pair);
            let heard = pair.response();
            assert_eq!((heard.status(), heard.text(), heard.end), (200, "abc".into(), End::Cut), "{answer}");
            assert_eq!((pair.closed, pair.next(), pair.ended[0].outcome), (1, Next::Close, Outcome::UpstreamBroke));
        }
    }
}

#[test]
fn what_lasts_until_close_is_whole_only_if_the_close_was_clean() {
    for (breaks, end) in [(Pair::upstream_ends as fn(&mut Pair), End::Whole), (Pair::upstream_breaks, End::Cut)] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x"));
        pair.upstream("HTTP/1.1 200 OK\r\n\r\nabc");
        breaks(&mut pair);
        assert_eq!((pair.response().text(), pair.response().end), ("abc".into(), end));
    }
}

#[test]
fn chunks_that_go_wrong_break_the_answer() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd");
    assert_eq!((pair.response().end, pair.closed, pair.next()), (End::Cut, 1, Next::Close));
    assert_eq!(pair.ended[0].code, Some("upstream_protocol_error"));
}

#[test]
fn an_upstream_that_speaks_something_else_is_a_502() {
    for bytes in ["SSH-2.0-x\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 099 Odd\r\n\r\n", "\r\n"] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x"));
        pair.upstream(bytes);
        assert_eq!(
            (pair.response().status(), pair.response().code()),
            (502, "upstream_protocol_error".into()),
            "{bytes}"
        );
    }
}

#[test]
fn nothing_waits_any_more_for_a_client_that_is_gone() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    pair.give(SessionInput::ClientBroke);
    assert!(pair.session.client_out().is_empty());
    assert_eq!((pair.next(), pair.closed), (Next::Close, 1));
}
