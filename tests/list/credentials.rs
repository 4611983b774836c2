//! The client's token is taken from where clients put it, and the upstream gets the project's key instead.

use serde_json::json;

use super::{code_of, start};
use crate::harness::{Client, Entry, Mock, Options};

/// Where a client can put its token: field name and what stands before the token.
const PLACES: [(&str, &str); 4] =
    [("Authorization", "Bearer "), ("x-api-key", ""), ("api-key", ""), ("x-goog-api-key", "")];

/// Where an upstream can want its key: the setting, the field and what stands before the key.
const WANTED: [(&str, &str, &str); 4] = [
    ("bearer", "authorization", "Bearer "),
    ("x-api-key", "x-api-key", ""),
    ("api-key", "api-key", ""),
    ("x-goog-api-key", "x-goog-api-key", ""),
];

#[test]
fn each_place_of_the_token_becomes_each_place_of_the_key() {
    let mock = Mock::agreeable();
    let entry = |(auth, _, _): &(&str, &str, &str)| Entry::new(auth, &mock.base_url()).line(&format!("auth: {auth}"));
    let options = WANTED[1..].iter().map(entry).fold(Options::with(entry(&WANTED[0])), Options::and);
    let proxy = start(&options);
    for (auth, wanted, before_key) in WANTED {
        let project = proxy.project_at(&json!(auth));
        let token = proxy.token(&project).secret;
        for (field, before_token) in PLACES {
            let index = mock.count();
            let request =
                format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\n{field}: {before_token}{token}\r\n\r\n");
            assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200, "{field} to {auth}");
            let head = mock.request(index).head;
            assert_eq!(head.value(wanted), Some(format!("{before_key}{}", project.key).as_str()));
            for (name, _) in PLACES {
                assert_eq!(head.has(name), name.eq_ignore_ascii_case(wanted), "{name} from {field} to {auth}");
            }
            assert!(!String::from_utf8_lossy(&head.raw).contains(&token), "the token reached the upstream: {head:?}");
        }
    }
}

#[test]
fn the_key_goes_where_the_dialect_has_it_when_the_entry_says_nothing() {
    let mock = Mock::agreeable();
    let entry = |dialect: &str| Entry::new(dialect, &mock.base_url()).dialect(dialect);
    let proxy = start(&Options::with(entry("openai")).and(entry("anthropic")).and(entry("gemini")));
    let wanted = [("openai", "authorization"), ("anthropic", "x-api-key"), ("gemini", "x-goog-api-key")];
    for (index, (dialect, field)) in wanted.iter().enumerate() {
        let project = proxy.project_at(&json!(dialect));
        let token = proxy.token(&project).secret;
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nx-api-key: {token}\r\n\r\n");
        assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
        let head = mock.request(index).head;
        assert!(head.value(field).unwrap().ends_with(&project.key), "{dialect}: {:?}", head.fields);
    }
}

#[test]
fn the_scheme_bearer_counts_in_any_case() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    for scheme in ["bearer", "BEARER"] {
        let request =
            format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: {scheme} {token}\r\n\r\n");
        assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200, "{scheme}");
    }
}

#[test]
fn the_same_token_in_two_places_is_one_credential() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\nx-api-key: {token}\r\n\r\n"
    );
    assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
    assert!(!mock.only_request().head.has("x-api-key"));
}

#[test]
fn two_different_credentials_are_refused() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let (first, second) = (proxy.credential(), proxy.credential());
    for fields in [
        format!("Authorization: Bearer {first}\r\nx-api-key: {second}\r\n"),
        format!("x-api-key: {first}\r\nx-api-key: {second}\r\n"),
        format!("api-key: {first}\r\nx-goog-api-key: {second}\r\n"),
    ] {
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\n{fields}\r\n");
        let response = Client::once(proxy.addr, request.as_bytes());
        assert_eq!((response.status(), code_of(&response).as_str()), (400, "bad_request"), "{fields}");
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_token_in_the_query_is_no_credential() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    for name in ["key", "api_key", "token", "access_token"] {
        let request = format!("GET /v1/models?{name}={token} HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
        let response = Client::once(proxy.addr, request.as_bytes());
        assert_eq!(response.status(), 401);
        assert_eq!(response.json()["error"]["code"], "missing_token");
    }
    assert_eq!(mock.count(), 0);
}
