//! The table against a literal copy of the contract's, and the bodies against literal JSON.

use std::time::Duration;

use http::Method;

use super::*;
use crate::auth::Denial;
use crate::http1::{Fields, Malformed as Syntax};
use crate::routing::BadPath;
use UpstreamFault as Fault;

type Row = (u16, &'static str, &'static [(&'static str, &'static str)]);

const BEARER: &[(&str, &str)] = &[("WWW-Authenticate", "Bearer")];
const NO_RETRY: &[(&str, &str)] = &[("x-should-retry", "false")];
const IN_5_S: &[(&str, &str)] = &[("Retry-After", "5"), ("retry-after-ms", "5000")];
const IN_1_S: &[(&str, &str)] = &[("Retry-After", "1"), ("retry-after-ms", "1000")];

/// Each row is an example, the pattern of its kind, and what the contract says of it. The patterns make one exhaustive
/// match: a new kind of refusal does not compile without a row.
macro_rules! contract {
    ($($example:expr, $pattern:pat => $status:literal $code:literal $fields:expr;)*) => {
        fn examples() -> Vec<Refusal> {
            vec![$($example),*]
        }

        fn contract(refusal: &Refusal) -> Row {
            use Refusal::*;
            match refusal {
                $($pattern => ($status, $code, $fields),)*
            }
        }
    };
}

contract! {
    Refusal::Malformed(Syntax::HeadTooLarge), Malformed(Syntax::HeadTooLarge) => 431 "headers_too_large" &[];
    Refusal::Malformed(Syntax::TooManyFields), Malformed(Syntax::TooManyFields) => 431 "headers_too_large" &[];
    Refusal::Malformed(Syntax::StartLine), Malformed(_) => 400 "bad_request" &[];
    Refusal::Path(BadPath::Escape), Path(_) => 400 "bad_request" &[];
    Refusal::BadRequest("the name is empty".to_owned()), BadRequest(_) => 400 "bad_request" &[];
    Refusal::Denied(Denial::MissingToken), Denied(Denial::MissingToken) => 401 "missing_token" BEARER;
    Refusal::Denied(Denial::InvalidToken), Denied(Denial::InvalidToken) => 401 "invalid_token" BEARER;
    Refusal::Denied(Denial::TokenInactive), Denied(Denial::TokenInactive) => 401 "token_inactive" BEARER;
    Refusal::Denied(Denial::TokenExpired), Denied(Denial::TokenExpired) => 401 "token_expired" BEARER;
    Refusal::Denied(Denial::ConflictingCredentials), Denied(Denial::ConflictingCredentials) => 400 "bad_request" &[];
    Refusal::Denied(Denial::ProjectInactive), Denied(Denial::ProjectInactive) => 403 "project_inactive" &[];
    Refusal::Denied(Denial::QuotaExceeded), Denied(Denial::QuotaExceeded) => 429 "quota_exceeded" NO_RETRY;
    Refusal::ParamNotAllowed("model".into()), ParamNotAllowed(_) => 400 "param_not_allowed" &[];
    Refusal::NotInspectable("it is compressed"), NotInspectable(_) => 400 "body_not_inspectable" &[];
    Refusal::HeaderRequired("x-team".into()), HeaderRequired(_) => 400 "bad_request" &[];
    Refusal::OriginRequired, OriginRequired => 400 "origin_required" &[];
    Refusal::OriginNotAllowed, OriginNotAllowed => 403 "origin_not_allowed" &[];
    Refusal::RateLimited(RetryAfter(Duration::from_micros(4_000_100))), RateLimited(_) => 429 "rate_limit_exceeded"
        &[("Retry-After", "5"), ("retry-after-ms", "4001")];
    Refusal::CircuitOpen(RetryAfter(Duration::from_secs(30))), CircuitOpen(_) => 503 "circuit_open"
        &[("Retry-After", "30"), ("retry-after-ms", "30000")];
    Refusal::EndpointNotFound, EndpointNotFound => 404 "endpoint_not_found" &[];
    Refusal::NotFound("there is no such project"), NotFound(_) => 404 "not_found" &[];
    Refusal::MethodNotAllowed(vec![Method::GET, Method::HEAD]), MethodNotAllowed(_) =>
        405 "method_not_allowed" &[("Allow", "GET, HEAD")];
    Refusal::ProjectNameTaken, ProjectNameTaken => 409 "project_name_taken" &[];
    Refusal::RequestTimeout(Late::Head), RequestTimeout(_) => 408 "request_timeout" NO_RETRY;
    Refusal::RequestTooLarge(1024), RequestTooLarge(_) => 413 "request_too_large" &[];
    Refusal::Upstream(Fault::Unreachable), Upstream(Fault::Unreachable) => 502 "upstream_unreachable" &[];
    Refusal::Upstream(Fault::ClosedEarly), Upstream(Fault::ClosedEarly) => 502 "upstream_unreachable" &[];
    Refusal::Upstream(Fault::NoOpenFile), Upstream(Fault::NoOpenFile) => 503 "overloaded" IN_1_S;
    Refusal::Upstream(Fault::Malformed(Syntax::HeadTooLarge)), Upstream(Fault::Malformed(_)) =>
        502 "upstream_protocol_error" &[];
    Refusal::Upstream(Fault::ConnectTimeout), Upstream(Fault::ConnectTimeout) => 504 "upstream_timeout" &[];
    Refusal::Upstream(Fault::HeadTimeout), Upstream(Fault::HeadTimeout) => 504 "upstream_timeout" NO_RETRY;
    Refusal::Upstream(Fault::ExchangeTimeout), Upstream(Fault::ExchangeTimeout) =>
        504 "upstream_timeout" NO_RETRY;
    Refusal::StoreUnavailable, StoreUnavailable => 503 "store_unavailable" IN_5_S;
    Refusal::AuditUnavailable, AuditUnavailable => 503 "audit_unavailable" IN_5_S;
    Refusal::CacheDisabled, CacheDisabled => 400 "cache_disabled" &[];
    Refusal::Draining, Draining => 503 "draining" IN_5_S;
    Refusal::Overloaded, Overloaded => 503 "overloaded" IN_1_S;
}

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

fn body(dialect: Dialect, refusal: &Refusal) -> String {
    String::from_utf8(error_body(dialect, refusal, "req-1")).unwrap()
}

#[test]
fn every_refusal_is_answered_as_the_contract_says() {
    for refusal in examples() {
        let answer = refusal.answer();
        let fields: Vec<(&str, &str)> = answer.fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let (status, code, expected) = contract(&refusal);
        assert_eq!((answer.status.as_u16(), answer.code, &fields[..]), (status, code, expected), "{refusal:?}");
    }
}

#[test]
fn seconds_are_the_milliseconds_rounded_up() {
    for refusal in examples() {
        let fields = refusal.answer().fields;
        let number = |name| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| value.parse::<u64>().unwrap());
        assert_eq!(number("Retry-After"), number("retry-after-ms").map(|millis| millis.div_ceil(1000)), "{refusal:?}");
    }
}

#[test]
fn openai_bodies_have_openais_shape() {
    assert_eq!(
        body(Dialect::OpenAi, &Refusal::Denied(Denial::InvalidToken)),
        r#"{"error":{"message":"the token is not valid","type":"invalid_request_error","code":"invalid_token","param":null},"request_id":"req-1"}"#
    );
    assert_eq!(
        body(Dialect::OpenAi, &Refusal::Draining),
        r#"{"error":{"message":"the server is stopping: try again","type":"server_error","code":"draining","param":null},"request_id":"req-1"}"#
    );
    assert_eq!(
        body(Dialect::OpenAi, &Refusal::Denied(Denial::QuotaExceeded)),
        r#"{"error":{"message":"the token has no requests left","type":"insufficient_quota","code":"quota_exceeded","param":null},"request_id":"req-1"}"#
    );
}

#[test]
fn anthropic_bodies_have_anthropics_shape() {
    assert_eq!(
        body(Dialect::Anthropic, &Refusal::Denied(Denial::InvalidToken)),
        r#"{"type":"error","error":{"type":"authentication_error","message":"the token is not valid","code":"invalid_token"},"request_id":"req-1"}"#
    );
}

#[test]
fn gemini_bodies_have_geminis_shape() {
    assert_eq!(
        body(Dialect::Gemini, &Refusal::Denied(Denial::InvalidToken)),
        r#"{"error":{"code":401,"message":"the token is not valid","status":"UNAUTHENTICATED","details":[{"reason":"invalid_token"}]},"request_id":"req-1"}"#
    );
}

#[test]
fn management_bodies_are_flat() {
    assert_eq!(
        manage_error_body(&Refusal::NotFound("there is no such project")),
        br#"{"error":"there is no such project","code":"not_found"}"#
    );
}

#[test]
fn each_status_has_the_providers_word() {
    for (refusal, openai, anthropic, gemini) in [
        (Refusal::Path(BadPath::Escape), "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
        (Refusal::Denied(Denial::TokenExpired), "invalid_request_error", "authentication_error", "UNAUTHENTICATED"),
        (Refusal::Denied(Denial::ProjectInactive), "invalid_request_error", "permission_error", "PERMISSION_DENIED"),
        (Refusal::EndpointNotFound, "invalid_request_error", "not_found_error", "NOT_FOUND"),
        (Refusal::MethodNotAllowed(Vec::new()), "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
        (Refusal::RequestTimeout(Late::Content), "invalid_request_error", "timeout_error", "DEADLINE_EXCEEDED"),
        (Refusal::ProjectNameTaken, "invalid_request_error", "invalid_request_error", "ALREADY_EXISTS"),
        (Refusal::RequestTooLarge(1), "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
        (Refusal::Denied(Denial::QuotaExceeded), "insufficient_quota", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (
            Refusal::Malformed(Syntax::HeadTooLarge),
            "invalid_request_error",
            "invalid_request_error",
            "INVALID_ARGUMENT",
        ),
        (Refusal::Upstream(Fault::Unreachable), "server_error", "api_error", "UNAVAILABLE"),
        (Refusal::StoreUnavailable, "server_error", "overloaded_error", "UNAVAILABLE"),
        (Refusal::Upstream(Fault::HeadTimeout), "server_error", "timeout_error", "DEADLINE_EXCEEDED"),
    ] {
        assert!(body(Dialect::OpenAi, &refusal).contains(&format!("\"type\":\"{openai}\"")), "{refusal:?}");
        assert!(body(Dialect::Anthropic, &refusal).contains(&format!("\"type\":\"{anthropic}\"")), "{refusal:?}");
        assert!(body(Dialect::Gemini, &refusal).contains(&format!("\"status\":\"{gemini}\"")), "{refusal:?}");
    }
}

#[test]
fn every_body_is_json_that_says_message_code_and_request() {
    for refusal in examples() {
        for dialect in DIALECTS {
            let body: serde_json::Value = serde_json::from_str(&body(dialect, &refusal)).unwrap();
            let code = if dialect == Dialect::Gemini {
                &body["error"]["details"][0]["reason"]
            } else {
                &body["error"]["code"]
            };
            assert_eq!(body["error"]["message"], refusal.to_string());
            assert_eq!(*code, refusal.answer().code);
            assert_eq!(body["request_id"], "req-1");
        }
        let body: serde_json::Value = serde_json::from_slice(&manage_error_body(&refusal)).unwrap();
        assert_eq!((&body["error"], &body["code"]), (&refusal.to_string().into(), &refusal.answer().code.into()));
    }
}

#[test]
fn texts_are_escaped() {
    let refusal = Refusal::BadRequest("unknown field \"a\"\u{1}".to_owned());
    assert_eq!(manage_error_body(&refusal), br#"{"error":"unknown field \"a\"\u0001","code":"bad_request"}"#);
}

#[test]
fn no_text_names_an_address_a_key_or_the_store() {
    for refusal in examples() {
        let text = format!("{refusal} {refusal:?}").to_lowercase();
        for word in ["://", "sk-", "127.0.0.1", "localhost", "sqlite", "select ", "sqlx", "panicked"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[test]
fn the_path_tells_the_dialect_whatever_the_credential() {
    let fields = Fields::for_tests(&[("x-api-key", "k"), ("x-goog-api-key", "k")]);
    for path in [
        "/v1/chat/completions",
        "/v1/responses/r1",
        "/v1/embeddings",
        "/openai/deployments/d/x",
        "/v1beta/openai/chat/completions",
    ] {
        assert_eq!(Dialect::guess(path, &fields), Dialect::OpenAi, "{path}");
    }
    for path in [
        "/v1beta/models",
        "/v1alpha/x",
        "/upload/v1beta/files",
        "/v1/models/m:generateContent",
        "/v1/models/m:streamGenerateContent",
    ] {
        assert_eq!(Dialect::guess(path, &fields), Dialect::Gemini, "{path}");
    }
    let fields = Fields::for_tests(&[("authorization", "Bearer k"), ("x-goog-api-key", "k")]);
    for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches/b1", "/v1/complete"] {
        assert_eq!(Dialect::guess(path, &fields), Dialect::Anthropic, "{path}");
    }
}

#[test]
fn where_the_path_says_nothing_the_credentials_place_does() {
    for (name, dialect) in [
        ("X-Api-Key", Dialect::Anthropic),
        ("x-goog-api-key", Dialect::Gemini),
        ("api-key", Dialect::OpenAi),
        ("Authorization", Dialect::OpenAi),
        ("Host", Dialect::OpenAi),
    ] {
        for path in ["/v1/models", "/v1/files/f1", "/", "*", "/v1", "/v1/messagesx", "/v1/models/m:other"] {
            assert_eq!(Dialect::guess(path, &Fields::for_tests(&[(name, "k")])), dialect, "{name} {path}");
        }
    }
}
