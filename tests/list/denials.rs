//! Who is refused before anything reaches the upstream, with which code, in which dialect's shape.

use serde_json::{Value, json};

use super::{agreeable, assert_refused, code_of, start};
use crate::harness::{Client, Entry, Mock, Options, Proxy, Response, Token, get, sqlite};

/// A well-formed token that was never made.
const UNKNOWN: &str = "sk-AAAAAAAAAAAAAAAAAAAAAA";

/// Makes a token expire one second ago, behind the program's back.
fn expire(proxy: &Proxy, token: &Token) {
    let changed = sqlite(&proxy.database(), super::EXPIRE, &[&token.id]);
    assert_eq!(changed, 1, "no such token in the database");
}

/// Waits until the program has noticed a change that it was not told of.
fn until_noticed(proxy: &Proxy, token: &Token, status: u16) -> Response {
    let start = std::time::Instant::now();
    loop {
        let response = Client::once(proxy.addr, &get("/v1/models", &token.secret));
        if response.status() == status || start.elapsed() > crate::harness::PATIENCE {
            return response;
        }
    }
}

#[test]
fn a_request_without_a_token_is_refused() {
    let (mock, proxy, _) = agreeable();
    for fields in ["", "Authorization: Basic eDp5\r\n", "Authorization: Bearer\r\n", "x-api-key:\r\n"] {
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\n{fields}\r\n");
        let response = Client::once(proxy.addr, request.as_bytes());
        assert_eq!((response.status(), code_of(&response).as_str()), (401, "missing_token"), "{fields}");
        assert_eq!(response.value("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(mock.connections(), 0);
}

#[test]
fn unknown_and_malformed_tokens_look_alike() {
    let (mock, proxy, token) = agreeable();
    let (longer, shorter) = (format!("{token}A"), &token[..token.len() - 1]);
    let mut answers = Vec::new();
    for bad in [UNKNOWN, "sk-short", "sk-!!!!!!!!!!!!!!!!!!!!!!", "nonsense", &longer, shorter] {
        let response = Client::once(proxy.addr, &get("/v1/models", bad));
        assert_refused(&response, 401, "invalid_token");
        assert_eq!(response.value("www-authenticate"), Some("Bearer"));
        let names: Vec<String> = response.head.names().iter().map(|name| (*name).to_owned()).collect();
        answers.push((names, response.json()["error"].clone()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(mock.connections(), 0);
}

#[test]
fn a_revoked_token_is_refused() {
    let (mock, proxy, _) = agreeable();
    let token = proxy.token(&proxy.project());
    proxy.managed("DELETE", &format!("/manage/tokens/{}", token.id), &json!({}));
    assert_refused(&Client::once(proxy.addr, &get("/v1/models", &token.secret)), 401, "token_inactive");
    assert_eq!(mock.count(), 0);
}

#[test]
fn an_expired_token_is_refused_also_when_it_expired_unknown() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "100ms"));
    let project = proxy.project();
    let token = proxy.token(&project);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    expire(&proxy, &token);
    assert_refused(&until_noticed(&proxy, &token, 401), 401, "token_expired");
    let never_used = proxy.token(&project);
    expire(&proxy, &never_used);
    let response = until_noticed(&proxy, &never_used, 401);
    assert_refused(&response, 401, "token_expired");
    assert_eq!(response.value("www-authenticate"), Some("Bearer"));
}

#[test]
fn a_token_of_an_inactive_project_is_refused() {
    let (mock, proxy, _) = agreeable();
    let project = proxy.project();
    let token = proxy.token(&project);
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"is_active": false}));
    assert_refused(&Client::once(proxy.addr, &get("/v1/models", &token.secret)), 403, "project_inactive");
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_path_that_the_provider_does_not_allow_is_not_found() {
    let (mock, proxy, token) = agreeable();
    for path in ["/v1/files", "/v1/modelsx", "/v1", "/V1/models", "/x/../v1/files", "/v1/models/../files"] {
        assert_refused(&Client::once(proxy.addr, &get(path, &token)), 404, "endpoint_not_found");
    }
    for path in ["/v1/models", "/v1/models/", "/v1/models/a/b", "/v1/models?/v1/files", "/v1/%6dodels"] {
        assert_eq!(Client::once(proxy.addr, &get(path, &token)).status(), 200, "{path}");
    }
    assert_eq!(mock.count(), 5);
}

#[test]
fn an_ambiguous_path_is_a_bad_request() {
    let (mock, proxy, token) = agreeable();
    for path in ["/v1/models/..%2ffiles", "/v1/models%5c..", "/v1/models%00", "/../v1/models", "/v1/%zz"] {
        assert_refused(&Client::once(proxy.addr, &get(path, &token)), 400, "bad_request");
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn without_a_token_nothing_is_said_about_paths() {
    let (_mock, proxy, _) = agreeable();
    for path in ["/v1/models", "/v1/files", "/nowhere", "/"] {
        let response = Client::once(proxy.addr, format!("GET {path} HTTP/1.1\r\nHost: p\r\n\r\n").as_bytes());
        assert_refused(&response, 401, "missing_token");
        assert_refused(&Client::once(proxy.addr, &get(path, UNKNOWN)), 401, "invalid_token");
    }
}

#[test]
fn a_method_that_the_provider_does_not_allow_is_named_with_those_that_it_does() {
    let (mock, proxy, token) = agreeable();
    for method in ["OPTIONS", "TRACE", "PROPFIND", "get"] {
        let request =
            format!("{method} /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\r\n");
        let response = Client::once(proxy.addr, request.as_bytes());
        assert_refused(&response, 405, "method_not_allowed");
        let mut allowed: Vec<&str> = response.value("allow").unwrap().split(',').map(str::trim).collect();
        allowed.sort_unstable();
        allowed.retain(|method| *method != "HEAD");
        assert_eq!(allowed, ["DELETE", "GET", "PATCH", "POST", "PUT"]);
    }
    assert_eq!(mock.count(), 0);
}

/// Refusals in three dialects: a provider for each, a token of it, and a path that it does not allow.
fn in_dialect(dialect: &str) -> (Response, Response, Response) {
    let mock = Mock::agreeable();
    let proxy = start(&Options::with(Entry::new("mock", &mock.base_url()).dialect(dialect)));
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    let not_found = Client::once(proxy.addr, &get("/v1/nowhere", &token));
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"is_active": false}));
    let inactive = Client::once(proxy.addr, &get("/v1/models", &token));
    let limited = proxy.token_with(&proxy.project(), &json!({"max_requests": 1})).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &limited)).status(), 200);
    (not_found, inactive, Client::once(proxy.addr, &get("/v1/models", &limited)))
}

fn body(response: &Response) -> Value {
    let body = response.json();
    assert_eq!(body["request_id"].as_str(), response.value("x-proxy-request-id"));
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    body["error"].clone()
}

#[test]
fn refusals_toward_clients_of_openai_have_its_shape() {
    let (not_found, inactive, quota) = in_dialect("openai");
    assert_refused(&not_found, 404, "endpoint_not_found");
    assert_refused(&inactive, 403, "project_inactive");
    assert_refused(&quota, 429, "quota_exceeded");
    assert_eq!(quota.value("x-should-retry"), Some("false"));
}

#[test]
fn refusals_toward_clients_of_anthropic_have_its_shape() {
    let (not_found, inactive, quota) = in_dialect("anthropic");
    for (response, status, kind, code) in [
        (&not_found, 404, "not_found_error", "endpoint_not_found"),
        (&inactive, 403, "permission_error", "project_inactive"),
        (&quota, 429, "rate_limit_error", "quota_exceeded"),
    ] {
        assert_eq!(response.status(), status);
        assert_eq!(response.json()["type"], "error");
        let error = body(response);
        assert_eq!((&error["type"], &error["code"]), (&json!(kind), &json!(code)));
    }
}

#[test]
fn refusals_toward_clients_of_gemini_have_its_shape() {
    let (not_found, inactive, quota) = in_dialect("gemini");
    for (response, status, name, code) in [
        (&not_found, 404, "NOT_FOUND", "endpoint_not_found"),
        (&inactive, 403, "PERMISSION_DENIED", "project_inactive"),
        (&quota, 429, "RESOURCE_EXHAUSTED", "quota_exceeded"),
    ] {
        assert_eq!(response.status(), status);
        let error = body(response);
        assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(name)), "{error}");
        assert_eq!(error["details"][0]["reason"], code);
    }
}

#[test]
fn before_the_provider_is_known_the_path_or_the_credential_says_the_dialect() {
    let (_mock, proxy, _) = agreeable();
    let ask = |path: &str, field: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: p\r\n{field}: {UNKNOWN}\r\n\r\n");
        Client::once(proxy.addr, request.replace("Authorization: ", "Authorization: Bearer ").as_bytes()).json()
    };
    assert_eq!(ask("/v1/messages", "Authorization")["type"], "error");
    assert_eq!(ask("/v1/other", "x-api-key")["type"], "error");
    assert_eq!(ask("/v1beta/models/m:generateContent", "Authorization")["error"]["status"], "UNAUTHENTICATED");
    assert_eq!(ask("/other", "x-goog-api-key")["error"]["status"], "UNAUTHENTICATED");
    assert_eq!(ask("/v1/chat/completions", "Authorization")["error"]["code"], "invalid_token");
    assert_eq!(ask("/other", "api-key")["error"]["code"], "invalid_token");
}
