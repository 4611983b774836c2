//! Deadlines that the contract gives in seconds: these tests take as long as the deadlines do.

use std::time::{Duration, Instant};

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, get};

#[test]
fn a_head_that_drips_in_is_given_ten_seconds() {
    let (mock, proxy, _) = agreeable();
    let mut client = Client::connect(proxy.addr);
    let begin = Instant::now();
    client.send(b"GET /v1/models HTTP/1.1\r\n");
    client.patience(Duration::from_millis(500));
    // Each half second without an answer is worth one more byte: no single read is idle for long.
    let response = loop {
        match client.try_response(false) {
            Err(crate::harness::Broken::Silent) => {
                let _ = client.try_send(b"x");
            }
            other => break other.unwrap(),
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "a head that drips in is waited for without end");
    };
    assert_refused(&response, 408, "request_timeout");
    assert_eq!(response.value("x-should-retry"), Some("false"));
    assert!(begin.elapsed() > Duration::from_secs(8), "only {:?} were given", begin.elapsed());
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_stream_that_falls_silent_is_cut() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.chunk(b"data: 1\n\n");
        connection.closed(crate::harness::PATIENCE);
    });
    let entry = Entry::new("mock", &mock.base_url()).line("timeouts: {stream_idle: 500ms}");
    let proxy = start(&Options::with(entry));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    client.head();
    client.expect_body(b"data: 1\n\n");
    let begin = Instant::now();
    assert!(client.piece(1).is_err(), "the silent stream ended as if it were complete");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn an_answer_that_is_no_stream_has_a_total_limit() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n");
        // A byte each 50 ms (the wait for the peer's close paces it): never idle, never done.
        while connection.closed(Duration::from_millis(50)).is_none() && connection.try_send(b"x") {}
    });
    let entry = Entry::new("mock", &mock.base_url()).line("timeouts: {request: 700ms}");
    let proxy = start(&Options::with(entry));
    let token = proxy.credential();
    let begin = Instant::now();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    assert!(client.try_response(false).is_err());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}
