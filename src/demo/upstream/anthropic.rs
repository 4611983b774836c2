//! Anthropic's shapes: errors and messages, as its API reference describes them.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, last_user_text};
use super::openai::model_name;
use super::reply::Reply;

/// An error of that status.
pub(super) fn error(status: StatusCode, message: &str) -> Reply {
    let kind = match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        _ => "invalid_request_error",
    };
    Reply::json(json!({"type": "error", "error": {"type": kind, "message": message}})).with_status(status)
}

/// `POST /v1/messages`, whole or streamed.
pub(super) fn message(request: &Value) -> Result<Reply, String> {
    if !request["messages"].is_array() {
        return Err("messages: an array is required".to_owned());
    }
    let answer = Answer::to(&last_user_text(&request["messages"]));
    let model = model_name(request);
    if request["stream"] == true {
        return Ok(Reply::events(events(model, &answer)));
    }
    let content = json!([{"type": "text", "text": answer.text}]);
    Ok(Reply::json(object(model, &content, &json!("end_turn"), &usage(&answer, answer.output_tokens))))
}

fn events(model: &str, answer: &Answer) -> Vec<String> {
    let start = object(model, &json!([]), &Value::Null, &usage(answer, 1));
    let delta = |piece: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}});
    let mut events = vec![
        json!({"type": "message_start", "message": start}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
    ];
    events.extend(answer.pieces().map(delta));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": answer.output_tokens},
        }),
        json!({"type": "message_stop"}),
    ]);
    let text = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    events.into_iter().map(text).collect()
}

fn object(model: &str, content: &Value, stop_reason: &Value, usage: &Value) -> Value {
    json!({
        "id": "msg_demo",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

fn usage(answer: &Answer, output_tokens: usize) -> Value {
    json!({"input_tokens": answer.input_tokens, "output_tokens": output_tokens})
}
