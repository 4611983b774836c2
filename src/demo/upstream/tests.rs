//! The mock over a real loopback socket, as a client sees it.

mod client;

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use self::client::{Client, bearer, field};
use super::{DemoUpstream, MAX_CONNECTIONS};

fn start() -> DemoUpstream {
    DemoUpstream::start_with_pause(Duration::ZERO).unwrap()
}

fn question(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-4o-mini", "stream": stream, "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": text},
    ]})
}

#[test]
fn a_chat_answer_repeats_the_question_and_says_that_no_model_was_asked() {
    let upstream = start();

    let got = Client::connect(&upstream).post("/v1/chat/completions", &question("two words", false));

    assert_eq!(got.status, 200);
    assert_eq!(field(&got.head, "content-type"), Some("application/json"));
    let answer = got.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(text, "Hello from the built-in demo upstream! No real model was asked. You said: \"two words\".");
    assert_eq!(answer["model"], "gpt-4o-mini");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 2, "completion_tokens": 15, "total_tokens": 17}));
}

#[test]
fn a_streamed_chat_answer_is_the_whole_one_in_words() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let whole = client.post("/v1/chat/completions", &question("hi", false)).json();

    let got = client.post("/v1/chat/completions", &question("hi", true));

    assert_eq!(field(&got.head, "content-type"), Some("text/event-stream; charset=utf-8"));
    let events = got.events();
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let words: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(words, whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert!(events.len() > 10, "a word each, not all at once");
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert_eq!(got.data().last(), Some(&"[DONE]"));
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[test]
fn a_stream_ends_with_usage_when_that_is_asked_for() {
    let upstream = start();
    let mut request = question("hi", true);
    request["stream_options"] = json!({"include_usage": true});

    let got = Client::connect(&upstream).post("/v1/chat/completions", &request);

    let mut events = got.events();
    let last = events.pop().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], 1);
    assert!(events.iter().all(|event| event["usage"].is_null()));
}

#[test]
fn the_first_word_arrives_while_the_rest_is_still_to_come() {
    let upstream = DemoUpstream::start_with_pause(Duration::from_secs(3600)).unwrap();
    let mut client = Client::connect(&upstream);
    let body = question("hi", true).to_string();
    client.send(&format!("POST /v1/chat/completions HTTP/1.1\r\nHost: demo\r\n{}", bearer()));
    client.send(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));

    client.read_head();
    client.line();

    assert!(client.line().contains("assistant"));
}

#[test]
fn other_keys_are_refused_in_the_shape_of_the_endpoint() {
    let upstream = start();
    let mut client = Client::connect(&upstream);

    client.send("GET /v1/models HTTP/1.1\r\nHost: demo\r\nAuthorization: Bearer sk-client-token\r\n\r\n");
    let openai = client.read();
    client.send("GET /v1/models HTTP/1.1\r\nHost: demo\r\n\r\n");
    let without = client.read();
    client.send("POST /v1/messages HTTP/1.1\r\nHost: demo\r\nx-api-key: sk-client-token\r\n\r\n");
    let anthropic = client.read();

    assert_eq!([openai.status, without.status, anthropic.status], [401; 3]);
    assert_eq!(openai.json()["error"]["code"], "invalid_api_key");
    assert_eq!(anthropic.json()["error"]["type"], "authentication_error");
    assert!(!openai.body.contains(DemoUpstream::expected_key()));
}

#[test]
fn models_are_listed_and_found_by_name() {
    let upstream = start();
    let mut client = Client::connect(&upstream);

    let list = client.get("/v1/models").json();
    let id = list["data"][0]["id"].as_str().unwrap();

    assert_eq!(client.get(&format!("/v1/models/{id}")).json(), list["data"][0]);
    assert_eq!(client.get("/v1/models/none").status, 404);
}

#[test]
fn a_head_request_has_the_fields_of_a_get_and_no_body() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let length = client.get("/v1/models").body.len().to_string();

    client.send(&format!("HEAD /v1/models HTTP/1.1\r\nHost: demo\r\n{}\r\n", bearer()));

    assert_eq!(field(&client.read_head(), "content-length"), Some(length.as_str()));
    assert_eq!(client.get("/v1/models").status, 200, "nothing of a body stands before the next answer");
}

#[test]
fn embeddings_are_unit_vectors_that_depend_on_the_text_alone() {
    let upstream = start();
    let request = json!({"model": "text-embedding-3-small", "input": ["one", "two", "one"], "dimensions": 8});

    let data = Client::connect(&upstream).post("/v1/embeddings", &request).json()["data"].clone();

    let vector = |index: usize| serde_json::from_value::<Vec<f64>>(data[index]["embedding"].clone()).unwrap();
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    assert_eq!(vector(1).len(), 8);
    assert!((vector(1).iter().map(|number| number * number).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn a_streamed_response_opens_with_created_and_ends_with_completed() {
    let upstream = start();
    let mut client = Client::connect(&upstream);

    let got = client.post("/v1/responses", &json!({"model": "gpt-4o-mini", "input": "hi", "stream": true}));
    let whole = client.post("/v1/responses", &json!({"model": "gpt-4o-mini", "input": "hi"})).json();

    let events = got.events();
    assert!(got.body.starts_with("event: response.created\ndata: "));
    assert_eq!(events.last().unwrap()["type"], "response.completed");
    assert_eq!(events.last().unwrap()["response"], whole);
    let words: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(words, whole["output"][0]["content"][0]["text"].as_str().unwrap());
    assert!(events.iter().enumerate().all(|(number, event)| event["sequence_number"] == number));
}

#[test]
fn a_message_is_answered_in_the_other_dialect_with_its_own_key_field() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let mut ask = |stream: bool| {
        let body = json!({"model": "claude", "max_tokens": 9, "stream": stream, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ]})
        .to_string();
        let key = DemoUpstream::expected_key();
        client.send(&format!("POST /v1/messages HTTP/1.1\r\nHost: demo\r\nx-api-key: {key}\r\n"));
        client.send(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        client.read()
    };

    let (whole, streamed) = (ask(false).json(), ask(true));

    let events = streamed.events();
    let words: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert!(words.ends_with("You said: \"hi\"."));
    assert_eq!(whole["content"][0]["text"], words);
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events.last().unwrap()["type"], "message_stop");
}

#[test]
fn a_chunked_request_body_is_understood() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let body = question("hi", false).to_string();
    let (front, back) = body.split_at(10);

    client.send(&format!("POST /v1/chat/completions HTTP/1.1\r\nHost: demo\r\n{}", bearer()));
    client.send(&format!("Transfer-Encoding: chunked\r\n\r\na\r\n{front}\r\n{:x}\r\n{back}\r\n0\r\n\r\n", back.len()));

    assert_eq!(client.read().status, 200);
}

#[test]
fn a_client_that_expects_a_100_gets_it_before_it_sends_the_body() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let body = question("hi", false).to_string();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nHost: demo\r\n{}", bearer());
    client.send(&format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len()));

    assert_eq!(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(&body);

    assert_eq!(client.read().status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    client.send(&format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: demo\r\n{}Content-Length: 1048577\r\n\r\n",
        bearer()
    ));

    let got = client.read();

    assert_eq!(got.status, 413);
    assert_eq!(field(&got.head, "connection"), Some("close"));
    assert_eq!(client.rest(), "");
}

#[test]
fn a_chunked_body_over_the_limit_is_refused_too() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    client
        .send(&format!("POST /v1/responses HTTP/1.1\r\nHost: demo\r\n{}Transfer-Encoding: chunked\r\n\r\n", bearer()));

    (0..17).for_each(|_| client.send(&chunk));

    assert_eq!(client.read().status, 413);
}

#[test]
fn wrong_methods_paths_and_bodies_are_named_and_the_connection_goes_on() {
    let upstream = start();
    let mut client = Client::connect(&upstream);

    let method = client.get("/v1/chat/completions");
    let path = client.get("/v1/unknown");
    client.send(&format!("POST /v1/embeddings HTTP/1.1\r\nHost: demo\r\n{}Content-Length: 1\r\n\r\n{{", bearer()));
    let body = client.read();

    assert_eq!((method.status, field(&method.head, "allow")), (405, Some("POST")));
    assert_eq!(path.status, 404);
    assert_eq!(body.status, 400);
    assert_eq!(client.get("/v1/models").status, 200);
}

#[test]
fn malformed_bytes_are_answered_and_the_connection_closed() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    client.send("no http at all\r\n\r\n");

    assert_eq!(client.read().status, 400);
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();

    assert_eq!(client.rest(), "");
}

#[test]
fn an_http_1_0_client_gets_a_stream_that_lasts_until_close() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let body = question("hi", true).to_string();
    client.send(&format!("POST /v1/chat/completions HTTP/1.0\r\n{}", bearer()));
    client.send(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));

    let head = client.read_head();

    assert_eq!(field(&head, "transfer-encoding"), None);
    assert_eq!(field(&head, "connection"), Some("close"));
    assert!(client.rest().ends_with("data: [DONE]\n\n"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = start();
    let mut client = Client::connect(&upstream);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: demo\r\n{}\r\n", bearer());

    client.send(&[get("/v1/models"), get("/v1/unknown")].concat());

    assert_eq!([client.read().status, client.read().status], [200, 404]);
}

#[test]
fn a_connection_over_the_limit_is_told_so() {
    let upstream = start();
    let mut open: Vec<Client> = (0..MAX_CONNECTIONS).map(|_| Client::connect(&upstream)).collect();
    assert!(open.iter_mut().all(|client| client.get("/v1/models").status == 200));

    let got = Client::connect(&upstream).read();

    assert_eq!(got.status, 503);
}

#[test]
fn nobody_listens_after_it_is_dropped() {
    let upstream = start();
    let addr = upstream.addr();

    drop(upstream);

    assert!(TcpStream::connect(addr).is_err());
}
