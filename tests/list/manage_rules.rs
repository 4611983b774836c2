//! What holds for every management call: who may call, which methods, how bodies are read, how errors look.

use serde_json::json;

use super::{agreeable, start};
use crate::harness::{Client, Mock, Options};

const PATHS: [&str; 7] = [
    "/manage/projects",
    "/manage/projects/0198c0de-0000-7000-8000-000000000000",
    "/manage/projects/0198c0de-0000-7000-8000-000000000000/tokens/revoke",
    "/manage/tokens",
    "/manage/tokens/0198c0de-0000-7000-8000-000000000000",
    "/manage/nowhere",
    "/manage",
];

#[test]
fn without_the_management_token_every_path_answers_401() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("AUTH_FAILURE_LIMIT", "0"));
    let token = proxy.credential();
    let wrong = [
        String::new(),
        "Authorization: Bearer canary-management-token-012345678\r\n".to_owned(),
        "Authorization: Bearer canary-management-token-01234567890\r\n".to_owned(),
        "Authorization: Basic eDp5\r\n".to_owned(),
        format!("Authorization: Bearer {token}\r\n"),
    ];
    for path in PATHS {
        for fields in &wrong {
            for method in ["GET", "POST", "DELETE", "TRACE"] {
                let response = proxy.manage_with(method, path, fields, "");
                assert_eq!(response.status(), 401, "{method} {path} {fields:?}");
                assert!(response.value("www-authenticate").unwrap().starts_with("Bearer"));
                let body = response.json();
                assert!(body["error"].is_string() && body["code"].is_string(), "{body}");
            }
        }
    }
}

#[test]
fn the_management_token_opens_nothing_on_the_proxy() {
    let (mock, proxy, _) = agreeable();
    let request = crate::harness::get("/v1/models", &proxy.secrets()[0]);
    assert_eq!(Client::once(proxy.addr, &request).status(), 401);
    assert_eq!(mock.connections(), 0);
}

#[test]
fn an_unknown_path_is_not_found() {
    let (_mock, proxy, _) = agreeable();
    for path in ["/manage/nowhere", "/manage/projects/x/y", "/manage/projectsx", "/manage/"] {
        let response = proxy.manage("GET", path, None);
        assert_eq!(response.status(), 404, "{path}");
        let body = response.json();
        assert!(body["error"].is_string() && body["code"].is_string(), "{body}");
    }
}

#[test]
fn another_method_is_named_with_the_right_ones() {
    let (_mock, proxy, _) = agreeable();
    let cases = [
        ("/manage/projects", "DELETE", vec!["GET", "POST"]),
        (PATHS[1], "POST", vec!["DELETE", "GET", "PATCH", "PUT"]),
        (PATHS[2], "GET", vec!["POST"]),
        ("/manage/tokens", "PUT", vec!["GET", "POST"]),
        (PATHS[4], "POST", vec!["DELETE", "GET", "PATCH", "PUT"]),
    ];
    for (path, method, expected) in cases {
        let response = proxy.manage(method, path, None);
        assert_eq!(response.status(), 405, "{method} {path}");
        let mut allowed: Vec<&str> = response.value("allow").unwrap().split(',').map(str::trim).collect();
        allowed.retain(|method| *method != "HEAD");
        allowed.sort_unstable();
        assert_eq!(allowed, expected, "{path}");
    }
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let (_mock, proxy, _) = agreeable();
    let authorization = format!("Authorization: Bearer {}\r\n", proxy.secrets()[0]);
    for body in
        ["", "{", "[]", "null", "\"x\"", "{\"name\":\"a\",\"name\":\"b\",\"api_key\":\"sk-0123456789\"}", "\u{0}"]
    {
        let response = proxy.manage_with("POST", "/manage/projects", &authorization, body);
        assert_eq!(response.status(), 400, "{body:?}");
        assert_eq!(response.json()["code"], "bad_request");
    }
}

#[test]
fn a_body_over_64_kib_is_refused() {
    let (_mock, proxy, _) = agreeable();
    let body = json!({"name": "x", "api_key": "k".repeat(64 * 1024)});
    let response = proxy.manage("POST", "/manage/projects", Some(&body));
    assert_eq!((response.status(), &response.json()["code"]), (413, &json!("request_too_large")));
}

#[test]
fn a_chunked_body_is_read_like_any_other() {
    let (_mock, proxy, _) = agreeable();
    let body = r#"{"name":"chunked","api_key":"sk-0123456789abcdef"}"#;
    let request = format!(
        "POST /manage/projects HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        proxy.secrets()[0],
        body.len()
    );
    assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 201);
}

#[test]
fn head_works_where_get_does() {
    let (_mock, proxy, _) = agreeable();
    let got = proxy.manage("GET", "/manage/projects", None);
    let head = proxy.manage("HEAD", "/manage/projects", None);
    assert_eq!(head.status(), 200);
    assert_eq!(head.value("x-total-count"), got.value("x-total-count"));
    assert!(head.body.is_empty());
}

#[test]
fn errors_of_the_management_api_are_json_with_a_code() {
    let (_mock, proxy, _) = agreeable();
    let response = proxy.manage("GET", "/manage/tokens/nonsense", None);
    assert_eq!(response.value("content-type"), Some("application/json"));
    let body = response.json();
    assert!(body["error"].is_string() && body["code"].is_string(), "{body}");
}
