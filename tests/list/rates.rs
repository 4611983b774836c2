//! Rates: how many requests come in a minute, by token, by address, in all, and with wrong credentials.

use std::collections::BTreeSet;
use std::thread;

use serde_json::json;

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, Proxy, Response, get};

const UNKNOWN: &str = "sk-AAAAAAAAAAAAAAAAAAAAAA";
const WRONG: &str = "Authorization: Bearer wrong-management-token\r\n";

fn token(proxy: &Proxy, per_minute: u64) -> String {
    proxy.token_with(&proxy.project(), &json!({"requests_per_minute": per_minute})).secret
}

fn models(proxy: &Proxy, token: &str) -> Response {
    Client::once(proxy.addr, &get("/v1/models", token))
}

/// As [`models`], from that address, as a trusted proxy says.
fn models_from(proxy: &Proxy, token: &str, address: &str) -> Response {
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nHost: p\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         X-Forwarded-For: {address}\r\n\r\n"
    );
    Client::once(proxy.addr, request.as_bytes())
}

fn statuses(responses: &[Response]) -> Vec<u16> {
    responses.iter().map(Response::status).collect()
}

fn number(response: &Response, field: &str) -> u64 {
    response.value(field).unwrap_or_else(|| panic!("no {field}: {:?}", response.head)).parse().unwrap()
}

#[test]
fn of_a_burst_exactly_so_many_reach_the_upstream_as_the_token_may_make() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = token(&proxy, 3);
    let responses: Vec<_> = thread::scope(|scope| {
        let started: Vec<_> = (0..8).map(|_| scope.spawn(|| models(&proxy, &token))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (passed, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status() == 200);
    assert_eq!((passed.len(), refused.len(), mock.count()), (3, 5, 3));
    let left: BTreeSet<_> =
        passed.iter().map(|response| response.value("ratelimit").unwrap()[..11].to_owned()).collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), [r#""token";r=0"#, r#""token";r=1"#, r#""token";r=2"#]);
    for response in &responses {
        assert_eq!(response.value("ratelimit-policy"), Some(r#""token";q=3;w=60"#));
    }
    for response in refused {
        assert_refused(response, 429, "rate_limit_exceeded");
        let (seconds, millis) = (number(response, "retry-after"), number(response, "retry-after-ms"));
        assert!((10_000..=20_000).contains(&millis) && seconds == millis.div_ceil(1000), "{seconds} {millis}");
        assert_eq!(response.value("ratelimit"), Some(format!(r#""token";r=0;t={seconds}"#).as_str()));
    }
}

#[test]
fn whoever_waits_as_long_as_told_is_let_in_again() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    // One more every second.
    let token = token(&proxy, 60);
    let refused = (0..100).map(|_| models(&proxy, &token)).find(|response| response.status() == 429).unwrap();
    let millis = number(&refused, "retry-after-ms");
    assert!((1..=1000).contains(&millis), "{millis}");
    thread::sleep(std::time::Duration::from_millis(millis));
    assert_eq!(models(&proxy, &token).status(), 200);
}

#[test]
fn a_request_that_a_rate_refuses_spends_nothing() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let made = proxy.token_with(&proxy.project(), &json!({"requests_per_minute": 1, "max_requests": 2}));
    let responses: Vec<_> = (0..3).map(|_| models(&proxy, &made.secret)).collect();
    assert_eq!(statuses(&responses), [200, 429, 429]);
    let path = format!("/manage/tokens/{}", made.id);
    assert_eq!(proxy.managed("GET", &path, &json!({}))["request_count"], 1);
    proxy.managed("PATCH", &path, &json!({"requests_per_minute": 0}));
    assert_eq!(statuses(&[models(&proxy, &made.secret), models(&proxy, &made.secret)]), [200, 429]);
    assert_eq!(mock.count(), 2);
}

#[test]
fn without_a_rate_no_field_tells_of_one() {
    let (_mock, proxy, token) = agreeable();
    let response = models(&proxy, &token);
    assert_eq!((response.value("ratelimit"), response.value("ratelimit-policy")), (None, None));
}

#[test]
fn errors_of_ours_tell_what_is_left_in_the_providers_shape() {
    let entry = Entry::new("claude", "http://127.0.0.1:1").dialect("anthropic");
    let proxy = start(&Options::with(entry));
    let token = token(&proxy, 1);
    let (unreachable, refused) = (models(&proxy, &token), models(&proxy, &token));
    assert_eq!((unreachable.status(), unreachable.value("ratelimit")), (502, Some(r#""token";r=0;t=60"#)));
    assert_eq!((refused.status(), &refused.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
}

#[test]
fn an_address_has_its_rate_whatever_its_tokens() {
    let mock = Mock::agreeable();
    let mut proxy = start(&Options::towards(&mock));
    let tokens = [proxy.credential(), proxy.credential()];
    proxy.restart(&Options::towards(&mock).env("IP_RATE_LIMIT", "2").env("TRUSTED_PROXIES", "127.0.0.1"));
    let from = |address: &str, token: &str| models_from(&proxy, token, address).status();
    assert_eq!([from("192.0.2.1", &tokens[0]), from("192.0.2.1", &tokens[1])], [200, 200]);
    assert_eq!([from("192.0.2.1", &tokens[0]), from("192.0.2.2, 192.0.2.1", &tokens[1])], [429, 429]);
    assert_eq!(from("192.0.2.1, 192.0.2.2", &tokens[0]), 200);
    assert_eq!([from("2001:db8::1", &tokens[0]), from("2001:db8::2", &tokens[0])], [200, 200]);
    assert_eq!([from("2001:db8::3", &tokens[0]), from("2001:db8:0:1::3", &tokens[0])], [429, 200]);
    assert_eq!(mock.count(), 6);
}

#[test]
fn nobody_chooses_an_address_without_a_trusted_proxy() {
    let mock = Mock::agreeable();
    let mut proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    proxy.restart(&Options::towards(&mock).env("IP_RATE_LIMIT", "2"));
    let responses: Vec<_> = (1..4).map(|last| models_from(&proxy, &token, &format!("192.0.2.{last}"))).collect();
    assert_eq!(statuses(&responses), [200, 200, 429]);
}

#[test]
fn the_rate_of_all_counts_proxied_and_management_requests_but_no_probes() {
    let mock = Mock::agreeable();
    let mut proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    proxy.restart(&Options::towards(&mock).env("GLOBAL_RATE_LIMIT", "2"));
    let list = |proxy: &Proxy| proxy.manage("GET", "/manage/projects", None);
    assert_eq!(statuses(&[models(&proxy, &token), list(&proxy)]), [200, 200]);
    assert_refused(&models(&proxy, &token), 429, "rate_limit_exceeded");
    let refused = list(&proxy);
    assert_eq!((refused.status(), refused.json()["code"].as_str()), (429, Some("rate_limit_exceeded")));
    assert!(number(&refused, "retry-after-ms") <= 30_000 && number(&refused, "retry-after") <= 30);
    for path in ["/health", "/live", "/ready"] {
        let probe = format!("GET {path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n");
        assert_eq!(Client::once(proxy.addr, probe.as_bytes()).status(), 200, "{path}");
    }
    assert_eq!(mock.count(), 1);
}

#[test]
fn a_wrong_credential_is_turned_away_after_too_many_failures_and_no_other() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("AUTH_FAILURE_LIMIT", "2").env("TRUSTED_PROXIES", "127.0.0.1"));
    let (project, good) = (proxy.project(), proxy.credential());
    let revoked = proxy.token(&project);
    proxy.managed("DELETE", &format!("/manage/tokens/{}", revoked.id), &json!({}));
    for wrong in [UNKNOWN, "no-token-at-all", &revoked.secret] {
        let responses: Vec<_> = (0..4).map(|_| models_from(&proxy, wrong, "192.0.2.1")).collect();
        assert_eq!(statuses(&responses), [401, 401, 429, 429], "{wrong}");
        assert_refused(&responses[3], 429, "rate_limit_exceeded");
        assert!(number(&responses[3], "retry-after-ms") <= 30_000);
        assert_eq!(models_from(&proxy, wrong, "192.0.2.2").status(), 401);
        assert_eq!(models_from(&proxy, &good, "192.0.2.1").status(), 200);
    }
    let missing = b"GET /v1/models HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n";
    let missing: Vec<_> = (0..4).map(|_| Client::once(proxy.addr, missing)).collect();
    assert_eq!(statuses(&missing), [401, 401, 401, 401]);
}

#[test]
fn without_the_limit_a_wrong_credential_is_told_so_for_ever() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("AUTH_FAILURE_LIMIT", "0"));
    assert!((0..70).all(|_| models(&proxy, UNKNOWN).status() == 401));
}

#[test]
fn the_right_management_credential_passes_while_wrong_ones_are_turned_away() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("AUTH_FAILURE_LIMIT", "2"));
    let wrong: Vec<_> = (0..4).map(|_| proxy.manage_with("GET", "/manage/projects", WRONG, "")).collect();
    assert_eq!(statuses(&wrong), [401, 401, 429, 429]);
    assert_eq!(wrong[3].json()["code"], "rate_limit_exceeded");
    assert_eq!(proxy.manage("GET", "/manage/projects", None).status(), 200);
}
