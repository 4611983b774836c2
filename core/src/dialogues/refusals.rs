//! Requests that get an answer of ours: which status, in which shape, and what is not done for them.

use std::time::Duration;

use crate::auth::Grant;
use crate::connection::Next;
use crate::exchange::Outcome;
use crate::reject::Dialect;
use crate::testing::{Message, Pair, TOKEN, get, grant, ok, post, provider, request, rules, rules_for};

/// The answer to one request, with that grant in the store. Nothing goes upstream.
fn refused(grant: Option<Grant>, bytes: &str) -> Message {
    let mut pair = Pair::with(rules(), grant);
    pair.client(bytes);
    assert_eq!((pair.asked.0, pair.ended.len(), pair.ended[0].outcome), (0, 1, Outcome::Refused));
    let heard = pair.response();
    assert_eq!(pair.ended[0].code, Some(&*heard.code()));
    assert_eq!(heard.only("content-type"), Some("application/json"));
    heard
}

fn limited() -> Grant {
    Grant { max_requests: Some(5), ..grant() }
}

#[test]
fn each_reason_has_its_status_and_code() {
    let at = |grant: Grant| Some(grant);
    let cases = [
        (at(grant()), "GET /v1/x HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(), 401, "missing_token"),
        (None, get("/v1/x"), 401, "invalid_token"),
        (at(grant()), get("/v1/x").replace(TOKEN, "sk-odd"), 401, "invalid_token"),
        (at(Grant { token_active: false, ..grant() }), get("/v1/x"), 401, "token_inactive"),
        (at(Grant { expires_at: crate::time::Timestamp::default(), ..grant() }), get("/v1/x"), 401, "token_expired"),
        (at(Grant { project_active: false, ..grant() }), get("/v1/x"), 403, "project_inactive"),
        (at(grant()), request("GET /v1/x", "x-api-key: other\r\n", ""), 400, "bad_request"),
        (at(grant()), get("/v2/x"), 404, "endpoint_not_found"),
        (at(grant()), get("/v1/%2e%2e/x%2fy"), 400, "bad_request"),
        (at(grant()), request("DELETE /v1/x", "", ""), 405, "method_not_allowed"),
        (at(limited()), get("/v1/x"), 429, "quota_exceeded"),
        (at(Grant { provider: "gone".into(), ..grant() }), get("/v1/x"), 404, "endpoint_not_found"),
    ];
    for (grant, bytes, status, code) in cases {
        let heard = refused(grant, &bytes);
        assert_eq!((heard.status(), &*heard.code()), (status, code), "{bytes}");
        assert_eq!(heard.only("www-authenticate"), (status == 401).then_some("Bearer"), "{bytes}");
        assert!(!heard.text().contains(TOKEN) && !heard.text().contains("up.test"), "{heard:?}");
    }
}

#[test]
fn a_bad_token_is_answered_before_anything_is_said_about_paths() {
    for path in ["/v2/x", "/v1/%zz", "/v1/a//b"] {
        assert_eq!(refused(None, &get(path)).status(), 401, "{path}");
    }
}

#[test]
fn a_method_that_is_not_allowed_says_which_are() {
    assert_eq!(refused(Some(grant()), &request("PATCH /v1/x", "", "")).only("allow"), Some("GET, POST, PUT, HEAD"));
}

#[test]
fn errors_speak_the_providers_dialect_and_carry_the_id() {
    let id = "X-Request-ID: r1\r\n";
    for (dialect, shape) in [
        (
            Dialect::OpenAi,
            r#"{"error":{"message":"this endpoint is not available here","type":"invalid_request_error","code":"endpoint_not_found","param":null},"request_id":"r1"}"#,
        ),
        (
            Dialect::Anthropic,
            r#"{"type":"error","error":{"type":"not_found_error","message":"this endpoint is not available here","code":"endpoint_not_found"},"request_id":"r1"}"#,
        ),
        (
            Dialect::Gemini,
            r#"{"error":{"code":404,"message":"this endpoint is not available here","status":"NOT_FOUND","details":[{"reason":"endpoint_not_found"}]},"request_id":"r1"}"#,
        ),
    ] {
        let mut provider = provider();
        provider.dialect = dialect;
        let mut pair = Pair::with(rules_for(provider), Some(grant()));
        pair.client(request("GET /v2/x", id, ""));
        let heard = pair.response();
        assert_eq!(
            (heard.text(), heard.only("x-proxy-request-id"), heard.only("x-request-id")),
            (shape.into(), Some("r1"), Some("r1"))
        );
    }
}

#[test]
fn before_the_provider_is_known_the_dialect_is_guessed() {
    for (line, field, key) in [
        ("POST /v1/messages", "", "type"),
        ("GET /v1/models", "x-api-key: sk-odd\r\n", "type"),
        ("POST /v1beta/models/m:generateContent", "", "error"),
    ] {
        let heard = refused(None, &format!("{line} HTTP/1.1\r\nHost: p\r\n{field}\r\n"));
        assert_eq!(heard.status(), 401);
        let json: serde_json::Value = serde_json::from_slice(&heard.content).unwrap();
        assert!(json.get(key).is_some(), "{heard:?}");
    }
}

#[test]
fn malformed_bytes_are_refused_and_nothing_more_is_read() {
    let long = format!("GET /v1/x HTTP/1.1\r\nHost: p\r\nX: {}\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET /v1/x HTTP/1.1\r\nHost: p\r\n{}\r\n", "X: a\r\n".repeat(128));
    for (bytes, status, code) in [
        ("\x16\x03\x01\x02\x00", 400, "bad_request"),
        ("GET /v1/x HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("GET /v1/x HTTP/1.1\nHost: p\n\n", 400, "bad_request"),
        ("GET /v1/x HTTP/2.0\r\nHost: p\r\n\r\n", 400, "bad_request"),
        (
            "POST /v1/x HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "bad_request",
        ),
        (&long, 431, "headers_too_large"),
        (&many, 431, "headers_too_large"),
    ] {
        let mut pair = Pair::default();
        pair.client(bytes);
        let heard = pair.response();
        assert_eq!((heard.status(), &*heard.code(), pair.next()), (status, code, Next::ShutdownWrite));
        assert_eq!(heard.only("connection"), Some("close"));
        pair.client(get("/v1/x"));
        assert_eq!((pair.responses().len(), pair.asked.0), (1, 0));
    }
}

#[test]
fn content_that_goes_wrong_midway_is_refused_and_the_upstream_is_closed() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
    pair.client("zz\r\n");
    assert_eq!((pair.response().status(), pair.closed, pair.next()), (400, 1, Next::ShutdownWrite));
    assert_eq!(pair.request().end, crate::testing::End::Cut);
}

#[test]
fn content_that_goes_wrong_after_the_answer_began_breaks_the_answer() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    pair.client("zz\r\n");
    assert_eq!((pair.response().end, pair.closed, pair.next()), (crate::testing::End::Cut, 1, Next::Close));
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_spent() {
    let mut provider = provider();
    provider.max_request_default = 4;
    let mut pair = Pair::with(rules_for(provider), Some(limited()));
    pair.store.left = 1;
    pair.client(post("/v1/x", "12345"));
    assert_eq!((pair.response().status(), pair.response().code()), (413, "request_too_large".into()));
    assert_eq!((pair.store.asked, pair.asked.0, pair.session.next()), (vec!["grant"], 0, Next::ShutdownWrite));
}

#[test]
fn chunks_over_the_limit_are_refused_midway() {
    let mut provider = provider();
    provider.max_request_default = 4;
    let mut pair = Pair::with(rules_for(provider), Some(grant()));
    pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "4\r\n1234\r\n"));
    assert_eq!(pair.client_heard(), "");
    pair.client("1\r\n5\r\n0\r\n\r\n");
    assert_eq!((pair.response().status(), pair.response().only("connection")), (413, Some("close")));
    assert_eq!((pair.closed, pair.request().text(), pair.next()), (1, "1234".into(), Next::ShutdownWrite));
}

#[test]
fn content_of_exactly_the_limit_passes() {
    let mut provider = provider();
    provider.max_request_default = 4;
    for bytes in
        [post("/v1/x", "1234"), request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "4\r\n1234\r\n0\r\n\r\n")]
    {
        let mut pair = Pair::with(rules_for(provider.clone()), Some(grant()));
        pair.client(bytes);
        pair.upstream(ok("a"));
        assert_eq!(pair.response().status(), 200);
    }
}

#[test]
fn a_limited_token_is_spent_last_and_never_once_too_often() {
    let mut pair = Pair::with(rules(), Some(limited()));
    pair.store.left = 2;
    for content in ["a", "b"] {
        pair.client(get("/v1/x"));
        pair.upstream(ok(content));
    }
    pair.client(get("/v1/x"));
    assert_eq!((pair.response().status(), pair.response().code()), (429, "quota_exceeded".into()));
    assert_eq!(pair.response().only("x-should-retry"), Some("false"));
    assert_eq!((pair.asked.0, pair.store.asked.join(" ")), (2, "grant spend grant spend grant spend".into()));
}

#[test]
fn a_refused_request_spends_nothing() {
    for bytes in [get("/v2/x"), request("PATCH /v1/x", "", ""), get("/v1/%zz")] {
        let mut pair = Pair::with(rules(), Some(limited()));
        pair.store.left = 1;
        pair.client(&bytes);
        assert_eq!((pair.store.left, pair.store.asked), (1, vec!["grant"]), "{bytes}");
    }
}

#[test]
fn the_use_of_an_unlimited_token_is_counted_once_when_it_is_let_through() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!(pair.counted, [grant().token_id]);
    let mut pair = Pair::with(rules(), Some(limited()));
    pair.store.left = 1;
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!(pair.counted, []);
}

#[test]
fn a_store_that_is_down_is_a_503_and_never_a_401() {
    for (grant, calls) in [(grant(), 1), (limited(), 2)] {
        let mut pair = Pair::with(rules(), Some(grant));
        pair.store_answers = false;
        pair.client(get("/v1/x"));
        for call in 1..=calls {
            pair.store.is_down = call == calls;
            pair.answer_store();
        }
        let heard = pair.response();
        assert_eq!((heard.status(), &*heard.code(), heard.only("retry-after")), (503, "store_unavailable", Some("5")));
        assert_eq!((pair.asked.0, pair.next()), (0, Next::Continue));
    }
}

#[test]
fn an_outcome_that_comes_too_late_is_nobodys() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.advance(Duration::from_secs(5));
    assert_eq!(pair.response().status(), 503);
    pair.client("POST /manage/tokens HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer management-token-0123\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(pair.answer_store(), 1);
    pair.client("{}");
    assert_eq!((pair.answer_store(), pair.response().status(), pair.asked.0), (1, 400, 0));
    pair.client(get("/v1/y"));
    pair.client_breaks();
    assert_eq!(pair.answer_store(), 1);
    assert_eq!((pair.asked.0, pair.ended.len()), (0, 3));
}

#[test]
fn the_outcome_for_one_exchange_never_decides_another() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.advance(Duration::from_secs(5));
    pair.client(get("/v1/y").replace(TOKEN, "sk-AAECAwQFBgcICQoLDA0OAA"));
    pair.answer_store();
    assert_eq!((pair.response().status(), pair.asked.0), (401, 0));
}
