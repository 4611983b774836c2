//! Which answer a request gets: key first, then path, then method, then body.

use http::{Method, StatusCode};
use llm_proxy_core::http1::{Fields, RequestHead};
use serde_json::Value;

use super::reply::Reply;
use super::{KEY, anthropic, openai, openai_responses};

const WRONG_KEY: &str = "Incorrect API key provided. The demo upstream accepts only the demo project's key.";

/// How an endpoint makes its answer from the request's JSON; the error is what to tell the client.
type Answerer = fn(&Value) -> Result<Reply, String>;

/// How a dialect says an error.
type ErrorShape = fn(StatusCode, &str) -> Reply;

/// Answers the request.
pub(super) fn route(head: &RequestHead, body: &[u8]) -> Reply {
    let path = head.path();
    let error: ErrorShape = if path == "/v1/messages" { anthropic::error } else { openai::error };
    if !has_key(head.fields()) {
        return error(StatusCode::UNAUTHORIZED, WRONG_KEY);
    }
    match path {
        "/v1/chat/completions" => post(head, body, openai::chat_completion, error),
        "/v1/embeddings" => post(head, body, openai::embeddings, error),
        "/v1/responses" => post(head, body, openai_responses::response, error),
        "/v1/messages" => post(head, body, anthropic::message, error),
        "/v1/models" => get(head, openai::models),
        _ => match path.strip_prefix("/v1/models/") {
            Some(id) => get(head, || openai::model(id)),
            None => openai::error(StatusCode::NOT_FOUND, &format!("The demo upstream does not know {path}.")),
        },
    }
}

/// OpenAI's clients send a bearer, Anthropic's `x-api-key`.
fn has_key(fields: &Fields) -> bool {
    let bearer = fields.get("authorization").and_then(|value| match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(key),
        Some(_) | None => None,
    });
    bearer.or_else(|| fields.get("x-api-key")) == Some(KEY.as_bytes())
}

fn get(head: &RequestHead, answer: impl FnOnce() -> Reply) -> Reply {
    if head.method() == Method::GET || head.method() == Method::HEAD {
        answer()
    } else {
        wrong_method(head, "GET, HEAD", openai::error)
    }
}

fn post(head: &RequestHead, body: &[u8], answer: Answerer, error: ErrorShape) -> Reply {
    if head.method() != Method::POST {
        return wrong_method(head, "POST", error);
    }
    let parsed = serde_json::from_slice(body).map_err(|reason| format!("The body is no JSON: {reason}."));
    parsed.and_then(|request| answer(&request)).unwrap_or_else(|reason| error(StatusCode::BAD_REQUEST, &reason))
}

fn wrong_method(head: &RequestHead, allowed: &'static str, error: ErrorShape) -> Reply {
    let message = format!("{} is not allowed on {}.", head.method(), head.path());
    error(StatusCode::METHOD_NOT_ALLOWED, &message).with_field("Allow", allowed)
}
