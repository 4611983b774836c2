//! OpenAI's own SDKs, for Python and for Node, work through the program as they do without it.

use serde_json::{Value, json};

use super::{assert_waited, start};
use crate::harness::{Client, Connection, Entry, Mock, Options, Proxy, Recorded, get, node, ok, python};

/// Both SDKs, by the script that drives each.
const SDKS: [fn(&[&str]) -> Value; 2] =
    [|arguments| python("openai_client.py", arguments), |arguments| node("openai_client.mjs", arguments)];

const SSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chat_chunk(content: &str) -> String {
    let delta = json!({"role": "assistant", "content": content});
    let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
    format!(
        "data: {}\n\n",
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})
    )
}

/// The events of a stream, as the upstream would send them for this request.
fn events(request: &Recorded) -> Vec<String> {
    if request.head.start_line.contains("/v1/responses") {
        let event = |kind: &str| {
            let event = json!({"type": kind, "sequence_number": 0, "response": {"id": "r", "output": []}});
            format!("event: {kind}\ndata: {event}\n\n")
        };
        return vec![event("response.created"), event("response.completed")];
    }
    let usage = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                       "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    vec![chat_chunk("Hel"), chat_chunk("lo"), format!("data: {usage}\n\n"), "data: [DONE]\n\n".to_owned()]
}

/// Answers like OpenAI's API.
fn answer(connection: &mut Connection, request: &Recorded) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body["stream"] == true {
        connection.send(SSE);
        for event in events(request) {
            connection.chunk(event.as_bytes());
        }
        return connection.send(b"0\r\n\r\n");
    }
    let target = request.head.start_line.split(' ').nth(1).unwrap();
    let message = json!({"role": "assistant", "content": "Hello"});
    let answer = match target {
        "/v1/chat/completions" => json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]
        }),
        "/v1/embeddings" => json!({
            "object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
        }),
        "/v1/models" => json!({
            "object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "o"}]
        }),
        other => panic!("the SDK asked for {other}"),
    };
    connection.send(&ok(&answer.to_string()));
}

fn base_url(proxy: &Proxy) -> String {
    format!("http://{}", proxy.addr)
}

#[test]
fn every_call_gives_what_the_upstream_said_with_one_request() {
    let mock = Mock::start(answer);
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let calls = [
        ("chat", json!("Hello")),
        ("chat_stream", json!(["Hel", "lo"])),
        ("responses_stream", json!(["response.created", "response.completed"])),
        ("embeddings", json!([0.25, -0.5])),
        ("models", json!(["m"])),
    ];
    for sdk in SDKS {
        for (call, expected) in &calls {
            let before = mock.count();
            let outcome = sdk(&[&base_url(&proxy), &token, call, "2"]);
            assert_eq!(outcome, json!({"result": expected, "attempts": 1}), "{call}");
            assert_eq!(mock.count(), before + 1, "{call}");
        }
    }
}

/// Asserts that each SDK raises this class for one `chat`, after one attempt, with this status and code.
fn assert_raises(proxy: &Proxy, token: &str, class: &str, status: u16, code: &str) {
    for sdk in SDKS {
        let outcome = sdk(&[&base_url(proxy), token, "chat", "0"]);
        let raised = outcome["error"].as_array().unwrap_or_else(|| panic!("no error: {outcome}"));
        assert!(raised.contains(&json!(class)), "{code}: {outcome}");
        assert_eq!((&outcome["status"], &outcome["code"]), (&json!(status), &json!(code)), "{outcome}");
        assert!(outcome["type"].is_string(), "{outcome}");
    }
}

#[test]
fn refusals_are_raised_as_the_right_class_with_our_code() {
    let mock = Mock::start(answer);
    let broken = Entry::new("broken", "http://127.0.0.1:1");
    let mut proxy = start(&Options::towards(&mock).and(broken));
    let project = proxy.project();
    let revoked = proxy.token(&project);
    proxy.managed("DELETE", &format!("/manage/tokens/{}", revoked.id), &json!({}));
    let limited = proxy.token_with(&project, &json!({"max_requests": 1})).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &limited)).status(), 200);
    let inactive = proxy.project();
    let of_inactive = proxy.token(&inactive).secret;
    proxy.managed("PATCH", &format!("/manage/projects/{}", inactive.id), &json!({"is_active": false}));
    let unreachable = proxy.token(&proxy.project_at(&json!("broken"))).secret;
    let unknown = "sk-AAAAAAAAAAAAAAAAAAAAAA";
    assert_raises(&proxy, unknown, "AuthenticationError", 401, "invalid_token");
    assert_raises(&proxy, &revoked.secret, "AuthenticationError", 401, "token_inactive");
    assert_raises(&proxy, &of_inactive, "PermissionDeniedError", 403, "project_inactive");
    assert_raises(&proxy, &limited, "RateLimitError", 429, "quota_exceeded");
    assert_raises(&proxy, &unreachable, "InternalServerError", 502, "upstream_unreachable");
    assert_eq!(mock.count(), 1);
    proxy.restart(&Options::towards(&mock).env("MAX_REQUEST_SIZE", "10"));
    assert_raises(&proxy, &proxy.token(&project).secret, "APIError", 413, "request_too_large");
}

#[test]
fn an_endpoint_that_is_not_allowed_is_raised_as_not_found() {
    let mock = Mock::start(answer);
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let elsewhere = format!("{}/elsewhere", base_url(&proxy));
    for sdk in SDKS {
        let outcome = sdk(&[&elsewhere, &token, "chat", "0"]);
        assert!(outcome["error"].as_array().unwrap().contains(&json!("NotFoundError")), "{outcome}");
        assert_eq!(outcome["code"], "endpoint_not_found");
    }
}

#[test]
fn over_the_quota_an_sdk_gives_up_at_once() {
    let mock = Mock::start(answer);
    let proxy = start(&Options::towards(&mock));
    let limited = proxy.token_with(&proxy.project(), &json!({"max_requests": 1})).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &limited)).status(), 200);
    for sdk in SDKS {
        let outcome = sdk(&[&base_url(&proxy), &limited, "chat", "5"]);
        assert_eq!((&outcome["code"], &outcome["attempts"]), (&json!("quota_exceeded"), &json!(1)), "{outcome}");
    }
    assert_eq!(mock.count(), 1);
}

#[test]
fn over_its_tokens_rate_an_sdk_waits_as_long_as_told_and_succeeds() {
    let mock = Mock::start(answer);
    let proxy = start(&Options::towards(&mock));
    // One more every three seconds, after the first twenty.
    let token = proxy.token_with(&proxy.project(), &json!({"requests_per_minute": 20})).secret;
    let outcome = python("openai_client.py", &[&base_url(&proxy), &token, "chat_until_paused", "2"]);
    assert_waited(&outcome, mock.count());
}

#[test]
fn a_rate_limit_of_the_upstream_is_retried_as_it_says() {
    for sdk in SDKS {
        let mock = Mock::start(|connection, request| {
            if connection.is_first_request() {
                let body = r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
                let head = format!("retry-after-ms: 50\r\nRetry-After: 1\r\nContent-Length: {}", body.len());
                connection.send(format!("HTTP/1.1 429 Too Many Requests\r\n{head}\r\n\r\n{body}").as_bytes());
            } else {
                answer(connection, request);
            }
        });
        let proxy = start(&Options::towards(&mock));
        let outcome = sdk(&[&base_url(&proxy), &proxy.credential(), "chat", "2"]);
        assert_eq!((&outcome["result"], &outcome["attempts"]), (&json!("Hello"), &json!(2)), "{outcome}");
        assert_eq!(mock.count(), 2);
    }
}

#[test]
fn a_stream_that_breaks_off_is_raised_and_not_taken_for_complete() {
    let mock = Mock::start(|connection, _| {
        connection.send(SSE);
        connection.chunk(chat_chunk("Hel").as_bytes());
        connection.close();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    for sdk in SDKS {
        let outcome = sdk(&[&base_url(&proxy), &token, "chat_stream", "0"]);
        assert!(outcome["error"].is_array() && outcome["status"].is_null(), "{outcome}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_a_connection_error() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\"");
        connection.close();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let outcome = SDKS[0](&[&base_url(&proxy), &token, "chat", "0"]);
    assert!(outcome["error"].as_array().unwrap().contains(&json!("APIConnectionError")), "{outcome}");
}
