//! The routes that need no secret: `/health`, `/ready`, `/live`.

use super::agreeable;
use crate::harness::{Client, Proxy, Response};

fn ask(proxy: &Proxy, method: &str, path: &str) -> Response {
    let mut client = Client::connect(proxy.addr);
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: p\r\n\r\n").as_bytes());
    if method == "HEAD" { client.response_to_head() } else { client.response() }
}

#[test]
fn health_tells_status_time_and_version() {
    let (mock, proxy, _) = agreeable();
    let response = ask(&proxy, "GET", "/health");
    assert_eq!(response.status(), 200);
    assert_eq!(response.value("content-type"), Some("application/json"));
    let body = response.json();
    assert_eq!(body["status"], "ok");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    let timestamp = body["timestamp"].as_str().unwrap();
    assert!(timestamp.len() >= 20 && &timestamp[10..11] == "T" && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!(mock.connections(), 0);
}

#[test]
fn ready_and_live_are_single_words() {
    let (_mock, proxy, _) = agreeable();
    for (path, word) in [("/ready", "ready"), ("/live", "alive")] {
        let response = ask(&proxy, "GET", path);
        assert_eq!((response.status(), response.text().as_str()), (200, word));
        assert!(response.value("content-type").unwrap().starts_with("text/plain"));
    }
}

#[test]
fn a_head_request_gets_the_head_of_the_get() {
    let (_mock, proxy, _) = agreeable();
    for path in ["/health", "/ready", "/live"] {
        let (got, head) = (ask(&proxy, "GET", path), ask(&proxy, "HEAD", path));
        assert_eq!(head.status(), 200);
        assert_eq!(head.value("content-type"), got.value("content-type"));
        assert!(head.body.is_empty());
    }
}

#[test]
fn another_method_is_named_with_the_right_ones() {
    let (_mock, proxy, _) = agreeable();
    for path in ["/health", "/ready", "/live"] {
        for method in ["POST", "DELETE", "OPTIONS"] {
            let response = ask(&proxy, method, path);
            assert_eq!(response.status(), 405, "{method} {path}");
            let mut allowed: Vec<&str> = response.value("allow").unwrap().split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, ["GET", "HEAD"]);
        }
    }
}

#[test]
fn a_query_changes_nothing() {
    let (_mock, proxy, _) = agreeable();
    assert_eq!(ask(&proxy, "GET", "/live?x=1").text(), "alive");
}
