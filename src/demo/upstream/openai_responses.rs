//! OpenAI's Responses API: a whole answer, or its events in the order in which the API sends them.

use serde_json::{Value, json};

use super::answer::{Answer, last_user_text};
use super::openai::{CREATED, model_name};
use super::reply::Reply;

const RESPONSE: &str = "resp_demo";
const ITEM: &str = "msg_demo";

/// `POST /v1/responses`, whole or streamed. `input` is a string or a list of messages.
pub(super) fn response(request: &Value) -> Result<Reply, String> {
    let question = match &request["input"] {
        Value::String(text) => text.clone(),
        messages @ Value::Array(_) => last_user_text(messages),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err("'input' must be a string or an array.".to_owned());
        }
    };
    let answer = Answer::to(&question);
    let model = model_name(request);
    if request["stream"] == true {
        return Ok(Reply::events(events(model, &answer)));
    }
    Ok(Reply::json(completed(model, &answer)))
}

fn events(model: &str, answer: &Answer) -> Vec<String> {
    let text = &answer.text;
    let delta = |piece: &str| json!({"type": "response.output_text.delta", "item_id": ITEM, "output_index": 0, "content_index": 0, "delta": piece});
    let mut events = vec![
        json!({"type": "response.created", "response": object(model, "in_progress", &json!([]), &Value::Null)}),
        json!({"type": "response.in_progress", "response": object(model, "in_progress", &json!([]), &Value::Null)}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", &json!([]))}),
        json!({"type": "response.content_part.added", "item_id": ITEM, "output_index": 0, "content_index": 0, "part": part("")}),
    ];
    events.extend(answer.pieces().map(delta));
    events.extend([
        json!({"type": "response.output_text.done", "item_id": ITEM, "output_index": 0, "content_index": 0, "text": text}),
        json!({"type": "response.content_part.done", "item_id": ITEM, "output_index": 0, "content_index": 0, "part": part(text)}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item("completed", &json!([part(text)]))}),
        json!({"type": "response.completed", "response": completed(model, answer)}),
    ]);
    events.into_iter().enumerate().map(number).collect()
}

/// The event as text, with its place in the stream.
fn number((number, mut event): (usize, Value)) -> String {
    event["sequence_number"] = json!(number);
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
}

fn completed(model: &str, answer: &Answer) -> Value {
    let (input, output) = (answer.input_tokens, answer.output_tokens);
    let usage = json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + output,
    });
    object(model, "completed", &json!([item("completed", &json!([part(&answer.text)]))]), &usage)
}

fn object(model: &str, status: &str, output: &Value, usage: &Value) -> Value {
    json!({
        "id": RESPONSE,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    })
}

fn item(status: &str, content: &Value) -> Value {
    json!({"id": ITEM, "type": "message", "status": status, "role": "assistant", "content": content})
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}
