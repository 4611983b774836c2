//! What of a response reaches the client: everything, unchanged, with what the proxy adds.

use super::start;
use crate::harness::{Client, Mock, Options, get, ok, post};

/// Puts an upstream that answers with these bytes behind the program and asks it once.
fn answered(response: &str) -> crate::harness::Response {
    let mock = Mock::answering(response);
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    Client::once(proxy.addr, &get("/v1/models", &token))
}

#[test]
fn status_reason_fields_and_body_reach_the_client_unchanged() {
    let response = answered(
        "HTTP/1.1 200 Very Good\r\nServer: up/1\r\nX-cUSTOM: one\r\nContent-Type: text/plain\r\nx-Custom: two\r\n\
         Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\nopenai-processing-ms: 12\r\n\r\nhello",
    );
    assert_eq!(response.head.start_line, "HTTP/1.1 200 Very Good");
    let sent = [
        "Server",
        "X-cUSTOM",
        "Content-Type",
        "x-Custom",
        "Set-Cookie",
        "Set-Cookie",
        "Content-Length",
        "openai-processing-ms",
    ];
    let passed: Vec<&str> = response.head.names().into_iter().filter(|name| sent.contains(name)).collect();
    assert_eq!(passed, sent);
    assert_eq!(response.head.values("x-custom"), ["one", "two"]);
    assert_eq!(response.head.values("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(response.body, b"hello");
}

#[test]
fn bytes_beyond_ascii_in_a_field_pass() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xf0\x9f\r\nContent-Length: 0\r\n\r\n".to_vec();
    let mock = Mock::answering(bytes.split_off(0));
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_eq!(response.value("x-name"), Some("caf\u{e9} \u{f0}\u{9f}"));
}

#[test]
fn rate_limits_of_the_upstream_pass_with_their_fields() {
    let body = r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
    for status in ["429 Too Many Requests", "529 Overloaded", "529 "] {
        let fields = "Retry-After: 7\r\nretry-after-ms: 7000\r\nx-ratelimit-limit-requests: 60\r\n\
             x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 6m0s\r\n\
             anthropic-ratelimit-requests-reset: 2026-01-01T00:00:00Z\r\nx-should-retry: true\r\n";
        let response = answered(&format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(response.head.start_line, format!("HTTP/1.1 {status}"));
        assert!(String::from_utf8_lossy(&response.head.raw).contains(fields), "{:?}", response.head);
        assert_eq!(response.text(), body);
    }
}

#[test]
fn errors_of_the_upstream_are_not_ours_to_rewrite() {
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Oops", "502 Bad Gateway", "503 Busy"] {
        let response = answered(&format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n<upstream"));
        assert_eq!(response.head.start_line, format!("HTTP/1.1 {status}"));
        assert_eq!(response.text(), "<upstream");
        assert!(response.head.has("x-proxy-request-id"));
    }
}

#[test]
fn redirects_are_passed_back_and_not_followed() {
    let mock = Mock::answering(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n",
    );
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &post("/v1/responses", &token, "{}"));
    assert_eq!(response.status(), 307);
    assert_eq!(response.value("location"), Some("http://127.0.0.1:1/elsewhere"));
    assert_eq!(mock.count(), 1);
}

#[test]
fn hop_by_hop_fields_of_the_upstream_end_here() {
    let response = answered(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\n\
         Proxy-Authenticate: Basic\r\nContent-Length: 2\r\nX-Public: 2\r\n\r\nok",
    );
    for name in ["keep-alive", "x-private", "proxy-authenticate"] {
        assert!(!response.head.has(name), "{name} passed: {:?}", response.head.fields);
    }
    assert_eq!(response.value("x-public"), Some("2"));
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let mock = Mock::answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n");
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let request = format!("HEAD /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\r\n");
    for _ in 0..2 {
        client.send(request.as_bytes());
        let response = client.response_to_head();
        assert_eq!(response.status(), 200);
        assert_eq!(response.value("content-length"), Some("1000"));
        assert_eq!(response.value("etag"), Some("\"x\""));
    }
    assert!(mock.request(0).head.start_line.starts_with("HEAD /v1/models "));
}

#[test]
fn answers_without_content_end_at_their_head() {
    for status in ["204 No Content", "304 Not Modified"] {
        let mock = Mock::answering(format!("HTTP/1.1 {status}\r\nETag: \"x\"\r\n\r\n"));
        let proxy = start(&Options::towards(&mock));
        let token = proxy.credential();
        let mut client = Client::connect(proxy.addr);
        for _ in 0..2 {
            client.send(&get("/v1/models", &token));
            let response = client.response();
            assert_eq!(response.head.start_line, format!("HTTP/1.1 {status}"));
            assert!(!response.head.has("content-length") && !response.head.has("transfer-encoding"));
        }
    }
}

#[test]
fn a_length_in_a_304_says_nothing_about_its_own_body() {
    let mock = Mock::answering("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&get("/v1/models", &token));
        assert_eq!(client.response().status(), 304);
    }
}

#[test]
fn a_chunked_response_keeps_its_trailers() {
    let response = answered(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n5\r\nhello\r\n\
         6;ext=1\r\n world\r\n0\r\nX-Checksum: abc\r\n\r\n",
    );
    assert_eq!(response.text(), "hello world");
    assert_eq!(response.trailers, [("X-Checksum".to_owned(), "abc".to_owned())]);
}

#[test]
fn a_body_that_ends_with_the_connection_reaches_the_client_whole() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
        connection.close();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&get("/v1/models", &token));
        let response = client.response();
        assert_eq!(response.text(), "until the end");
        assert_eq!(response.value("transfer-encoding"), Some("chunked"), "the connection can go on");
    }
}

#[test]
fn an_answer_of_http_1_0_reaches_the_client_as_1_1() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
        connection.close();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_eq!(response.head.start_line, "HTTP/1.1 200 OK");
    assert_eq!(response.text(), "ok");
}

#[test]
fn the_time_spent_is_told() {
    let response = answered(&String::from_utf8(ok("{}")).unwrap());
    let timing = response.head.values("server-timing").join(", ");
    let durations: Vec<f64> = ["proxy;dur=", "upstream;dur="]
        .iter()
        .map(|part| timing.split(part).nth(1).unwrap_or_else(|| panic!("{part} is missing in {timing:?}")))
        .map(|rest| rest.split([',', ';']).next().unwrap().trim().parse().unwrap())
        .collect();
    assert!(durations.iter().all(|duration| (0.0..10_000.0).contains(duration)), "{timing}");
}

#[test]
fn the_upstreams_own_server_timing_stays() {
    let response = answered("HTTP/1.1 200 OK\r\nServer-Timing: db;dur=53\r\nContent-Length: 0\r\n\r\n");
    let timing = response.head.values("server-timing").join(", ");
    assert!(timing.starts_with("db;dur=53") && timing.contains("proxy;dur="), "{timing}");
}
