//! How long connections live, on both sides.

use std::time::Duration;

use crate::connection::{Next, SessionInput};
use crate::deadline::Deadline;
use crate::exchange::Outcome;
use crate::http1::Framing;
use crate::testing::{End, Pair, get, ok, post, request};

#[test]
fn a_client_that_says_close_gets_its_answer_and_the_end() {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", "Connection: close\r\n", "") + &get("/v1/never"));
    pair.upstream(ok("a"));
    assert_eq!((pair.responses().len(), pair.response().only("connection")), (1, Some("close")));
    assert_eq!((pair.released, pair.next()), (1, Next::ShutdownWrite), "the upstream's connection is kept");
}

#[test]
fn an_upstream_that_says_close_is_closed_and_the_client_is_kept() {
    for fields in ["Connection: close\r\n", "connection: foo, Close\r\n"] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x"));
        pair.upstream(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 1\r\n\r\na"));
        assert_eq!((pair.released, pair.closed, pair.next()), (0, 1, Next::Continue));
        assert_eq!(pair.response().all("connection"), Vec::<&str>::new());
    }
}

#[test]
fn an_upstream_of_http_1_0_is_kept_only_if_it_says_so() {
    for (fields, kept) in [("", 0), ("Connection: keep-alive\r\n", 1)] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x"));
        pair.upstream(format!("HTTP/1.0 200 OK\r\n{fields}Content-Length: 1\r\n\r\na"));
        assert_eq!((pair.released, pair.closed), (kept, 1 - kept));
    }
}

#[test]
fn garbage_after_a_response_goes_nowhere_and_ends_the_upstreams_connection() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x") + &get("/v1/y"));
    pair.upstream(ok("a") + &ok("smuggled"));
    assert_eq!((pair.released, pair.closed, pair.asked.0), (0, 1, 2));
    pair.upstream(ok("b"));
    let texts: Vec<_> = pair.responses().iter().map(|message| message.text()).collect();
    assert_eq!(texts, ["a", "b"]);
}

#[test]
fn bytes_on_a_reused_connection_before_the_request_are_nobodys_answer() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.idle = 1;
    pair.client(post("/v1/x", "abc"));
    assert!(pair.uses[0].reused);
    pair.upstream(ok("left over"));
    assert_eq!((pair.closed, pair.asked), (1, (2, 1)), "the request goes to a fresh connection");
    pair.upstream_reads = true;
    pair.drain();
    pair.upstream(ok("right"));
    assert_eq!((pair.response().text(), pair.request().text()), ("right".into(), "abc".into()));
}

#[test]
fn a_connection_that_took_only_half_a_request_is_not_kept() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(post("/v1/x", "abc"));
    pair.give(SessionInput::UpstreamWrote(5));
    pair.upstream_write_fails();
    pair.upstream(ok("a"));
    assert_eq!((pair.response().text(), pair.released, pair.closed), ("a".into(), 0, 1));
}

#[test]
fn an_upstream_that_ended_while_its_answer_waited_here_is_not_kept() {
    for (ends, end, outcome) in [
        (&[Pair::upstream_ends as fn(&mut Pair)][..], End::Whole, Outcome::Completed),
        (&[Pair::upstream_breaks], End::Cut, Outcome::UpstreamBroke),
        (&[Pair::upstream_breaks, Pair::upstream_ends], End::Cut, Outcome::UpstreamBroke),
    ] {
        for head in ["", "Content-Length: 140000\r\n"] {
            let mut pair = Pair::default();
            pair.client_reads = false;
            pair.client(get("/v1/x"));
            pair.upstream(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
            pair.upstream("a".repeat(70_000));
            assert!(!pair.session.wants_upstream());
            pair.session.upstream_buffer().extend_from_slice(&[b'a'; 70_000]);
            pair.give(SessionInput::UpstreamRead(70_000));
            ends.iter().for_each(|end| end(&mut pair));
            pair.client_reads = true;
            pair.drain();
            let (end, outcome) = if head.is_empty() { (end, outcome) } else { (End::Whole, Outcome::Completed) };
            assert_eq!((pair.response().content.len(), pair.response().end), (140_000, end));
            assert_eq!((pair.ended[0].outcome, pair.released, pair.closed), (outcome, 0, 1));
        }
    }
}

#[test]
fn a_closing_upstream_after_a_whole_answer_is_not_kept() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    pair.upstream_ends();
    assert_eq!((pair.response().end, pair.ended[0].outcome), (End::Cut, Outcome::UpstreamBroke));
}

#[test]
fn an_answer_before_the_requests_end_closes_after_it_and_lingers() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 10\r\n", "abc"));
    pair.upstream(ok("no"));
    let heard = pair.response();
    assert_eq!((heard.text(), heard.only("connection")), ("no".into(), Some("close")));
    assert_eq!((pair.released, pair.closed, pair.next()), (0, 1, Next::ShutdownWrite));
    pair.client("the rest of it, thrown away");
    assert_eq!(pair.advance(Duration::from_secs(2)), [Deadline::Linger]);
    assert_eq!((pair.next(), pair.ended.len()), (Next::Close, 1));
}

#[test]
fn a_request_goes_on_upstream_while_its_early_answer_comes() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 6\r\n", "abc"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    pair.client("def");
    assert_eq!(pair.request().text(), "abcdef");
    pair.upstream("1\r\nb\r\n0\r\n\r\n");
    assert_eq!((pair.response().text(), pair.response().end), ("ab".into(), End::Whole));
    assert_eq!((pair.released, pair.next()), (1, Next::ShutdownWrite));
}

#[test]
fn lingering_ends_when_the_client_does() {
    let mut pair = Pair::default();
    pair.client("POST /live HTTP/1.1\r\nHost: p\r\nContent-Length: 9\r\n\r\n");
    assert_eq!((pair.client("rest"), pair.next()), (4, Next::ShutdownWrite));
    pair.client_ends();
    assert_eq!(pair.next(), Next::Close);
}

#[test]
fn bytes_that_no_upstream_took_are_not_left_for_the_next_one() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(post("/v1/first", "abc"));
    pair.advance(Duration::from_secs(60));
    assert_eq!((pair.response().status(), pair.next()), (504, Next::Continue));
    pair.upstream_reads = true;
    pair.client(get("/v1/second"));
    assert_eq!(pair.requests().len(), 1);
    assert!(pair.request().start.starts_with("GET /v1/second "));
}

#[test]
fn an_idle_client_is_kept_for_a_while() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.advance(Duration::from_secs(30));
    pair.upstream(ok("a"));
    assert_eq!(pair.advance(Duration::from_secs(119)), []);
    assert_eq!((pair.advance(Duration::from_secs(1)), pair.next()), (vec![Deadline::KeepAlive], Next::Close));
}

#[test]
fn pipelined_requests_wait_for_their_turn_and_are_answered_in_order() {
    let mut pair = Pair::default();
    pair.client(get("/v1/a") + "GET /live HTTP/1.1\r\nHost: p\r\n\r\n" + &post("/v1/c", "ccc"));
    assert_eq!(pair.requests().len(), 1);
    pair.upstream(ok("a"));
    pair.upstream(ok("c"));
    let texts: Vec<_> = pair.responses().iter().map(|message| message.text()).collect();
    assert_eq!(texts, ["a", "alive", "c"]);
    assert_eq!((pair.requests()[1].text(), pair.asked, pair.released), ("ccc".into(), (2, 0), 2));
}

#[test]
fn a_request_after_a_refused_one_is_answered() {
    let mut pair = Pair::default();
    pair.client("GET /v1/a HTTP/1.1\r\nHost: p\r\n\r\n".to_owned() + &get("/nowhere") + &get("/v1/c"));
    pair.upstream(ok("c"));
    let statuses: Vec<_> = pair.responses().iter().map(|message| message.status()).collect();
    assert_eq!((statuses, pair.next()), (vec![401, 404, 200], Next::Continue));
}

#[test]
fn what_follows_a_refused_request_with_content_is_not_read_as_a_request() {
    let mut pair = Pair::default();
    let hidden = get("/v1/hidden");
    pair.client(format!("POST /v1/a HTTP/1.1\r\nHost: p\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()));
    pair.client(get("/v1/later"));
    assert_eq!((pair.responses().len(), pair.response().status(), pair.asked.0), (1, 401, 0));
    assert_eq!((pair.response().only("connection"), pair.next()), (Some("close"), Next::ShutdownWrite));
}

#[test]
fn a_malformed_request_behind_a_good_one_is_refused_after_its_answer() {
    let mut pair = Pair::default();
    pair.client(get("/v1/a") + "BAD\r\n\r\n");
    pair.upstream(ok("a"));
    let statuses: Vec<_> = pair.responses().iter().map(|message| message.status()).collect();
    assert_eq!((statuses, pair.next(), pair.released), (vec![200, 400], Next::ShutdownWrite, 1));
}

#[test]
fn an_answer_until_close_is_not_ended_by_a_reset_unless_it_broke() {
    for (broken, next) in [(false, Next::ShutdownWrite), (true, Next::Reset)] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"));
        pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        if broken {
            pair.give(SessionInput::UpstreamBroke);
        } else {
            pair.upstream("0\r\n\r\n");
        }
        assert_eq!((pair.response().framing, pair.next()), (Framing::UntilClose, next));
    }
}
