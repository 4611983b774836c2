//! A WebSocket library on both sides, and OpenAI's SDK for its Realtime API, work through the program as they do
//! without it.

use serde_json::{Value, json};

use super::start;
use crate::harness::{Entry, Options, Proxy, Served, python};

fn towards(server: &Served) -> Options {
    Options::with(Entry::new("mock", &server.base_url))
}

fn call(proxy: &Proxy, token: &str, name: &str) -> Value {
    python("websocket_client.py", &[&format!("http://{}", proxy.addr), token, name])
}

#[test]
fn messages_pings_and_closes_arrive_both_ways() {
    let server = Served::start("websocket_server.py");
    let proxy = start(&towards(&server));
    let token = proxy.credential();
    for (name, expected) in [
        ("text", json!("Grüße, 世界")),
        ("binary", json!(true)),
        ("fragments", json!(true)),
        ("ping", json!(true)),
        ("close_by_client", json!([4002, "bye"])),
        ("close_by_server", json!([4001, "enough"])),
        ("refused", json!([403, "not you\n"])),
    ] {
        assert_eq!(call(&proxy, &token, name), expected, "{name}");
    }
}

#[test]
fn a_token_among_the_subprotocols_reaches_no_upstream() {
    let server = Served::start("websocket_server.py");
    let proxy = start(&towards(&server));
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    let outcome = call(&proxy, &token, "subprotocol");
    assert_eq!(outcome[0], "realtime");
    assert!(!outcome.to_string().contains(&token), "{outcome}");
    let fields = outcome[1].as_array().unwrap();
    assert!(fields.contains(&json!(["Authorization", format!("Bearer {}", project.key)])), "{outcome}");
    assert!(fields.contains(&json!(["Sec-WebSocket-Protocol", "realtime, openai-beta.realtime-v1"])), "{outcome}");
}

#[test]
fn a_hundred_tunnels_stand_at_once() {
    let server = Served::start("websocket_server.py");
    let proxy = start(&towards(&server));
    assert_eq!(call(&proxy, &proxy.credential(), "many"), 100);
}

#[test]
fn the_realtime_client_of_openais_sdk_speaks_through_it() {
    let server = Served::start("websocket_server.py");
    let proxy = start(&towards(&server));
    assert_eq!(call(&proxy, &proxy.credential(), "realtime"), json!(["session.created", "Hello"]));
}
