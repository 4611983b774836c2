//! What takes too long: which limit runs, and what is seen when it is reached.

use std::time::Duration;

use crate::connection::{Next, SessionInput};
use crate::deadline::Deadline;
use crate::exchange::Outcome;
use crate::testing::{End, MANAGEMENT_TOKEN, Pair, get, ok, post, request};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_client_that_says_nothing_is_closed_without_a_word() {
    let mut pair = Pair::default();
    assert_eq!(pair.advance(seconds(10)), [Deadline::ClientHead]);
    assert_eq!((pair.next(), pair.client_heard()), (Next::Close, String::new()));
}

#[test]
fn a_head_that_drips_is_refused_ten_seconds_after_its_first_byte() {
    let mut pair = Pair::default();
    for byte in get("/v1/x").as_bytes().chunks(1).take(9) {
        pair.client(byte);
        assert_eq!(pair.advance(seconds(1)), []);
    }
    assert_eq!(pair.advance(seconds(1)), [Deadline::ClientHead]);
    assert_eq!((pair.response().status(), pair.response().code()), (408, "request_timeout".into()));
    assert_eq!((pair.response().only("x-should-retry"), pair.next()), (Some("false"), Next::ShutdownWrite));
    assert_eq!(pair.asked.0, 0);
}

#[test]
fn a_head_that_drips_on_a_kept_connection_is_refused_too() {
    let mut pair = Pair::default();
    pair.client("GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    pair.advance(seconds(60));
    pair.client("G");
    assert_eq!((pair.advance(seconds(9)), pair.advance(seconds(1))), (vec![], vec![Deadline::ClientHead]));
    assert_eq!(pair.response().status(), 408);
}

#[test]
fn content_that_stops_coming_is_the_clients_fault() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 10\r\n", "abc"));
    pair.advance(seconds(29));
    pair.client("def");
    pair.advance(seconds(29));
    assert_eq!(pair.advance(seconds(1)), [Deadline::ClientBody]);
    let heard = pair.response();
    assert_eq!((heard.status(), &*heard.code(), heard.only("connection")), (408, "request_timeout", Some("close")));
    assert_eq!((pair.closed, pair.next(), pair.ended[0].outcome), (1, Next::ShutdownWrite, Outcome::TimedOut));
}

#[test]
fn content_that_drips_until_the_whole_limit_is_the_clients_fault_too() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 100\r\n", ""));
    for _ in 0..5 {
        assert_eq!(pair.advance(seconds(20)), []);
        pair.client("a");
    }
    assert_eq!(pair.advance(seconds(20)), [Deadline::Exchange]);
    assert_eq!((pair.response().status(), pair.response().code()), (408, "request_timeout".into()));
}

#[test]
fn content_that_the_upstream_does_not_take_is_not_the_clients_fault() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(request("POST /v1/x", "Content-Length: 200000\r\n", &"a".repeat(60_000)));
    while pair.client("a".repeat(1000)) > 0 {}
    let fired = pair.advance(seconds(200));
    assert_eq!(fired.first(), Some(&Deadline::Exchange));
    assert_eq!((pair.response().status(), pair.response().code()), (504, "upstream_timeout".into()));
}

#[test]
fn a_client_that_had_to_wait_for_the_upstream_gets_its_whole_time_afterwards() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(request("POST /v1/x", "Content-Length: 200000\r\n", &"a".repeat(70_000)));
    assert_eq!(pair.advance(seconds(50)), []);
    pair.upstream_reads = true;
    pair.drain();
    assert_eq!((pair.advance(seconds(29)), pair.advance(seconds(1))), (vec![], vec![Deadline::ClientBody]));
    assert_eq!(pair.response().status(), 408);
}

#[test]
fn a_store_that_does_not_answer_is_not_waited_for_longer_than_five_seconds() {
    for bytes in [
        get("/v1/x"),
        "GET /health HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(),
        format!("GET /manage/tokens HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n\r\n"),
    ] {
        let mut pair = Pair::default();
        pair.store_answers = false;
        pair.client(&bytes);
        assert_eq!(pair.advance(seconds(5)), [Deadline::Store]);
        assert_eq!((pair.response().status(), pair.response().code()), (503, "store_unavailable".into()), "{bytes}");
        assert_eq!((pair.ended[0].outcome, pair.next()), (Outcome::TimedOut, Next::Continue));
    }
}

#[test]
fn a_connection_that_is_not_made_in_time_is_given_up_and_may_be_tried_again() {
    let mut pair = Pair::default();
    pair.connects = false;
    pair.client(get("/v1/x"));
    assert_eq!(pair.advance(seconds(10)), [Deadline::Connect]);
    let heard = pair.response();
    assert_eq!((heard.status(), &*heard.code(), heard.only("x-should-retry")), (504, "upstream_timeout", None));
    assert_eq!((pair.closed, pair.next()), (1, Next::Continue));
}

#[test]
fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let mut pair = Pair::default();
    pair.client(post("/v1/x", "abc"));
    assert_eq!((pair.advance(seconds(59)), pair.advance(seconds(1))), (vec![], vec![Deadline::ResponseHead]));
    let heard = pair.response();
    assert_eq!(
        (heard.status(), &*heard.code(), heard.only("x-should-retry")),
        (504, "upstream_timeout", Some("false"))
    );
    assert_eq!((pair.closed, pair.next(), pair.ended[0].outcome), (1, Next::Continue, Outcome::TimedOut));
}

#[test]
fn a_request_without_content_has_its_end_with_its_head() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    assert_eq!((pair.advance(seconds(59)), pair.advance(seconds(1))), (vec![], vec![Deadline::ResponseHead]));
    assert_eq!(pair.response().status(), 504);
}

#[test]
fn the_limit_for_the_head_begins_with_the_requests_end() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 2\r\n", "a"));
    pair.advance(seconds(20));
    pair.client("b");
    assert_eq!((pair.advance(seconds(59)), pair.advance(seconds(1))), (vec![], vec![Deadline::ResponseHead]));
}

#[test]
fn an_answer_that_is_no_stream_must_end_in_time() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..9 {
        assert_eq!(pair.advance(seconds(13)), []);
        pair.upstream("a");
    }
    assert_eq!(pair.advance(seconds(3)), [Deadline::Exchange]);
    assert_eq!((pair.response().end, pair.closed, pair.next()), (End::Cut, 1, Next::Close));
    assert_eq!((pair.ended[0].outcome, pair.ended[0].code), (Outcome::TimedOut, Some("upstream_timeout")));
}

#[test]
fn a_stream_has_no_total_limit_but_must_not_fall_silent() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..20 {
        assert_eq!(pair.advance(seconds(100)), []);
        pair.upstream("1\r\na\r\n");
    }
    assert_eq!((pair.advance(seconds(119)), pair.advance(seconds(1))), (vec![], vec![Deadline::StreamIdle]));
    assert_eq!((pair.response().end, pair.closed, pair.next()), (End::Cut, 1, Next::Close));
}

#[test]
fn a_stream_that_the_client_does_not_take_is_cut() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    while pair.upstream("a".repeat(10_000)) > 0 {}
    assert_eq!(pair.advance(seconds(120)), [Deadline::StreamIdle, Deadline::ClientWrite]);
    assert_eq!((pair.closed, pair.next(), pair.ended[0].outcome), (1, Next::Close, Outcome::TimedOut));
}

#[test]
fn an_answer_that_the_client_does_not_take_is_thrown_away_in_the_end() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!(pair.ended[0].outcome, Outcome::Completed);
    assert_eq!((pair.advance(seconds(29)), pair.advance(seconds(1))), (vec![], vec![Deadline::ClientWrite]));
    assert_eq!(pair.next(), Next::Close);
}

#[test]
fn a_client_that_takes_a_little_now_and_then_is_waited_for() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    for _ in 0..5 {
        assert_eq!(pair.advance(seconds(29)), []);
        pair.give(SessionInput::ClientWrote(1));
    }
    assert_eq!(pair.advance(seconds(30)), [Deadline::ClientWrite]);
}

#[test]
fn an_answer_until_close_that_the_client_does_not_take_is_cut_by_a_reset() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    assert_eq!(pair.advance(seconds(30)), [Deadline::ClientWrite]);
    assert_eq!(pair.next(), Next::Reset);
}

#[test]
fn content_of_a_management_call_that_stops_coming_is_refused() {
    let mut pair = Pair::default();
    let credential = format!("Host: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n");
    pair.client(format!("POST /manage/tokens HTTP/1.1\r\n{credential}Content-Length: 9\r\n\r\n{{"));
    assert_eq!(pair.advance(seconds(30)), [Deadline::ClientBody]);
    assert_eq!((pair.response().status(), pair.response().code()), (408, "request_timeout".into()));
    assert_eq!(pair.next(), Next::ShutdownWrite);
}

#[test]
fn a_deadline_that_comes_too_early_does_nothing() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.give(SessionInput::Deadline);
    pair.upstream(ok("a"));
    assert_eq!(pair.response().status(), 200);
}

/// What the client is told in words.
fn message(pair: &Pair) -> String {
    let body: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn each_limit_that_is_reached_is_named() {
    let case = |prepare: fn(&mut Pair), sent: &str, after: u64| {
        let mut pair = Pair::default();
        prepare(&mut pair);
        pair.client(sent);
        pair.advance(seconds(after));
        (pair.response().status(), message(&pair))
    };
    let (plain, half) = (|_: &mut Pair| {}, request("POST /v1/x", "Content-Length: 10\r\n", "abc"));
    for (got, status, expected) in [
        (case(plain, "GET /v1/x HTTP/1.1\r\n", 10), 408, "the request's head took too long to arrive"),
        (case(plain, &half, 30), 408, "the request's content took too long to arrive"),
        (case(|pair| pair.connects = false, &get("/v1/x"), 10), 504, "connecting to the upstream took too long"),
        (case(plain, &get("/v1/x"), 60), 504, "the upstream took too long to answer"),
        (
            case(|pair| pair.upstream_reads = false, &(half + &"a".repeat(7)), 200),
            504,
            "the upstream took too long to answer",
        ),
    ] {
        assert_eq!(got, (status, expected.to_owned()));
    }
}

#[test]
fn an_exchange_that_takes_too_long_as_a_whole_is_named_so() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(request("POST /v1/x", "Content-Length: 200000\r\n", &"a".repeat(60_000)));
    while pair.client("a".repeat(1000)) > 0 {}
    pair.advance(seconds(200));
    assert_eq!((pair.response().status(), message(&pair)), (504, "the exchange as a whole took too long".into()));
}
