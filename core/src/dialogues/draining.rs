//! The program stops: what runs is finished, nothing new is begun.

use std::time::Duration;

use crate::auth::Grant;
use crate::connection::Next;
use crate::deadline::Deadline;
use crate::exchange::Outcome;
use crate::testing::{Pair, get, ok, request};

#[test]
fn a_fresh_connection_gets_a_moment_for_the_request_that_may_be_on_the_wire() {
    let mut pair = Pair::default();
    pair.drain_starts();
    assert_eq!((pair.next(), pair.advance(Duration::from_millis(900))), (Next::Continue, vec![]));
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!(pair.response().only("connection"), Some("close"));
    let mut pair = Pair::default();
    pair.drain_starts();
    assert_eq!(pair.advance(Duration::from_secs(1)), [Deadline::ClientHead]);
    assert_eq!(pair.next(), Next::Close);
}

#[test]
fn an_idle_connection_is_closed_at_once() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    pair.drain_starts();
    assert_eq!(pair.next(), Next::Close);
}

#[test]
fn a_request_whose_head_has_begun_is_still_served() {
    let mut pair = Pair::default();
    let bytes = get("/v1/x");
    pair.client(&bytes[..20]);
    pair.drain_starts();
    assert_eq!(pair.next(), Next::Continue);
    pair.client(&bytes[20..]);
    pair.upstream(ok("a"));
    assert_eq!((pair.response().text(), pair.response().only("connection")), ("a".into(), Some("close")));
    assert_eq!(pair.next(), Next::ShutdownWrite);
}

#[test]
fn a_head_that_has_begun_and_does_not_go_on_holds_no_stop() {
    for before in [false, true] {
        let mut pair = Pair::default();
        if before {
            pair.client(get("/v1/x"));
            pair.upstream(ok("a"));
            assert_eq!(pair.response().status(), 200);
        }
        pair.client(&get("/v1/x")[..20]);
        pair.drain_starts();
        assert_eq!(pair.advance(Duration::from_secs(1)), [Deadline::ClientHead]);
        assert_eq!(pair.response().status(), 408);
    }
}

#[test]
fn an_exchange_that_runs_is_finished_and_says_close_while_it_can() {
    let stages: [fn(&mut Pair); 6] = [
        |pair| {
            pair.store.grant = pair.store.grant.clone().map(|grant| Grant { max_requests: Some(1), ..grant });
            (pair.store_answers, pair.store.left) = (false, 1);
            pair.client(get("/v1/x"));
            pair.answer_store();
            pair.drain_starts();
            pair.answer_store();
        },
        |pair| {
            pair.store_answers = false;
            pair.client(get("/v1/x"));
            pair.drain_starts();
            pair.answer_store();
        },
        |pair| {
            pair.connects = false;
            pair.client(get("/v1/x"));
            pair.drain_starts();
            pair.connect(false);
        },
        |pair| {
            pair.client(request("POST /v1/x", "Content-Length: 3\r\n", "a"));
            pair.drain_starts();
            pair.client("bc");
        },
        |pair| {
            pair.client(get("/v1/x"));
            pair.drain_starts();
        },
        |pair| {
            pair.client(get("/v1/x"));
            pair.upstream("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2");
            pair.drain_starts();
            pair.upstream("00 OK\r\nContent-Length: 1\r\n\r\na");
        },
    ];
    for (stage, run) in stages.into_iter().enumerate() {
        let mut pair = Pair::default();
        run(&mut pair);
        pair.upstream(ok("a"));
        assert_eq!(
            (pair.response().text(), pair.response().only("connection")),
            ("a".into(), Some("close")),
            "{stage}"
        );
        assert_eq!((pair.ended[0].outcome, pair.released), (Outcome::Completed, 1), "{stage}");
        assert_eq!(pair.next(), Next::ShutdownWrite, "{stage}");
    }
}

#[test]
fn an_answer_that_runs_is_finished_and_what_waits_behind_it_is_not_begun() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x") + &get("/v1/y"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
    pair.drain_starts();
    assert_eq!(pair.next(), Next::Continue);
    pair.upstream("b");
    assert_eq!((pair.response().text(), pair.requests().len(), pair.next()), ("ab".into(), 1, Next::ShutdownWrite));
}

#[test]
fn an_answer_that_waits_for_its_client_is_still_written() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    pair.drain_starts();
    assert_eq!(pair.next(), Next::Continue);
    pair.client_reads = true;
    pair.drain();
    assert_eq!((pair.response().text(), pair.next()), ("a".into(), Next::Close));
}

#[test]
fn readiness_is_denied_from_then_on_and_liveness_is_not() {
    for (path, status, text) in [("/ready", 503, "draining"), ("/live", 200, "alive")] {
        let mut pair = Pair::default();
        pair.client(&format!("GET {path} HTTP/1.1\r\n")[..5]);
        pair.drain_starts();
        pair.client(&format!("GET {path} HTTP/1.1\r\nHost: p\r\n\r\n")[5..]);
        assert_eq!((pair.response().status(), pair.response().text()), (status, text.into()));
        assert_eq!((pair.response().only("connection"), pair.next()), (Some("close"), Next::ShutdownWrite));
    }
}

#[test]
fn draining_twice_is_draining_once() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.drain_starts();
    pair.drain_starts();
    pair.upstream(ok("a"));
    pair.drain_starts();
    assert_eq!((pair.ended.len(), pair.next()), (1, Next::ShutdownWrite));
}
