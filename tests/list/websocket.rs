//! WebSocket upgrades as bytes on sockets: what passes, what ends a tunnel, and what it counts.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{EXPIRE, assert_refused, quota, start};
use crate::harness::{Broken, Client, Mock, Options, PATIENCE, Proxy, Signal, get, ok, sqlite};

const FIELDS: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn asking(token: &str) -> Vec<u8> {
    format!("GET /v1/realtime HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n{FIELDS}\r\n").into_bytes()
}

/// An upstream that grants every WebSocket, and echoes bytes until it hears `bye`.
fn echo() -> Mock {
    Mock::raw(|connection| {
        let Some(_) = connection.request() else { return };
        connection.switch();
        while let Some(piece) = connection.piece(usize::MAX) {
            if piece == b"bye" {
                return;
            }
            connection.send(&piece);
        }
    })
}

/// A client whose tunnel stands.
fn tunnel(proxy: &Proxy, token: &str) -> Client {
    let mut client = Client::connect(proxy.addr);
    client.send(&asking(token));
    client.switched();
    client.send(b"hello");
    client.expect_body(b"hello");
    client
}

/// Waits for the event of a tunnel that was cut.
fn reason_of_denial(proxy: &Proxy) -> String {
    let begin = Instant::now();
    loop {
        let events = proxy.managed("GET", "/manage/audit?action=proxy_request", &json!({}));
        if let Some(event) = events["events"].as_array().and_then(|events| events.first()) {
            assert_eq!(event["outcome"], "denied", "{event}");
            return event["reason"].as_str().unwrap_or_default().to_owned();
        }
        assert!(begin.elapsed() < PATIENCE, "no event: {events}");
    }
}

#[test]
fn bytes_pass_both_ways_unchanged_also_those_that_came_with_the_heads() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&[asking(&token), b"early".to_vec()].concat());
    let head = client.switched();
    assert_eq!((head.value("connection"), head.value("upgrade")), (Some("Upgrade"), Some("websocket")));
    assert!(head.has("x-proxy-request-id") && !head.has("content-length") && !head.has("transfer-encoding"));
    client.expect_body(b"early");
    let bytes: Vec<u8> = (0..1024 * 1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for piece in bytes.chunks(100_000) {
        client.send(piece);
        let mut got = Vec::new();
        while got.len() < piece.len() {
            got.extend(client.piece(usize::MAX).unwrap().expect("the tunnel ended"));
        }
        assert!(got == piece, "bytes were changed");
    }
    client.send(b"GET / HTTP/1.1\r\n\r\n");
    client.expect_body(b"GET / HTTP/1.1\r\n\r\n");
    let heard = mock.only_request().head;
    assert_eq!((heard.value("connection"), heard.value("upgrade")), (Some("Upgrade"), Some("websocket")));
    assert!(!String::from_utf8_lossy(&heard.raw).contains(&token));
}

#[test]
fn a_101_that_comes_late_finds_what_was_said_meanwhile() {
    let grant = Signal::default();
    let waiting = grant.clone();
    let mock = Mock::raw(move |connection| {
        let Some(_) = connection.request() else { return };
        waiting.wait();
        connection.switch();
        while let Some(piece) = connection.piece(usize::MAX) {
            connection.send(&piece);
        }
    });
    let proxy = start(&Options::towards(&mock));
    let mut client = Client::connect(proxy.addr);
    client.send(&asking(&proxy.credential()));
    mock.request(0);
    client.send(b"are you ");
    client.send(b"there?");
    grant.set();
    client.switched();
    client.expect_body(b"are you there?");
}

#[test]
fn another_answer_leaves_both_connections_as_they_were() {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let mock = Mock::start(move |connection, request| {
        connection.send(if request.head.has("upgrade") { refusal.into() } else { ok("{}") }.as_slice());
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..3 {
        client.send(&asking(&token));
        let response = client.response();
        assert_eq!((response.status(), response.text().as_str()), (403, "no"));
        client.send(&get("/v1/models", &token));
        assert_eq!(client.response().status(), 200);
    }
    assert_eq!((mock.count(), mock.connections()), (6, 1));
}

#[test]
fn an_upgrade_is_admitted_like_any_request() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock));
    let unknown = "sk-AAAAAAAAAAAAAAAAAAAAAA";
    assert_refused(&Client::once(proxy.addr, &asking(unknown)), 401, "invalid_token");
    let offered = format!("Sec-WebSocket-Protocol: openai-insecure-api-key.{unknown}\r\n");
    let both =
        String::from_utf8(asking(&proxy.credential())).unwrap().replace("\r\n\r\n", &format!("\r\n{offered}\r\n"));
    assert_eq!(Client::once(proxy.addr, both.as_bytes()).status(), 400);
    let elsewhere = String::from_utf8(asking(&proxy.credential())).unwrap().replace("/v1/realtime", "/v1/files");
    assert_refused(&Client::once(proxy.addr, elsewhere.as_bytes()), 404, "endpoint_not_found");
    assert_eq!(mock.connections(), 0);
}

#[test]
fn either_sides_end_ends_the_tunnel_behind_its_last_byte() {
    let closed = Signal::default();
    let heard = closed.clone();
    let mock = Mock::raw(move |connection| {
        let Some(_) = connection.request() else { return };
        connection.switch();
        while let Some(piece) = connection.piece(usize::MAX) {
            if piece == b"bye" {
                return connection.send(b"farewell");
            }
            connection.send(&piece);
        }
        heard.set();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = tunnel(&proxy, &token);
    client.send(b"bye");
    client.expect_body(b"farewell");
    client.expect_end();
    let mut client = tunnel(&proxy, &token);
    client.send(b"last words");
    client.half_close();
    client.expect_body(b"last words");
    client.expect_end();
    closed.wait();
}

#[test]
fn a_tunnel_that_breaks_looks_broken_on_the_other_side() {
    let closed = Signal::default();
    let heard = closed.clone();
    let mock = Mock::raw(move |connection| {
        let Some(_) = connection.request() else { return };
        connection.switch();
        let piece = connection.piece(usize::MAX).unwrap_or_default();
        connection.send(&piece);
        if connection.closed(PATIENCE).is_some() {
            heard.set();
        }
    });
    let proxy = start(&Options::towards(&mock));
    tunnel(&proxy, &proxy.credential()).reset();
    closed.wait();
}

#[test]
fn a_token_that_is_revoked_loses_its_tunnel_within_the_grant_age() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "1s"));
    let token = proxy.token(&proxy.project());
    let mut client = tunnel(&proxy, &token.secret);
    proxy.managed("DELETE", &format!("/manage/tokens/{}", token.id), &json!({}));
    let begin = Instant::now();
    client.expect_end();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(reason_of_denial(&proxy), "token_inactive");
}

#[test]
fn a_project_that_is_switched_off_loses_its_tunnels() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "1s"));
    let project = proxy.project();
    let mut client = tunnel(&proxy, &proxy.token(&project).secret);
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"is_active": false}));
    client.expect_end();
    assert_eq!(reason_of_denial(&proxy), "project_inactive");
}

#[test]
fn a_token_that_has_expired_loses_its_tunnel() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "200ms"));
    let token = proxy.token(&proxy.project());
    let mut client = tunnel(&proxy, &token.secret);
    assert_eq!(sqlite(&proxy.database(), EXPIRE, &[&token.id]), 1);
    client.expect_end();
    assert_eq!(reason_of_denial(&proxy), "token_expired");
}

#[test]
fn a_tunnel_lives_longer_than_the_grant_age_and_counts_one_request() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "100ms"));
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 1}));
    let mut client = tunnel(&proxy, &token.secret);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        client.send(b"ping");
        client.expect_body(b"ping");
    }
    assert_refused(&Client::once(proxy.addr, &asking(&token.secret)), 429, "quota_exceeded");
    client.send(b"bye");
    client.expect_end();
    assert_eq!(quota::counts(&proxy, &token.id).0, 1);
}

#[test]
fn an_idle_tunnel_is_ended() {
    let mock = echo();
    let entry = crate::harness::Entry::new("mock", &mock.base_url()).line("timeouts: {stream_idle: 300ms}");
    let proxy = start(&Options::with(entry));
    let begin = Instant::now();
    tunnel(&proxy, &proxy.credential()).expect_end();
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
}

#[test]
fn a_tunnel_that_ends_during_the_drain_lets_the_program_end_well() {
    let mock = echo();
    let mut proxy = start(&Options::towards(&mock));
    let mut client = tunnel(&proxy, &proxy.credential());
    let mut idle = Client::connect(proxy.addr);
    idle.send(b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    assert_eq!(idle.response().status(), 200);
    proxy.terminate();
    idle.expect_close();
    client.send(b"still here");
    client.expect_body(b"still here");
    client.send(b"bye");
    client.expect_end();
    drop(client);
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn a_tunnel_that_outlives_the_drain_is_cut() {
    let mock = echo();
    let mut proxy = start(&Options::towards(&mock).env("SHUTDOWN_TIMEOUT", "1s"));
    let mut client = tunnel(&proxy, &proxy.credential());
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    assert!(matches!(client.piece(1), Ok(None) | Err(Broken::Reset)));
}
