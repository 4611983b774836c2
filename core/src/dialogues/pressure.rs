//! Sides that do not take what is there for them: the other side waits, and nothing is collected.

use crate::connection::Next;
use crate::testing::{End, Pair, get, request};

/// The most that may wait for one side: the mark above which the other is no longer read, and one read beyond it.
const MOST: usize = 2 * 64 * 1024;

#[test]
fn a_client_that_takes_nothing_stops_the_upstream() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    let mut taken = 0;
    while taken < 10_000_000 {
        match pair.upstream("a".repeat(16 * 1024)) {
            0 => break,
            n => taken += n,
        }
    }
    assert!(taken < MOST, "{taken} bytes were read for a client that takes none");
    assert!(!pair.session.wants_upstream());
    pair.client_reads = true;
    pair.drain();
    assert!(pair.session.wants_upstream());
    while taken < 10_000_000 {
        taken += pair.upstream("a".repeat((10_000_000 - taken).min(16 * 1024)));
    }
    assert_eq!((pair.response().content.len(), pair.response().end, pair.released), (10_000_000, End::Whole, 1));
}

#[test]
fn an_upstream_that_takes_nothing_stops_the_client() {
    let mut pair = Pair::default();
    pair.upstream_reads = false;
    pair.client(request("POST /v1/x", "Content-Length: 1000000\r\n", ""));
    let mut taken = 0;
    while taken < 1_000_000 {
        match pair.client("a".repeat(16 * 1024)) {
            0 => break,
            n => taken += n,
        }
    }
    assert!(taken < 2 * MOST, "{taken} bytes were read for an upstream that takes none");
    assert!(!pair.session.wants_client());
    pair.upstream_reads = true;
    pair.drain();
    while taken < 1_000_000 {
        taken += pair.client("a".repeat((1_000_000 - taken).min(16 * 1024)));
    }
    assert_eq!((pair.request().content.len(), pair.request().end), (1_000_000, End::Whole));
}

#[test]
fn content_for_an_upstream_that_takes_nothing_more_is_thrown_away() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 500000\r\n", "a"));
    pair.upstream_reads = false;
    pair.upstream_write_fails();
    let taken: usize = (0..30).map(|_| pair.client("a".repeat(16 * 1024))).sum();
    assert_eq!((taken, pair.session.upstream_out().len()), (30 * 16 * 1024, 0));
}

#[test]
fn a_client_that_leaves_is_seen_while_the_upstream_is_not_read() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    while pair.upstream("a".repeat(16 * 1024)) > 0 {}
    assert!(pair.session.wants_client());
    pair.client_ends();
    assert_eq!((pair.closed, pair.next()), (1, Next::Close));
}

#[test]
fn requests_are_not_taken_in_without_bound_while_one_runs() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    let mut taken = 0;
    while taken < 1_000_000 {
        match pair.client(get("/v1/y")) {
            0 => break,
            n => taken += n,
        }
    }
    assert!(taken < MOST, "{taken}");
}

#[test]
fn requests_are_not_answered_without_bound_for_a_client_that_takes_nothing() {
    let mut pair = Pair::default();
    pair.client_reads = false;
    while pair.client("GET /live HTTP/1.1\r\nHost: p\r\n\r\n".repeat(100)) > 0 {}
    assert!(pair.session.client_out().len() < MOST);
    let before = pair.ended.len();
    pair.client_reads = true;
    pair.drain();
    assert!(pair.ended.len() > before, "they are answered once there is room");
    assert_eq!(pair.responses().len(), pair.ended.len());
}
