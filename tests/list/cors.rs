//! Browsers: what a preflight is answered, whose scripts may read which answers, and who is refused by origin.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::{assert_refused, start, start_in_vain};
use crate::harness::{Client, Entry, Mock, Options, Proxy, Response};

const APP: &str = "https://app.example.com";
const EXPOSED: &str = "X-Proxy-Request-ID, X-Request-ID, Request-ID, Server-Timing, Cache-Status, Retry-After, \
                       retry-after-ms, x-should-retry, RateLimit, RateLimit-Policy, WWW-Authenticate";

/// The entry `mock`, which lists [`APP`].
fn listing(base_url: &str) -> Entry {
    Entry::new("mock", base_url).line("allowed_origins: [https://App.Example.com:443]")
}

fn behind(mock: &Mock) -> Proxy {
    start(&Options::with(listing(&mock.base_url())).env("MAX_REQUEST_SIZE", "1KiB"))
}

/// A request with an origin and further field lines.
fn ask(proxy: &Proxy, line: &str, origin: &str, fields: &str) -> Response {
    let request = format!("{line} HTTP/1.1\r\nHost: proxy.example\r\nOrigin: {origin}\r\n{fields}\r\n");
    Client::once(proxy.addr, request.as_bytes())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn assert_for_app(response: &Response) {
    assert_eq!(response.head.values("access-control-allow-origin"), [APP], "{:?}", response.head);
    assert_eq!(response.head.values("access-control-expose-headers"), [EXPOSED]);
    assert_eq!(response.head.values("vary"), ["Origin"]);
}

fn assert_for_nobody(response: &Response) {
    assert!(!response.head.has("access-control-allow-origin"), "{:?}", response.head);
    assert_eq!(response.head.values("vary"), ["Origin"]);
}

#[test]
fn a_browser_asks_first_and_then_reads_the_answer() {
    let mock = Mock::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\n\
         access-control-expose-headers: x-theirs\r\n\r\n{}",
    );
    let proxy = behind(&mock);
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(
        format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: proxy.example\r\nOrigin: {APP}\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type\r\n\r\n"
        )
        .as_bytes(),
    );
    let told = client.response();
    assert_eq!((told.status(), told.body.len(), mock.connections()), (204, 0, 0));
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-methods", "GET, POST, DELETE, PUT, PATCH, HEAD"),
        ("access-control-allow-headers", "authorization, content-type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ] {
        assert_eq!(told.head.values(name), [value]);
    }
    for name in ["content-length", "content-type", "transfer-encoding", "access-control-allow-credentials"] {
        assert!(!told.head.has(name), "{name}");
    }
    client.send(
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: proxy.example\r\nOrigin: {APP}\r\n{}Content-Length: 2\r\n\r\n{{}}",
            bearer(&token)
        )
        .as_bytes(),
    );
    let answer = client.response();
    assert_eq!(answer.status(), 200);
    assert_for_app(&answer);
    assert_eq!(mock.only_request().head.value("origin"), Some(APP));
}

#[test]
fn a_preflight_of_another_origin_is_refused() {
    let mock = Mock::agreeable();
    let proxy = behind(&mock);
    for origin in ["https://app.example.com.evil.test", "http://app.example.com", "null", ""] {
        for path in ["/v1/models", "/nowhere"] {
            let told = ask(&proxy, &format!("OPTIONS {path}"), origin, "Access-Control-Request-Method: GET\r\n");
            assert_refused(&told, 403, "origin_not_allowed");
            assert_for_nobody(&told);
        }
    }
}

#[test]
fn only_listed_origins_and_clients_that_are_no_browsers_come_through() {
    let mock = Mock::agreeable();
    let proxy = behind(&mock);
    let token = bearer(&proxy.credential());
    for origin in
        ["https://app.example.com.evil.test", "https://app.example.com:8443", "HTTPS://app.example.com", "null", ""]
    {
        let answer = ask(&proxy, "GET /v1/models", origin, &token);
        assert_refused(&answer, 403, "origin_not_allowed");
        assert_for_nobody(&answer);
    }
    let twice = ask(&proxy, "GET /v1/models", APP, &format!("Origin: {APP}\r\n{token}"));
    assert_refused(&twice, 403, "origin_not_allowed");
    assert_eq!(mock.count(), 0);
    let request = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\n{token}\r\n");
    let answer = Client::once(proxy.addr, request.as_bytes());
    assert_eq!(answer.status(), 200);
    assert_for_nobody(&answer);
}

#[test]
fn scripts_can_read_our_own_errors() {
    let mock = Mock::agreeable();
    let proxy = behind(&mock);
    let limited = bearer(&proxy.token_with(&proxy.project(), &json!({"max_requests": 1})).secret);
    let answer = ask(&proxy, "GET /v1/models", APP, &limited);
    assert_eq!(answer.status(), 200);
    assert_for_app(&answer);
    let large = format!("Content-Length: 1025\r\n{limited}");
    for (line, fields, status, code) in [
        ("GET /v1/models", "", 401, "missing_token"),
        ("GET /nowhere", "", 401, "missing_token"),
        ("GET /v1/models", "Authorization: Bearer sk-AAAAAAAAAAAAAAAAAAAAAA\r\n", 401, "invalid_token"),
        ("GET /nowhere", &limited, 404, "endpoint_not_found"),
        ("GET /v1/%zz", &limited, 400, "bad_request"),
        ("OPTIONS /v1/models", &limited, 405, "method_not_allowed"),
        ("POST /v1/responses", &large, 413, "request_too_large"),
        ("GET /v1/models", &limited, 429, "quota_exceeded"),
    ] {
        let answer = ask(&proxy, line, APP, fields);
        assert_refused(&answer, status, code);
        assert_for_app(&answer);
    }
}

#[test]
fn scripts_can_read_that_the_upstream_is_away() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = start(&Options::with(listing(&format!("http://{refusing}"))));
    let answer = ask(&proxy, "GET /v1/models", APP, &bearer(&proxy.credential()));
    assert_refused(&answer, 502, "upstream_unreachable");
    assert_for_app(&answer);
}

#[test]
fn scripts_can_read_streams() {
    let mock = Mock::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nVary: Accept-Encoding, Origin\r\n\
         Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n",
    );
    let proxy = behind(&mock);
    let answer =
        ask(&proxy, "POST /v1/responses", APP, &format!("Content-Length: 0\r\n{}", bearer(&proxy.credential())));
    assert_eq!((answer.status(), answer.text().as_str()), (200, "data: 1\n\n"));
    assert_eq!(answer.value("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.head.values("vary"), ["Accept-Encoding, Origin"]);
}

#[test]
fn the_only_provider_with_the_path_answers_its_preflights() {
    let mock = Mock::agreeable();
    let other = Entry::new("other", &mock.base_url()).line("allowed_origins: ['https://*.other.example']");
    let proxy = start(&Options::with(Entry::new("mock", &mock.base_url())).and(other));
    let asks = "Access-Control-Request-Method: GET\r\n";
    // Both have the path, so it is the default's, which lists no origins.
    let answer = ask(&proxy, "OPTIONS /v1/models", "https://a.other.example", asks);
    assert_refused(&answer, 401, "missing_token");
    assert!(!answer.head.has("vary") && !answer.head.has("access-control-allow-origin"), "{:?}", answer.head);
    let token = proxy.token(&proxy.project_at(&json!("other"))).secret;
    let answer = ask(&proxy, "GET /v1/models", "https://a.other.example", &bearer(&token));
    assert_eq!(answer.value("access-control-allow-origin"), Some("https://a.other.example"));
    assert_refused(&ask(&proxy, "GET /v1/models", "https://other.example", &bearer(&token)), 403, "origin_not_allowed");
}

#[test]
fn what_is_required_must_be_there() {
    let mock = Mock::agreeable();
    let entry = listing(&mock.base_url()).line("required_headers: [origin, X-Team]");
    let proxy = start(&Options::with(entry));
    let token = bearer(&proxy.credential());
    let request = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nX-Team: a\r\n{token}\r\n");
    let answer = Client::once(proxy.addr, request.as_bytes());
    assert_refused(&answer, 400, "origin_required");
    assert_for_nobody(&answer);
    let answer = ask(&proxy, "GET /v1/models", APP, &token);
    assert_refused(&answer, 400, "bad_request");
    assert!(answer.text().contains("the header X-Team is required here"), "{}", answer.text());
    assert_for_app(&answer);
    assert_eq!(mock.count(), 0);
    assert_eq!(ask(&proxy, "GET /v1/models", APP, &format!("x-team: a\r\n{token}")).status(), 200);
}

#[test]
fn each_denial_by_origin_is_audited() {
    let mock = Mock::agreeable();
    let entry = listing(&mock.base_url()).line("required_headers: [x-team]");
    let mut proxy = start(&Options::with(entry).env("AUDIT_STORE_IN_DB", "false"));
    let token = proxy.token(&proxy.project());
    let fields = bearer(&token.secret);
    let id = |n: u8| format!("X-Request-ID: asked-{n}\r\n");
    ask(&proxy, "OPTIONS /v1/models", "https://evil.test", &format!("Access-Control-Request-Method: GET\r\n{}", id(1)));
    ask(&proxy, "GET /v1/models", "https://evil.test", &format!("x-team: a\r\n{fields}{}", id(2)));
    ask(&proxy, "GET /v1/models", APP, &format!("{fields}{}", id(3)));
    ask(&proxy, "OPTIONS /v1/models", APP, &format!("Access-Control-Request-Method: GET\r\n{}", id(4)));
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    let text = fs::read_to_string(proxy.folder().join("data/audit.log")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (n, reason, of_token) in [(1, Some("origin_not_allowed"), false), (2, Some("origin_not_allowed"), true)]
        .into_iter()
        .chain([(3, Some("bad_request"), true), (4, None, false)])
    {
        let of_request: Vec<_> = events.iter().filter(|event| event["request_id"] == format!("asked-{n}")).collect();
        assert_eq!(of_request.len(), usize::from(reason.is_some()), "{n}: {of_request:?}");
        for event in of_request {
            assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("proxy_request"), Some("denied")));
            assert_eq!(event["reason"].as_str(), reason);
            assert_eq!(event["token_id"].as_str(), of_token.then_some(token.id.as_str()));
        }
    }
}

#[test]
fn our_own_routes_say_nothing_of_origins() {
    let mock = Mock::agreeable();
    let proxy = behind(&mock);
    for line in ["GET /health", "GET /manage/projects", "POST /live", "OPTIONS /manage/projects"] {
        let answer = ask(&proxy, line, APP, "Access-Control-Request-Method: GET\r\n");
        assert!(!answer.head.has("vary") && !answer.head.has("access-control-allow-origin"), "{:?}", answer.head);
    }
}

#[test]
fn an_origin_that_no_browser_sends_stops_the_start() {
    let mock = Mock::agreeable();
    let entry = Entry::new("mock", &mock.base_url()).line("allowed_origins: [https://app.example.com/]");
    let exited = start_in_vain(&Options::with(entry));
    assert_eq!(exited.code, Some(1));
    assert!(exited.stderr.contains("line 6, column 23: an origin ends with its host or port"), "{}", exited.stderr);
}
