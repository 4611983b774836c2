//! What of a request's head reaches the upstream, to the byte, and what does not.

use super::{agreeable, exchange, start};
use crate::harness::{Client, Entry, Mock, Options, get, ok};

/// The shape of a UUIDv7 in its usual spelling.
fn is_uuid_v7(text: &str) -> bool {
    let dashes = [8, 13, 18, 23].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    text.len() == 36 && dashes && text.as_bytes()[14] == b'7'
}

#[test]
fn method_target_fields_and_body_reach_the_upstream_unchanged() {
    let (mock, proxy, token) = agreeable();
    let request = format!(
        "POST /v1/chat/completions?b=2&a=%20x&flag HTTP/1.1\r\nHost: proxy.example\r\nUser-Agent: test/1\r\n\
         X-cUSTOM-a: one\r\nAccept: */*\r\nx-custom-A: two\r\nauthorization: Bearer {token}\r\n\
         CONTENT-LENGTH: 16\r\nContent-Type: application/json; charset=utf-8\r\nOpenAI-Organization:org\r\n\r\n\
         {{\"n\" : 1,\t\"n\":2}}"
    );
    let response = Client::once(proxy.addr, request.as_bytes());
    assert_eq!(response.status(), 200);
    let got = mock.only_request();
    assert_eq!(got.head.start_line, "POST /v1/chat/completions?b=2&a=%20x&flag HTTP/1.1");
    assert_eq!(got.body, b"{\"n\" : 1,\t\"n\":2}");
    let sent = ["User-Agent", "X-cUSTOM-a", "Accept", "x-custom-A", "Content-Type", "OpenAI-Organization"];
    let passed: Vec<&str> = got.head.names().into_iter().filter(|name| sent.contains(name)).collect();
    assert_eq!(passed, sent, "order or casing changed: {:?}", got.head.fields);
    assert_eq!(got.head.values("x-custom-a"), ["one", "two"]);
    assert_eq!(got.head.value("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(got.head.value("openai-organization"), Some("org"));
    assert_eq!(got.head.value("content-length"), Some("16"));
}

#[test]
fn the_casing_of_content_length_and_bytes_beyond_ascii_in_values_pass() {
    let (mock, proxy, token) = agreeable();
    let mut request = format!(
        "POST /v1/embeddings HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
         CONTENT-LENGTH: 2\r\nX-Name: "
    )
    .into_bytes();
    request.extend_from_slice(b"\xe9t\xc3\xa9\r\n\r\n{}");
    assert_eq!(Client::once(proxy.addr, &request).status(), 200);
    let head = mock.only_request().head;
    assert!(head.raw.windows(4).any(|window| window == b"\xe9t\xc3\xa9"), "{head:?}");
    assert!(head.names().contains(&"CONTENT-LENGTH"), "{head:?}");
}

#[test]
fn every_allowed_method_passes() {
    let (mock, proxy, token) = agreeable();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = format!(
            "{method} /v1/models/m HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
    }
    let methods: Vec<String> =
        mock.requests().iter().map(|r| r.head.start_line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["GET", "POST", "PUT", "PATCH", "DELETE"]);
}

#[test]
fn hop_by_hop_fields_end_here() {
    let (got, _) = exchange(
        "Connection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\nTE: trailers\r\n\
         Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Public: 2\r\n",
    );
    for name in ["keep-alive", "x-private", "te", "proxy-authorization", "proxy-connection", "upgrade"] {
        assert!(!got.head.has(name), "{name} passed: {:?}", got.head.fields);
    }
    assert!(!got.head.values("connection").iter().any(|value| value.to_ascii_lowercase().contains("x-private")));
    assert_eq!(got.head.value("x-public"), Some("2"));
}

#[test]
fn connection_cannot_name_away_what_the_proxy_itself_sets() {
    let (got, _) = exchange("Connection: authorization, host, via, x-request-id\r\nX-Request-ID: mine\r\n");
    assert!(got.head.has("authorization"));
    assert!(got.head.has("host"));
    assert!(got.head.has("via"));
    assert!(got.head.has("x-request-id"));
}

#[test]
fn the_clients_whereabouts_are_not_told() {
    let (got, _) = exchange(
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: https\r\n\
         x-forwarded-anything: b\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Client-IP: 192.0.2.1\r\n\
         CF-Connecting-IP: 192.0.2.1\r\ncf-ray: 1\r\nCF-IPCountry: DE\r\n",
    );
    for (name, _) in &got.head.fields {
        let name = name.to_ascii_lowercase();
        let tells = name.starts_with("x-forwarded") || name.starts_with("cf-");
        assert!(!tells && name != "forwarded" && !name.ends_with("-ip"), "{name} passed");
    }
}

#[test]
fn fields_that_only_look_like_removed_ones_pass() {
    let (got, _) = exchange("X-Forward: 1\r\nCFoo: 2\r\nX-Realm: 3\r\nProxied: 4\r\nX-API-Version: 5\r\n");
    for name in ["X-Forward", "CFoo", "X-Realm", "Proxied", "X-API-Version"] {
        assert!(got.head.names().contains(&name), "{name} was removed: {:?}", got.head.fields);
    }
}

#[test]
fn the_host_is_the_upstreams_and_there_once() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    assert_eq!(mock.only_request().head.value("host"), Some(mock.addr.to_string().as_str()));
}

#[test]
fn an_absolute_target_is_sent_on_in_origin_form() {
    let (mock, proxy, token) = agreeable();
    let request = format!(
        "GET http://elsewhere.example/v1/models?x=1 HTTP/1.1\r\nHost: proxy.example\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
    let head = mock.only_request().head;
    assert_eq!(head.start_line, "GET /v1/models?x=1 HTTP/1.1");
    assert_eq!(head.value("host"), Some(mock.addr.to_string().as_str()));
}

#[test]
fn via_is_added_both_ways_after_those_that_are_there() {
    let mock = Mock::answering("HTTP/1.1 200 OK\r\nVia: 1.1 far\r\nContent-Length: 0\r\n\r\n");
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\nVia: 1.0 near\r\n\r\n"
    );
    let response = Client::once(proxy.addr, request.as_bytes());
    assert_eq!(mock.only_request().head.values("via").join(", "), "1.0 near, 1.1 llm-proxy");
    assert_eq!(response.head.values("via").join(", "), "1.1 far, 1.1 llm-proxy");
}

#[test]
fn the_clients_request_id_goes_up_and_comes_back() {
    let (got, response) = exchange("X-Request-ID: my-id-1\r\nX-Correlation-ID: case-7\r\n");
    assert_eq!(got.head.value("x-request-id"), Some("my-id-1"));
    assert_eq!(got.head.value("x-correlation-id"), Some("case-7"));
    assert_eq!(response.value("x-request-id"), Some("my-id-1"));
    assert_eq!(response.value("x-proxy-request-id"), Some("my-id-1"));
}

#[test]
fn a_request_without_an_id_gets_a_uuid_of_version_7() {
    let (got, response) = exchange("");
    let id = got.head.value("x-request-id").unwrap();
    assert!(is_uuid_v7(id), "{id}");
    assert_eq!(response.value("x-proxy-request-id"), Some(id));
    assert_eq!(response.value("x-request-id"), Some(id));
    assert!(got.head.has("x-correlation-id"));
}

#[test]
fn an_id_that_is_too_long_or_not_visible_is_replaced() {
    for bad in ["x".repeat(129), "a b".to_owned(), String::new(), "caf\u{e9}".to_owned()] {
        let (got, response) = exchange(&format!("X-Request-ID: {bad}\r\n"));
        let id = got.head.value("x-request-id").unwrap();
        assert!(is_uuid_v7(id), "{bad:?} became {id:?}");
        assert_eq!(response.value("x-proxy-request-id"), Some(id));
    }
}

#[test]
fn the_upstreams_request_id_stays_and_ours_is_beside_it() {
    for name in ["x-request-id", "request-id"] {
        let mock = Mock::answering(format!("HTTP/1.1 200 OK\r\n{name}: req_up\r\nContent-Length: 0\r\n\r\n"));
        let proxy = start(&Options::towards(&mock));
        let token = proxy.credential();
        let request = format!(
            "GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
             X-Request-ID: mine\r\n\r\n"
        );
        let response = Client::once(proxy.addr, request.as_bytes());
        assert_eq!(response.value(name), Some("req_up"));
        assert_eq!(response.value("x-proxy-request-id"), Some("mine"));
        assert_eq!(mock.only_request().head.value("x-request-id"), Some("mine"));
    }
}

#[test]
fn the_path_of_the_base_url_goes_before_the_clients() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::with(Entry::new("mock", &format!("{}/api/openai/", mock.base_url()))));
    let token = proxy.credential();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models?x=/", &token)).status(), 200);
    assert_eq!(mock.only_request().head.start_line, "GET /api/openai/v1/models?x=/ HTTP/1.1");
}

#[test]
fn toward_gemini_the_key_parameter_is_removed_and_no_other() {
    let mock = Mock::answering(ok("{}"));
    let proxy = start(&Options::with(Entry::new("google", &mock.base_url()).dialect("gemini")));
    let token = proxy.credential();
    let request = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: proxy.example\r\nx-goog-api-key: {token}\r\n\r\n").into_bytes()
    };
    for target in ["/v1beta/models?key=a&alt=sse", "/v1beta/models?alt=sse&key=", "/v1beta/models?k%65y=b&alt=sse"] {
        assert_eq!(Client::once(proxy.addr, &request(target)).status(), 200);
    }
    assert_eq!(Client::once(proxy.addr, &request("/v1beta/models?keys=1&mykey=2&Key=3")).status(), 200);
    let lines: Vec<String> = mock.requests().iter().map(|r| r.head.start_line.clone()).collect();
    assert_eq!(
        lines,
        [
            "GET /v1beta/models?alt=sse HTTP/1.1",
            "GET /v1beta/models?alt=sse HTTP/1.1",
            "GET /v1beta/models?alt=sse HTTP/1.1",
            "GET /v1beta/models?keys=1&mykey=2&Key=3 HTTP/1.1",
        ]
    );
}
