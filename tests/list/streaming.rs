//! Streams: each event reaches the client before the next is sent, and a broken stream is visible as one.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{agreeable, start};
use crate::harness::{Broken, Client, Mock, Options, Proxy, get, post};

const SSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An upstream whose one answer is written on command: each message goes out as it is; the end of messages closes.
fn commanded() -> (Mock, Sender<Vec<u8>>) {
    let (command, commands) = channel::<Vec<u8>>();
    let commands: Mutex<Receiver<Vec<u8>>> = Mutex::new(commands);
    let mock = Mock::start(move |connection, _| {
        let commands = commands.lock().unwrap();
        while let Ok(bytes) = commands.recv() {
            connection.send(&bytes);
        }
        connection.close();
    });
    (mock, command)
}

/// A client whose request waits at that upstream.
fn asking(mock: &Mock, http: &str) -> (Proxy, Client) {
    let proxy = start(&Options::towards(mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(
        format!(
            "POST /v1/responses HTTP/{http}\r\nHost: p\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        )
        .as_bytes(),
    );
    mock.request(0);
    (proxy, client)
}

#[test]
fn each_event_reaches_the_client_before_the_next_is_sent() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.1");
    command.send(SSE.to_vec()).unwrap();
    let head = client.head();
    assert_eq!(head.value("content-type"), Some("text/event-stream; charset=utf-8"));
    for number in 0..20 {
        let event = format!("data: {{\"n\":{number:02}}}\n\n");
        command.send(format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()).unwrap();
        client.expect_body(event.as_bytes());
    }
    command.send(b"0\r\n\r\n".to_vec()).unwrap();
    client.expect_end();
}

#[test]
fn a_piece_of_an_event_is_not_held_back() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.1");
    command.send(SSE.to_vec()).unwrap();
    client.head();
    command.send(b"a\r\ndata: {\"a".to_vec()).unwrap();
    client.expect_body(b"data: {\"a");
    command.send(b"\"}\n\r\n0\r\n\r\n".to_vec()).unwrap();
    assert_eq!(client.piece(1), Ok(Some(b"\"".to_vec())));
}

#[test]
fn the_head_reaches_the_client_before_the_first_event() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.1");
    command.send(SSE.to_vec()).unwrap();
    assert_eq!(client.head().status(), 200);
}

#[test]
fn streams_ask_buffering_proxies_not_to_buffer_unless_they_say_themselves() {
    for (field, expected) in [("", "no"), ("X-Accel-Buffering: yes\r\n", "yes")] {
        let mock = Mock::answering(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{field}Content-Length: 0\r\n\r\n"
        ));
        let proxy = start(&Options::towards(&mock));
        let token = proxy.credential();
        let response = Client::once(proxy.addr, &get("/v1/models", &token));
        assert_eq!(response.value("x-accel-buffering"), Some(expected));
    }
}

#[test]
fn other_answers_say_nothing_about_buffering() {
    let (_mock, proxy, token) = agreeable();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert!(!response.head.has("x-accel-buffering"));
}

#[test]
fn a_stream_that_breaks_off_has_no_clean_end() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.1");
    command.send(SSE.to_vec()).unwrap();
    client.head();
    command.send(b"9\r\ndata: 1\n\n\r\n".to_vec()).unwrap();
    client.expect_body(b"data: 1\n\n");
    drop(command);
    let end = client.piece(1);
    assert!(matches!(end, Err(Broken::Cut | Broken::Reset)), "{end:?}");
}

#[test]
fn a_body_shorter_than_its_length_has_no_clean_end() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.1");
    command.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec()).unwrap();
    assert_eq!(client.head().value("content-length"), Some("10"));
    client.expect_body(b"abc");
    drop(command);
    let end = client.piece(1);
    assert!(matches!(end, Err(Broken::Cut | Broken::Reset)), "{end:?}");
}

#[test]
fn a_client_of_http_1_0_sees_a_broken_stream_as_a_reset() {
    let (mock, command) = commanded();
    let (_proxy, mut client) = asking(&mock, "1.0");
    command.send(SSE.to_vec()).unwrap();
    command.send(b"9\r\ndata: 1\n\n\r\n".to_vec()).unwrap();
    client.head();
    client.expect_body(b"data: 1\n\n");
    drop(command);
    assert_eq!(client.piece(1), Err(Broken::Reset), "a plain end would look like a complete answer");
}

#[test]
fn a_malformed_chunk_breaks_the_stream_and_only_it() {
    let mock = Mock::start(|connection, request| {
        if request.head.start_line.starts_with("POST") {
            connection.send(SSE);
            connection.send(b"9\r\ndata: 1\n\n\r\nxyz\r\n");
        } else {
            connection.send(&crate::harness::ok("fine"));
        }
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&post("/v1/responses", &token, ""));
    let broken = client.try_response(false).unwrap_err();
    assert!(matches!(broken, Broken::Cut | Broken::Reset), "{broken:?}");
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).text(), "fine");
}
