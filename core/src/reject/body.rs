//! Error bodies: a refusal in the three shapes that the providers' own SDKs read, and in the management API's.
//!
//! The words for a kind of error (`type`, `status`) follow from the status, as the providers use them. Their SDKs choose
//! an exception by the status; the words are for people and for programs that read bodies.

use http::StatusCode;
use serde::Serialize;

use super::{Dialect, Refusal};

/// The JSON body that tells `refusal` in a provider's shape. `request_id` is the exchange's own id.
#[must_use]
pub fn error_body(dialect: Dialect, refusal: &Refusal, request_id: &str) -> Vec<u8> {
    let (answer, text) = (refusal.answer(), refusal.to_string());
    let (status, code, message) = (answer.status, answer.code, text.as_str());
    match dialect {
        Dialect::OpenAi => {
            let error = OpenAiError { message, kind: openai_type(status, code), code, param: refusal.param() };
            json(&OpenAiBody { error, request_id })
        }
        Dialect::Anthropic => {
            let error = AnthropicError { kind: anthropic_type(status), message, code };
            json(&AnthropicBody { kind: "error", error, request_id })
        }
        Dialect::Gemini => {
            let details = [GeminiDetail { reason: code }];
            let error = GeminiError { code: status.as_u16(), message, status: gemini_status(status), details };
            json(&GeminiBody { error, request_id })
        }
    }
}

/// The JSON body that tells `refusal` on our own routes.
#[must_use]
pub fn manage_error_body(refusal: &Refusal) -> Vec<u8> {
    json(&ManageBody { error: &refusal.to_string(), code: refusal.answer().code })
}

/// OpenAI's word: `invalid_request_error` for whatever the client did, a wrong key included.
fn openai_type(status: StatusCode, code: &str) -> &'static str {
    match code {
        "quota_exceeded" => "insufficient_quota",
        _ if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// Anthropic's word: a name for some statuses, `invalid_request_error` for all other 4xx.
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        408 | 504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// Gemini's word: the name in `google.rpc.Code` that its comments map to the status, or else the nearest.
fn gemini_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        429 => "RESOURCE_EXHAUSTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'static str,
    /// Which parameter is wrong. SDKs expect the key, also where it is none.
    param: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    code: &'static str,
}

#[derive(Serialize)]
struct GeminiBody<'a> {
    error: GeminiError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct GeminiError<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    details: [GeminiDetail; 1],
}

#[derive(Serialize)]
struct GeminiDetail {
    reason: &'static str,
}

#[derive(Serialize)]
struct ManageBody<'a> {
    error: &'a str,
    code: &'static str,
}

/// Structs of texts and numbers always serialise, so the empty body stands for nothing that happens.
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}
