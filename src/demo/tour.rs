//! What a newcomer sees: a project and a token are made, the lines to try are printed, and one streamed answer comes
//! through the proxy.

use std::io::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::DemoUpstream;
use super::client::{CallError, post, post_streaming};

const QUESTION: &str = "Is this thing on?";

/// Goes through it against the running proxy at `addr`, with the operator's credential.
pub(crate) fn show(addr: SocketAddr, management_token: &str, provider: &str) -> Result<(), CallError> {
    let project = json!({"name": "demo", "api_key": DemoUpstream::expected_key(), "provider": provider});
    let project = call(addr, "/manage/projects", management_token, &project)?;
    let token = json!({"project_id": project["id"], "duration_minutes": 60, "requests_per_minute": 0});
    let token = call(addr, "/manage/tokens", management_token, &token)?;
    let token = token["token"].as_str().ok_or(CallError::Unexpected("no token in it"))?;
    print_lines(addr, management_token, token);
    stream_one_answer(addr, token)?;
    println!("\n\nThat came word by word through the proxy. It runs until you press Ctrl-C.");
    Ok(())
}

fn call(addr: SocketAddr, path: &str, bearer: &str, body: &Value) -> Result<Value, CallError> {
    let answer = post(addr, path, bearer, &body.to_string())?;
    serde_json::from_slice(&answer).map_err(|_| CallError::Unexpected("it is not JSON"))
}

fn print_lines(addr: SocketAddr, management_token: &str, token: &str) {
    println!(
        "llm-proxy demo\n\
         \n\
         The proxy listens on http://{addr}, in front of a built-in mock upstream. The project holds the\n\
         upstream's key; this token stands for it, for an hour:\n\
         \n    {token}\n\
         \nTry it with curl:\n\
         \n    curl -N http://{addr}/v1/chat/completions -H 'Authorization: Bearer {token}' \\\n      \
         -H 'Content-Type: application/json' \\\n      \
         -d '{{\"model\":\"demo\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\
         \nor with OpenAI's Python SDK:\n\
         \n    from openai import OpenAI\n    \
         client = OpenAI(base_url=\"http://{addr}/v1\", api_key=\"{token}\")\n    \
         for chunk in client.chat.completions.create(model=\"demo\", stream=True,\n            \
         messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}]):\n        \
         print(chunk.choices[0].delta.content or \"\", end=\"\", flush=True)\n\
         \nManage projects and tokens with the management token:\n\
         \n    curl http://{addr}/manage/tokens -H 'Authorization: Bearer {management_token}'\n\
         \nOne streamed answer to \"{QUESTION}\":\n"
    );
}

fn stream_one_answer(addr: SocketAddr, token: &str) -> Result<(), CallError> {
    let question = json!({"model": "demo", "stream": true, "messages": [{"role": "user", "content": QUESTION}]});
    let mut pending = Vec::new();
    print!("    ");
    post_streaming(addr, "/v1/chat/completions", token, &question.to_string(), |part| {
        pending.extend_from_slice(part);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            print!("{}", delta(&line).unwrap_or_default());
            // A terminal that is gone is no reason to stop the proxy.
            let _ = std::io::stdout().flush();
        }
    })
}

/// The text of one event's line.
fn delta(line: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(line.strip_prefix(b"data: ")?.trim_ascii()).ok()?;
    event["choices"][0]["delta"]["content"].as_str().map(ToOwned::to_owned)
}
