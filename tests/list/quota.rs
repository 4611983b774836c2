//! `max_requests` is exact: never one request more, under any concurrency, and refusals spend nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal as Kill;
use serde_json::{Value, json};

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, Proxy, get};

/// Two instances on one database, and how the first was started.
fn two(mock: &Mock) -> (Options, Proxy, Proxy) {
    let options = Options::towards(mock);
    let first = start(&options);
    let second = start(&options.clone().env("DATABASE_PATH", first.database().to_str().unwrap()));
    (options, first, second)
}

/// So many clients make so many requests in all, each at one of the addresses. Says how many were served; all others
/// were over the quota.
pub(super) fn flood(addresses: &[SocketAddr], token: &str, clients: usize, requests: usize) -> usize {
    let served = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for (client, addr) in addresses.iter().cycle().take(clients).enumerate() {
            scope.spawn(move || {
                let mut connection = Client::connect(*addr);
                for _ in (client..requests).step_by(clients) {
                    connection.send(&get("/v1/models", token));
                    let response = connection.response();
                    if response.status() == 200 {
                        served.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert_refused(&response, 429, "quota_exceeded");
                    }
                }
            });
        }
    });
    served.load(Ordering::SeqCst)
}

/// What the API says is spent and what is leased.
pub(super) fn counts(proxy: &Proxy, token: &str) -> (u64, u64) {
    let shown: Value = proxy.manage("GET", &format!("/manage/tokens/{token}"), None).json();
    (shown["request_count"].as_u64().unwrap(), shown["leased_count"].as_u64().unwrap())
}

#[test]
fn a_thousand_of_four_thousand_requests_on_two_instances_pass_and_all_are_accounted_for() {
    let mock = Mock::agreeable();
    let (options, mut first, mut second) = two(&mock);
    let token = first.token_with(&first.project(), &json!({"max_requests": 1000}));
    let served = flood(&[first.addr, second.addr], &token.secret, 64, 4000);
    assert_eq!((served, mock.count()), (1000, 1000));
    for proxy in [&mut first, &mut second] {
        proxy.terminate();
        assert_eq!(proxy.wait(), Some(0));
    }
    first.restart(&options);
    assert_eq!(counts(&first, &token.id), (1000, 0));
}

#[test]
fn what_a_killed_instance_held_stays_leased_and_is_not_spent_a_second_time() {
    let mock = Mock::agreeable();
    let (_, mut first, mut second) = two(&mock);
    let token = first.token_with(&first.project(), &json!({"max_requests": 300}));
    assert_eq!(flood(&[first.addr], &token.secret, 1, 5), 5);
    first.signal(Kill::KILL);
    assert_eq!(first.wait(), None);
    let served = flood(&[second.addr], &token.secret, 16, 600);
    let (spent, leased) = counts(&second, &token.id);
    assert!(leased > 0, "blocks of 1, 2 and 4 were leased for 5 requests");
    assert_eq!(spent + leased, 300);
    assert_eq!(mock.count(), served + 5);
    assert!(mock.count() <= 300, "{} passed", mock.count());
    second.terminate();
    assert_eq!(second.wait(), Some(0));
}

#[test]
fn an_instance_that_is_killed_under_load_lets_no_request_too_much_pass() {
    let mock = Mock::agreeable();
    let (options, mut first, second) = two(&mock);
    let token = first.token_with(&first.project(), &json!({"max_requests": 500}));
    thread::scope(|scope| {
        let others = scope.spawn(|| flood(&[second.addr], &token.secret, 16, 600));
        flood(&[first.addr], &token.secret, 16, 200);
        first.signal(Kill::KILL);
        others.join().unwrap();
    });
    first.wait();
    flood(&[second.addr], &token.secret, 16, 600);
    assert!(mock.count() <= 500, "{} passed", mock.count());
    first.restart(&options);
    let (spent, leased) = counts(&first, &token.id);
    assert!(spent + leased <= 500, "{spent} spent, {leased} leased");
}

#[test]
fn a_request_that_cannot_reach_its_upstream_spends_nothing() {
    let proxy = start(&Options::with(Entry::new("gone", "http://127.0.0.1:1")));
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 1}));
    for _ in 0..3 {
        let response = Client::once(proxy.addr, &get("/v1/models", &token.secret));
        assert_refused(&response, 502, "upstream_unreachable");
    }
    assert_eq!(counts(&proxy, &token.id).0, 0);
}

#[test]
fn who_reads_a_token_sees_every_request_that_this_instance_let_pass() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 1000}));
    for n in 1..=9 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
        assert_eq!(counts(&proxy, &token.id).0, n);
    }
}

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
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let mut proxy = start(&options);
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
