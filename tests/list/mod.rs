//! The list of black-box tests, one concern a file. It knows no runtime: the module that holds it names one.

mod abuse;
mod audit;
mod breaker;
mod cancellation;
mod cli_audit;
mod cli_failures;
mod cli_manage;
mod cli_migrate;
mod cors;
mod credentials;
mod denials;
mod drain;
mod effects;
mod faults;
mod framing;
mod garbage;
mod heads;
mod library_faults;
mod lifecycle;
mod limits;
mod load;
mod malformed;
mod manage_projects;
mod manage_rules;
mod manage_tokens;
mod outages;
mod params;
mod probes;
mod quota;
mod rates;
mod reload;
mod responses;
mod retry;
mod reuse;
mod sdk_anthropic;
mod sdk_openai;
mod secrets;
mod servers;
mod shared_rates;
mod starting;
mod store;
mod streaming;
mod threads;
mod tls;
mod tls_clients;
mod waits;
mod websocket;
mod websocket_libraries;

use crate::harness::{Client, Exited, Mock, Options, Proxy, Recorded, Response};

/// Starts the program on the runtime that this instance of the list is for.
fn start(options: &Options) -> Proxy {
    Proxy::start(super::RUNTIME, options)
}

/// Starts the program, which is expected to give up.
fn start_in_vain(options: &Options) -> Exited {
    Proxy::start_in_vain(super::RUNTIME, options)
}

/// An upstream that agrees with everything, the program in front of it, and a token.
fn agreeable() -> (Mock, Proxy, String) {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    (mock, proxy, token)
}

/// Sends a `GET` with the given field lines (each with its CRLF) beside `Host` and the token.
/// Gives what the upstream got and what the client got.
fn exchange(fields: &str) -> (Recorded, Response) {
    let (mock, proxy, token) = agreeable();
    let request =
        format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n{fields}\r\n");
    let response = Client::once(proxy.addr, request.as_bytes());
    assert_eq!(response.status(), 200, "{response:?}");
    (mock.only_request(), response)
}

/// Asserts that a response is a refusal of ours in OpenAI's shape.
fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status(), status, "{:?} {}", response.head, response.text());
    assert_eq!(response.value("content-type"), Some("application/json"));
    let body = response.json();
    assert_eq!(body["error"]["code"], code, "{body}");
    assert!(body["error"]["message"].is_string(), "{body}");
    assert!(body["error"]["type"].is_string(), "{body}");
    assert!(body["error"].as_object().unwrap()["param"].is_null(), "{body}");
    assert_eq!(body["request_id"].as_str(), response.value("x-proxy-request-id"), "{body}");
}

/// Asserts that an SDK's last call was refused once by its token's rate, was told a wait of three seconds at most, waited
/// that long, and got its answer then. `passed` is how many requests reached the upstream.
fn assert_waited(outcome: &serde_json::Value, passed: usize) {
    assert_eq!(outcome["result"], "Hello", "{outcome}");
    assert_eq!(outcome["attempts"], passed + 1, "{outcome}");
    let pauses = outcome["pauses_ms"].as_array().unwrap();
    let (told, waited) = (pauses[0][0].as_f64().unwrap(), pauses[0][1].as_f64().unwrap());
    assert!(pauses.len() == 1 && (1.0..=3000.0).contains(&told), "{outcome}");
    assert!(told <= waited && waited < told + 2000.0, "{outcome}");
}

/// The code of a refusal, in whatever dialect.
fn code_of(response: &Response) -> String {
    let error = &response.json()["error"];
    let code = if error["code"].is_string() { &error["code"] } else { &error["details"][0]["reason"] };
    code.as_str().unwrap_or_else(|| panic!("no code in {error}")).to_owned()
}

/// Lets the token of that id expire in the database, behind the program's back.
const EXPIRE: &str = "UPDATE tokens SET expires_at = 1000 WHERE id = ?";
