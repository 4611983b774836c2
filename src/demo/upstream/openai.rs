//! OpenAI's shapes: errors, models, chat completions and embeddings, as its API reference describes them.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, last_user_text};
use super::reply::Reply;

/// What a client gets that names no model.
pub(super) const MODEL: &str = "demo-model";

/// When the mock's model was "made", and each of its answers: a fixed time keeps answers the same. Unix seconds.
pub(super) const CREATED: u64 = 1_767_225_600;

const MODELS: [&str; 3] = [MODEL, "gpt-4o-mini", "text-embedding-3-small"];
const DEFAULT_DIMENSIONS: u64 = 1536;
const MAX_DIMENSIONS: u64 = 3072;
const MAX_INPUTS: usize = 64;

/// An error of that status.
pub(super) fn error(status: StatusCode, message: &str) -> Reply {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let code = match status {
        StatusCode::UNAUTHORIZED => json!("invalid_api_key"),
        StatusCode::NOT_FOUND => json!("not_found"),
        _ => Value::Null,
    };
    Reply::json(json!({"error": {"message": message, "type": kind, "param": null, "code": code}})).with_status(status)
}

/// The list of models.
pub(super) fn models() -> Reply {
    Reply::json(json!({"object": "list", "data": MODELS.map(model_object)}))
}

/// One model.
pub(super) fn model(id: &str) -> Reply {
    if MODELS.contains(&id) {
        return Reply::json(model_object(id));
    }
    error(StatusCode::NOT_FOUND, "The demo upstream has no such model.")
}

/// The model that a request names.
pub(super) fn model_name(request: &Value) -> &str {
    request["model"].as_str().unwrap_or(MODEL)
}

/// `POST /v1/chat/completions`, whole or streamed.
pub(super) fn chat_completion(request: &Value) -> Result<Reply, String> {
    if !request["messages"].is_array() {
        return Err("'messages' must be an array.".to_owned());
    }
    let answer = Answer::to(&last_user_text(&request["messages"]));
    if request["stream"] == true {
        let with_usage = request["stream_options"]["include_usage"] == true;
        return Ok(Reply::events(chat_events(model_name(request), &answer, with_usage)));
    }
    Ok(Reply::json(json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": CREATED,
        "model": model_name(request),
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": usage(&answer),
    })))
}

/// `POST /v1/embeddings`: vectors of length 1, the same for the same input.
pub(super) fn embeddings(request: &Value) -> Result<Reply, String> {
    let inputs: Vec<&str> = match &request["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(format!("'input' must be a string or 1 to {MAX_INPUTS} strings."));
    }
    let dimensions = request["dimensions"].as_u64().unwrap_or(DEFAULT_DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(format!("'dimensions' must be 1 to {MAX_DIMENSIONS}."));
    }
    let embed = |(index, text): (usize, &&str)| json!({"object": "embedding", "index": index, "embedding": vector(text, dimensions)});
    let data: Vec<Value> = inputs.iter().enumerate().map(embed).collect();
    let tokens: usize = inputs.iter().map(|text| text.split_whitespace().count()).sum();
    Ok(Reply::json(json!({
        "object": "list",
        "data": data,
        "model": model_name(request),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

fn chat_events(model: &str, answer: &Answer, with_usage: bool) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-demo",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model,
            "choices": choices,
        });
        // Asked for usage, the API says `null` in all chunks but the last.
        if with_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: Value, finish_reason: Value| {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        chunk(choices, Value::Null)
    };
    let mut events = vec![choice(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(answer.pieces().map(|piece| choice(json!({"content": piece}), Value::Null)));
    events.push(choice(json!({}), json!("stop")));
    if with_usage {
        events.push(chunk(json!([]), usage(answer)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.input_tokens, answer.output_tokens);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

fn model_object(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "llm-proxy-demo"})
}

/// Numbers from a hash of the text (FNV-1a, then a linear congruential step for each), scaled to length 1.
fn vector(text: &str, dimensions: u64) -> Vec<f64> {
    let step = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The upper half is the better one; an `i32` fits an `f64` exactly.
        f64::from((state >> 32) as u32 as i32)
    };
    let raw: Vec<f64> = (0..dimensions).map(next).collect();
    let length = raw.iter().map(|number| number * number).sum::<f64>().sqrt().max(1.0);
    raw.into_iter().map(|number| number / length).collect()
}
