//! When a request is sent a second time: once, and only where the first attempt cannot have been acted upon.

use crate::auth::Grant;
use crate::connection::Next;
use crate::exchange::Outcome;
use crate::reject::UpstreamFault;
use crate::testing::{Pair, get, grant, ok, post, request, rules};

/// A pair whose pool has one idle connection.
fn reusing() -> Pair {
    let mut pair = Pair::default();
    pair.idle = 1;
    pair
}

#[test]
fn a_get_on_a_reused_connection_that_was_closed_goes_to_a_fresh_one() {
    for breaks in [Pair::upstream_ends, Pair::upstream_breaks] {
        let mut pair = reusing();
        pair.client(get("/v1/x"));
        breaks(&mut pair);
        assert_eq!((pair.asked, pair.closed), ((2, 1), 1));
        assert_eq!(pair.uses[0].heard, pair.uses[1].heard);
        pair.upstream(ok("a"));
        assert_eq!((pair.response().text(), pair.ended.len(), pair.released), ("a".into(), 1, 1));
    }
}

#[test]
fn a_request_that_is_sent_twice_is_spent_once() {
    let mut pair = Pair::with(rules(), Some(Grant { max_requests: Some(9), ..grant() }));
    (pair.idle, pair.store.left) = (1, 9);
    pair.client(get("/v1/x"));
    pair.upstream_ends();
    pair.upstream(ok("a"));
    assert_eq!((pair.asked, pair.store.left, pair.store.asked), ((2, 1), 8, vec!["grant", "spend"]));
}

#[test]
fn the_second_failure_is_the_last() {
    let mut pair = reusing();
    pair.client(get("/v1/x"));
    pair.upstream_ends();
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.response().code()), (502, "upstream_unreachable".into()));
    assert_eq!((pair.asked, pair.closed, pair.next()), ((2, 1), 2, Next::Continue));
    assert_eq!((pair.ended.len(), pair.ended[0].outcome), (1, Outcome::UpstreamBroke));
}

#[test]
fn twice_is_the_limit_even_if_the_second_connection_was_reused_too() {
    let mut pair = reusing();
    pair.client(get("/v1/x"));
    pair.connects = false;
    pair.upstream_ends();
    pair.connect(true);
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.asked, pair.uses.len()), (502, (2, 1), 2));
}

#[test]
fn a_post_without_content_is_not_sent_twice_either() {
    for fields in ["", "Content-Length: 0\r\n"] {
        let mut pair = reusing();
        pair.client(request("POST /v1/x", fields, ""));
        pair.upstream_ends();
        assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
    }
}

#[test]
fn a_fresh_connection_that_closes_is_not_tried_again() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
}

#[test]
fn a_post_of_which_a_byte_went_out_is_never_sent_twice() {
    let mut pair = reusing();
    pair.client(post("/v1/x", "abc"));
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
    let mut pair = reusing();
    pair.upstream_reads = false;
    pair.client(post("/v1/x", "abc"));
    pair.write_size = 1;
    pair.upstream_reads = true;
    pair.drain();
    pair.upstream_write_fails();
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
}

#[test]
fn a_post_of_which_nothing_went_out_goes_whole_to_the_fresh_connection() {
    for breaks in [Pair::upstream_ends, Pair::upstream_breaks, Pair::upstream_write_fails] {
        let mut pair = reusing();
        pair.upstream_reads = false;
        pair.client(request("POST /v1/x", "Content-Length: 6\r\n", "abc"));
        breaks(&mut pair);
        assert_eq!((pair.asked, pair.closed), ((2, 1), 1));
        pair.upstream_reads = true;
        pair.client("def");
        pair.drain();
        assert_eq!((pair.uses[0].heard.len(), pair.requests().len()), (0, 1));
        assert_eq!(pair.request().text(), "abcdef");
        pair.upstream(ok("a"));
        assert_eq!((pair.response().text(), pair.next()), ("a".into(), Next::Continue));
    }
}

#[test]
fn nothing_is_sent_twice_once_a_byte_of_an_answer_came() {
    for begun in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut pair = reusing();
        pair.client(get("/v1/x"));
        pair.upstream(begun);
        pair.upstream_ends();
        assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)), "{begun}");
    }
}

#[test]
fn a_put_whose_content_is_gone_is_not_sent_again() {
    let mut pair = reusing();
    pair.client(request("PUT /v1/x", "Content-Length: 3\r\n", "abc"));
    pair.upstream_ends();
    assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
}

#[test]
fn a_put_whose_content_is_still_to_come_is_sent_again_with_it() {
    let mut pair = reusing();
    pair.client(request("PUT /v1/x", "Content-Length: 3\r\n", ""));
    pair.upstream_ends();
    assert_eq!(pair.asked, (2, 1));
    pair.client("abc");
    assert_eq!(pair.request().text(), "abc");
    pair.upstream(ok("a"));
    assert_eq!(pair.response().text(), "a");
}

#[test]
fn a_chunked_request_without_content_is_not_left_without_its_end() {
    let mut pair = reusing();
    pair.client(request("PUT /v1/x", "Transfer-Encoding: chunked\r\n", "0\r\nX-Sum: 1\r\n\r\n"));
    pair.upstream_ends();
    let all_whole = pair.requests().iter().all(|request| request.end == crate::testing::End::Whole);
    assert!(all_whole, "{:?}", pair.requests());
    assert_eq!(pair.response().status(), 502);
}

#[test]
fn a_connection_that_cannot_be_made_is_a_502() {
    let mut pair = Pair::default();
    pair.connects = false;
    pair.client(get("/v1/x"));
    pair.refuse_connection(UpstreamFault::Unreachable);
    assert_eq!((pair.response().status(), pair.response().code()), (502, "upstream_unreachable".into()));
    assert_eq!((pair.closed, pair.next(), pair.ended.len()), (0, Next::Continue, 1));
}

#[test]
fn a_fresh_connection_that_cannot_be_made_ends_the_retry() {
    let mut pair = reusing();
    pair.client(get("/v1/x"));
    pair.connects = false;
    pair.upstream_ends();
    assert!(pair.is_connecting());
    pair.refuse_connection(UpstreamFault::ConnectTimeout);
    assert_eq!((pair.response().status(), pair.response().code()), (504, "upstream_timeout".into()));
    assert_eq!(pair.ended[0].outcome, Outcome::TimedOut);
}

#[test]
fn a_failed_write_is_no_failure_if_the_answer_came_before_it() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 9\r\n", "abc"));
    pair.upstream_write_fails();
    pair.client("def");
    pair.upstream("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!((pair.response().status(), pair.response().text()), (413, "no".into()));
    assert_eq!((pair.released, pair.closed, pair.next()), (0, 1, Next::ShutdownWrite));
}
