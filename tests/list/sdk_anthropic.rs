//! Anthropic's own SDK for Python works through the program as it does without it.

use serde_json::{Value, json};

use super::{assert_waited, start};
use crate::harness::{Client, Connection, Entry, Mock, Options, Proxy, Recorded, get, ok, python};

const SSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn call(proxy: &Proxy, token: &str, call: &str, retries: &str) -> Value {
    python("anthropic_client.py", &[&format!("http://{}", proxy.addr), token, call, retries])
}

fn start_before(mock: &Mock) -> Proxy {
    start(&Options::with(Entry::new("claude", &mock.base_url()).dialect("anthropic")))
}

fn message(content: &Value) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 2}
    })
}

/// The events of a streamed message.
fn events() -> Vec<Value> {
    let text =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    vec![
        json!({"type": "message_start", "message": message(&json!([]))}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        text("Hel"),
        text("lo"),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
               "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]
}

fn send_event(connection: &mut Connection, event: &Value) {
    connection.chunk(format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()).as_bytes());
}

/// Answers like Anthropic's API.
fn answer(connection: &mut Connection, request: &Recorded) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body["stream"] == true {
        connection.send(SSE);
        for event in events() {
            send_event(connection, &event);
        }
        return connection.send(b"0\r\n\r\n");
    }
    let answer = if request.head.start_line.contains("/v1/models") {
        json!({
            "data": [{"id": "m", "type": "model", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}],
            "has_more": false, "first_id": "m", "last_id": "m"
        })
    } else {
        message(&json!([{"type": "text", "text": "Hello"}]))
    };
    connection.send(&ok(&answer.to_string()));
}

#[test]
fn every_call_gives_what_the_upstream_said_with_one_request() {
    let mock = Mock::start(answer);
    let proxy = start_before(&mock);
    let token = proxy.credential();
    let calls = [("message", json!("Hello")), ("stream", json!(["Hel", "lo"])), ("models", json!(["m"]))];
    for (name, expected) in calls {
        for name in [name.to_owned(), format!("{name}_bearer")] {
            let before = mock.count();
            assert_eq!(call(&proxy, &token, &name, "2"), json!({"result": expected, "attempts": 1}), "{name}");
            assert_eq!(mock.count(), before + 1, "{name}");
        }
    }
    assert!(mock.requests().iter().all(|request| request.head.has("x-api-key") && !request.head.has("authorization")));
}

/// Asserts that the SDK raises this class, after one attempt, with this status, type and code.
fn assert_raises(outcome: &Value, class: &str, status: u16, kind: &str, code: &str) {
    let raised = outcome["error"].as_array().unwrap_or_else(|| panic!("no error: {outcome}"));
    assert!(raised.contains(&json!(class)), "{outcome}");
    let got = (&outcome["status"], &outcome["type"], &outcome["code"], &outcome["attempts"]);
    assert_eq!(got, (&json!(status), &json!(kind), &json!(code), &json!(1)), "{outcome}");
}

#[test]
fn refusals_are_raised_as_the_right_class_with_our_code() {
    let mock = Mock::start(answer);
    let proxy = start_before(&mock);
    let project = proxy.project();
    let limited = proxy.token_with(&project, &json!({"max_requests": 1})).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &limited)).status(), 200);
    let inactive = proxy.project();
    let of_inactive = proxy.token(&inactive).secret;
    proxy.managed("PATCH", &format!("/manage/projects/{}", inactive.id), &json!({"is_active": false}));
    let unknown = "sk-AAAAAAAAAAAAAAAAAAAAAA";
    for name in ["message", "message_bearer"] {
        let raised = |token: &str| call(&proxy, token, name, "3");
        assert_raises(&raised(unknown), "AuthenticationError", 401, "authentication_error", "invalid_token");
        assert_raises(&raised(&of_inactive), "PermissionDeniedError", 403, "permission_error", "project_inactive");
        assert_raises(&raised(&limited), "RateLimitError", 429, "rate_limit_error", "quota_exceeded");
    }
    assert_eq!(mock.count(), 1);
}

#[test]
fn an_overloaded_upstream_is_raised_as_such() {
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).to_string();
    let mock = Mock::answering(format!("HTTP/1.1 529 Overloaded\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let proxy = start_before(&mock);
    let outcome = call(&proxy, &proxy.credential(), "message", "0");
    assert!(outcome["error"].as_array().unwrap().contains(&json!("OverloadedError")), "{outcome}");
    assert_eq!((&outcome["status"], &outcome["type"]), (&json!(529), &json!("overloaded_error")));
}

#[test]
fn over_its_tokens_rate_the_sdk_waits_as_long_as_told_and_succeeds() {
    let mock = Mock::start(answer);
    let proxy = start_before(&mock);
    // One more every three seconds, after the first twenty.
    let token = proxy.token_with(&proxy.project(), &json!({"requests_per_minute": 20})).secret;
    assert_waited(&call(&proxy, &token, "paused", "2"), mock.count());
}

#[test]
fn a_rate_limit_of_the_upstream_is_retried_as_it_says() {
    let mock = Mock::start(|connection, request| {
        if connection.is_first_request() {
            let body = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}).to_string();
            let head = format!("retry-after-ms: 50\r\nRetry-After: 1\r\nContent-Length: {}", body.len());
            connection.send(format!("HTTP/1.1 429 Too Many Requests\r\n{head}\r\n\r\n{body}").as_bytes());
        } else {
            answer(connection, request);
        }
    });
    let proxy = start_before(&mock);
    let outcome = call(&proxy, &proxy.credential(), "message", "2");
    assert_eq!((&outcome["result"], &outcome["attempts"]), (&json!("Hello"), &json!(2)), "{outcome}");
    assert_eq!(mock.count(), 2);
}

#[test]
fn a_stream_that_breaks_off_is_raised_and_not_taken_for_complete() {
    let mock = Mock::start(|connection, _| {
        connection.send(SSE);
        for event in &events()[..4] {
            send_event(connection, event);
        }
        connection.close();
    });
    let proxy = start_before(&mock);
    let outcome = call(&proxy, &proxy.credential(), "stream", "0");
    assert!(outcome["error"].is_array() && outcome["status"].is_null(), "{outcome}");
}
