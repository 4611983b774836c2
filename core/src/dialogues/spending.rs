//! What a limited token's request costs: one if any byte of it reached an upstream, else nothing.

use std::time::Duration;

use crate::auth::Grant;
use crate::deadline::Deadline;
use crate::reject::UpstreamFault;
use crate::testing::{Pair, get, grant, ok, post, provider, request, rules, rules_for};

/// A pair whose token has so many left.
fn limited(left: u64) -> Pair {
    limited_under(rules(), left)
}

fn limited_under(rules: crate::rules::Rules, left: u64) -> Pair {
    let mut pair = Pair::with(rules, Some(Grant { max_requests: Some(9), ..grant() }));
    pair.store.left = left;
    pair
}

/// What the store was asked last, and what the token has left.
fn last(pair: &Pair) -> (&'static str, u64) {
    (pair.store.asked.last().unwrap(), pair.store.left)
}

#[test]
fn what_an_upstream_answered_is_spent() {
    let mut pair = limited(1);
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!((pair.response().status(), last(&pair)), (200, ("spend", 0)));
}

#[test]
fn an_upstream_that_cannot_be_reached_costs_nothing() {
    for fault in [UpstreamFault::Unreachable, UpstreamFault::ConnectTimeout] {
        let mut pair = limited(1);
        pair.connects = false;
        pair.client(get("/v1/x"));
        pair.refuse_connection(fault);
        assert_eq!((pair.ended.len(), last(&pair)), (1, ("give back", 1)), "{fault:?}");
    }
}

#[test]
fn a_connection_that_is_not_made_in_time_costs_nothing() {
    let mut pair = limited(1);
    pair.connects = false;
    pair.client(get("/v1/x"));
    assert!(pair.advance(Duration::from_secs(60)).contains(&Deadline::Connect));
    assert_eq!(last(&pair), ("give back", 1));
}

#[test]
fn a_client_that_leaves_before_the_connection_is_made_pays_nothing() {
    for leave in [Pair::client_ends, Pair::client_breaks] {
        let mut pair = limited(1);
        pair.connects = false;
        pair.client(get("/v1/x"));
        leave(&mut pair);
        assert_eq!(last(&pair), ("give back", 1));
    }
}

#[test]
fn a_client_that_leaves_while_the_store_is_asked_pays_nothing() {
    let mut pair = limited(1);
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.answer_store();
    pair.client_breaks();
    assert_eq!(last(&pair), ("spend", 1));
    pair.answer_store();
    assert_eq!(last(&pair), ("give back", 1));
}

#[test]
fn what_is_spent_too_late_is_given_back_and_is_not_the_next_requests() {
    let mut pair = limited(1);
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.answer_store();
    pair.advance(Duration::from_secs(5));
    assert_eq!(pair.response().status(), 503);
    pair.client(get("/v1/y"));
    pair.answer_store();
    assert_eq!((pair.asked.0, pair.store.spent, last(&pair)), (0, 0, ("spend", 1)));
}

#[test]
fn content_that_is_refused_costs_nothing_while_the_upstream_has_heard_nothing() {
    let mut provider = provider();
    provider.max_request_default = 4;
    for (content, status) in [("5\r\n12345\r\n", 413), ("zz\r\n", 400)] {
        for (upstream_reads, left) in [(false, ("give back", 1)), (true, ("spend", 0))] {
            let mut pair = limited_under(rules_for(provider.clone()), 1);
            pair.upstream_reads = upstream_reads;
            pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "1\r\na\r\n"));
            pair.client(content);
            assert_eq!((pair.response().status(), last(&pair)), (status, left), "{content}");
        }
    }
}

#[test]
fn an_upstream_that_closes_after_it_heard_something_is_paid() {
    let mut pair = limited(1);
    pair.client(get("/v1/x"));
    pair.upstream_breaks();
    assert_eq!((pair.response().status(), last(&pair)), (502, ("spend", 0)));
}

#[test]
fn a_second_attempt_that_fails_gives_back_only_if_the_first_one_said_nothing() {
    for (first_is_heard, left) in [(true, ("spend", 0)), (false, ("give back", 1))] {
        let mut pair = limited(1);
        (pair.idle, pair.upstream_reads) = (1, first_is_heard);
        pair.client(get("/v1/x"));
        pair.connects = false;
        pair.upstream_breaks();
        pair.refuse_connection(UpstreamFault::Unreachable);
        assert_eq!((pair.response().status(), last(&pair)), (502, left));
    }
}

#[test]
fn each_request_on_a_connection_is_judged_alone() {
    let mut pair = limited(2);
    pair.client(post("/v1/x", "a"));
    pair.upstream(ok("a"));
    pair.idle = 0;
    pair.connects = false;
    pair.client(get("/v1/x"));
    pair.refuse_connection(UpstreamFault::Unreachable);
    assert_eq!((pair.store.spent, last(&pair)), (1, ("give back", 1)));
}

#[test]
fn an_unlimited_token_gets_nothing_back() {
    let mut pair = Pair::default();
    pair.connects = false;
    pair.client(get("/v1/x"));
    pair.refuse_connection(UpstreamFault::Unreachable);
    assert_eq!(pair.store.asked, ["grant"]);
}
