//! Lists of parameters: no way around them leads to the upstream, and what is allowed passes byte for byte.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::start;
use crate::attempts::{Attempt, LIST, attempts, passing};
use crate::harness::{Client, Entry, Mock, Options, Proxy, get, post};

/// The provider of the table in a dialect, and what else its entry says.
fn entry(mock: &Mock, dialect: &str) -> Entry {
    Entry::new("mock", &mock.base_url()).dialect(dialect).endpoints("[/]").line(&format!("param_whitelist: {LIST}"))
}

fn listing(mock: &Mock, dialect: &str) -> (Proxy, String) {
    let proxy = start(&Options::with(entry(mock, dialect)).env("AUDIT_STORE_IN_DB", "false"));
    let token = proxy.credential();
    (proxy, token)
}

/// Sends a request whose answer may come before its end.
fn send(proxy: &Proxy, request: &[u8]) -> crate::harness::Response {
    let mut client = Client::connect(proxy.addr);
    let _ = client.try_send(request);
    client.response()
}

fn code(body: &Value) -> &str {
    let error = &body["error"];
    error["code"].as_str().or_else(|| error["details"][0]["reason"].as_str()).unwrap_or_default()
}

/// How many requests were denied, by reason; events of the same denial are folded.
fn denied(proxy: &Proxy) -> BTreeMap<String, u64> {
    let log = fs::read_to_string(proxy.folder().join("data/audit.log")).unwrap();
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["action"] == "proxy_request" {
            assert_eq!(event["outcome"], "denied", "{event}");
            assert!(event["token_id"].is_string() && event["project_id"].is_string(), "{event}");
            let reason = event["reason"].as_str().unwrap().to_owned();
            *counts.entry(reason).or_insert(0) += event["count"].as_u64().unwrap_or(1);
        }
    }
    counts
}

#[test]
fn no_way_around_a_list_leads_to_the_upstream_and_each_leaves_an_event() {
    for dialect in ["openai", "gemini"] {
        let attempts: Vec<Attempt> = attempts().into_iter().filter(|attempt| attempt.dialect == dialect).collect();
        let mock = Mock::agreeable();
        let (mut proxy, token) = listing(&mock, dialect);
        let mut expected = BTreeMap::new();
        for attempt in &attempts {
            let response = send(&proxy, &attempt.bytes(&token));
            let body = response.json();
            assert_eq!((response.status(), code(&body)), (400, attempt.code), "someone {}: {body}", attempt.name);
            if attempt.code != "bad_request" {
                *expected.entry(attempt.code.to_owned()).or_insert(0) += 1;
            }
        }
        assert_eq!(mock.connections(), 0);
        proxy.terminate();
        assert_eq!(proxy.wait(), Some(0));
        assert_eq!(denied(&proxy), expected);
    }
}

#[test]
fn what_looks_alike_and_is_allowed_passes_byte_for_byte() {
    for dialect in ["openai", "gemini"] {
        let mock = Mock::agreeable();
        let (proxy, token) = listing(&mock, dialect);
        let passing = passing().into_iter().filter(|attempt| attempt.dialect == dialect);
        for (index, attempt) in passing.enumerate() {
            let response = send(&proxy, &attempt.bytes(&token));
            assert_eq!(response.status(), 200, "someone {}: {}", attempt.name, response.text());
            let got = mock.request(index);
            if got.head.has("transfer-encoding") {
                assert_eq!(got.body, b"{\"model\":\"gpt-4o\"}");
                assert_eq!(got.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
            } else {
                assert_eq!(got.body, attempt.content, "someone {}", attempt.name);
            }
        }
    }
}

#[test]
fn a_refusal_names_the_parameter() {
    let mock = Mock::agreeable();
    let (proxy, token) = listing(&mock, "openai");
    let body = send(&proxy, &post("/v1/responses", &token, r#"{"model":"o3"}"#)).json();
    assert_eq!((&body["error"]["param"], code(&body)), (&Value::from("model"), "param_not_allowed"));
    assert_eq!(body["error"]["type"], "invalid_request_error");
}

#[test]
fn a_large_document_passes_byte_for_byte_whatever_stands_at_its_end() {
    let mock = Mock::agreeable();
    let (proxy, token) = listing(&mock, "openai");
    let text: String = (0..5 * 1024 * 1024).map(|n| char::from(b' ' + 3 + (n % 50) as u8)).collect();
    for (index, (model, status)) in [("gpt-4o", 200), ("o3", 400), ("gpt-4.1-mini", 200)].into_iter().enumerate() {
        let body = format!(r#"{{"input":"{text}","model":"{model}"}}"#);
        assert_eq!(send(&proxy, &post("/v1/responses", &token, &body)).status(), status, "{model}");
        if status == 200 {
            assert!(mock.request(index.min(1)).body == body.as_bytes(), "another body came");
        }
    }
    assert_eq!(mock.count(), 2);
}

#[test]
fn a_model_after_a_large_file_is_found() {
    let mock = Mock::agreeable();
    let (proxy, token) = listing(&mock, "openai");
    for (model, status) in [("o3", 400), ("gpt-4o", 200)] {
        let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        body.extend((0..3_000_000_u32).map(|n| (n % 251) as u8));
        body.extend(
            format!("\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b--\r\n").bytes(),
        );
        let mut request = format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        assert_eq!(send(&proxy, &request).status(), status, "{model}");
        if status == 200 {
            assert!(mock.only_request().body == body, "another body came");
        }
    }
}

#[test]
fn a_client_that_waits_for_a_100_gets_it_from_the_proxy() {
    let mock = Mock::agreeable();
    let (proxy, token) = listing(&mock, "openai");
    let mut client = Client::connect(proxy.addr);
    client.send(
        format!(
            "POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\
             Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(client.head().status(), 100);
    assert_eq!(mock.connections(), 0);
    client.send(b"{}");
    assert_eq!(client.response().status(), 200);
    let got = mock.only_request();
    assert_eq!((got.head.has("expect"), &got.body[..]), (false, &b"{}"[..]));
}

#[test]
fn a_path_that_is_not_looked_into_takes_anything() {
    let mock = Mock::agreeable();
    let entry = entry(&mock, "openai").line("uninspected_endpoints: [/v1/batches]");
    let proxy = start(&Options::with(entry));
    let token = proxy.credential();
    assert_eq!(send(&proxy, &post("/v1/batches", &token, "no JSON")).status(), 200);
    assert_eq!(send(&proxy, &post("/v1/responses", &token, "no JSON")).status(), 400);
    assert_eq!(send(&proxy, &get("/v1/batches?model=o3", &token)).status(), 400);
    assert_eq!(mock.only_request().body, b"no JSON");
}

#[test]
fn what_is_held_has_its_limits() {
    let mock = Mock::agreeable();
    let options = Options::with(entry(&mock, "openai"))
        .env("INSPECTION_MAX_BYTES", "1KiB")
        .env("INSPECTION_MAX_TOTAL_BYTES", "1500");
    let proxy = start(&options);
    let token = proxy.credential();
    let document = |size: usize| format!("{{{}}}", " ".repeat(size - 2));
    let refused = |response: crate::harness::Response| (response.status(), code(&response.json()).to_owned());
    assert_eq!(send(&proxy, &post("/v1/responses", &token, &document(1024))).status(), 200);
    let too_large = send(&proxy, &post("/v1/responses", &token, &document(1025)));
    assert_eq!(refused(too_large), (400, "body_not_inspectable".to_owned()));
    let request = post("/v1/responses", &token, &document(1024));
    let mut waiting = Client::connect(proxy.addr);
    waiting.send(&request[..request.len() - 1]);
    // How soon the first request's bytes are held cannot be seen from outside.
    let overloaded = std::iter::repeat_with(|| send(&proxy, &request)).find(|response| response.status() != 200);
    assert_eq!(overloaded.map(refused), Some((503, "overloaded".to_owned())));
    waiting.send(&request[request.len() - 1..]);
    assert_eq!(waiting.response().status(), 200);
    assert_eq!(send(&proxy, &request).status(), 200);
}
