//! `max_requests` is exact: never one request more, under any concurrency, and refusals spend nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use super::{agreeable, assert_refused};
use crate::harness::{Client, get};

#[test]
fn exactly_max_requests_reach_the_upstream_under_many_clients() {
    let (mock, proxy, _) = agreeable();
    let limit = 100;
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": limit})).secret;
    let (served, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let mut client = Client::connect(proxy.addr);
                for _ in 0..8 {
                    client.send(&get("/v1/models", &token));
                    let response = client.response();
                    if response.status() == 200 {
                        served.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert_refused(&response, 429, "quota_exceeded");
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!((served.into_inner(), refused.into_inner()), (limit, 32 * 8 - limit));
    assert_eq!(mock.count(), limit);
}

#[test]
fn over_the_quota_an_sdk_is_told_not_to_retry() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 1})).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_refused(&response, 429, "quota_exceeded");
    assert_eq!(response.value("x-should-retry"), Some("false"));
}

#[test]
fn a_refused_request_spends_nothing() {
    let (mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 2})).secret;
    for _ in 0..5 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/nowhere", &token)).status(), 404);
    }
    for _ in 0..2 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    }
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 429);
    assert_eq!(mock.count(), 2);
}

#[test]
fn a_raised_limit_counts_from_the_next_request_on() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 1}));
    let path = format!("/manage/tokens/{}", token.id);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 429);
    proxy.managed("PATCH", &path, &json!({"max_requests": 2}));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 429);
    proxy.managed("PATCH", &path, &json!({"max_requests": 0}));
    for _ in 0..3 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    }
}

#[test]
fn zero_is_unlimited() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 0})).secret;
    for _ in 0..3 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    }
}

#[test]
fn what_was_spent_is_seen_after_a_clean_stop_and_restart() {
    let mock = crate::harness::Mock::agreeable();
    let options = crate::harness::Options::towards(&mock);
    let mut proxy = super::start(&options);
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 5}));
    for _ in 0..3 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    }
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    proxy.restart(&options);
    let shown = proxy.manage("GET", &format!("/manage/tokens/{}", token.id), None).json();
    assert_eq!(shown["request_count"], 3, "{shown}");
    let statuses: Vec<u16> =
        (0..3).map(|_| Client::once(proxy.addr, &get("/v1/models", &token.secret)).status()).collect();
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn a_limit_that_is_set_later_counts_what_was_used_before() {
    let (mock, proxy, _) = agreeable();
    let token = proxy.token(&proxy.project());
    for _ in 0..5 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    }
    let path = format!("/manage/tokens/{}", token.id);
    let updated = proxy.managed("PATCH", &path, &json!({"max_requests": 6}));
    assert_eq!(updated["request_count"], 5);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    assert_refused(&Client::once(proxy.addr, &get("/v1/models", &token.secret)), 429, "quota_exceeded");
    assert_eq!(mock.count(), 6);
}
