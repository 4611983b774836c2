//! Limits on what a client may send: bodies, heads, time.

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, get, post};

fn limited() -> (Mock, crate::harness::Proxy, String) {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("MAX_REQUEST_SIZE", "1KiB"));
    let token = proxy.credential();
    (mock, proxy, token)
}

#[test]
fn a_body_at_the_limit_passes() {
    let (mock, proxy, token) = limited();
    assert_eq!(Client::once(proxy.addr, &post("/v1/responses", &token, &"x".repeat(1024))).status(), 200);
    assert_eq!(mock.only_request().body.len(), 1024);
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_body_comes() {
    let (mock, proxy, token) = limited();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nContent-Length: 1025\r\n\r\n"
    );
    assert_refused(&Client::once(proxy.addr, request.as_bytes()), 413, "request_too_large");
    assert_eq!(mock.count(), 0);
}

#[test]
fn chunks_over_the_limit_are_refused() {
    let (mock, proxy, token) = limited();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n\
         400\r\n{}\r\n1\r\nx\r\n0\r\n\r\n",
        "x".repeat(1024)
    );
    assert_refused(&Client::once(proxy.addr, request.as_bytes()), 413, "request_too_large");
    assert_eq!(mock.count(), 0, "a request over the limit must not be complete at the upstream");
}

#[test]
fn a_client_that_sends_all_of_a_body_that_is_too_large_still_reads_the_answer() {
    let (_mock, proxy, token) = limited();
    let request = post("/v1/responses", &token, &"x".repeat(1 << 20));
    let mut client = Client::connect(proxy.addr);
    // The peer may close while this is being sent; its answer must arrive all the same.
    let _ = client.try_send(&request);
    assert_refused(&client.response(), 413, "request_too_large");
}

#[test]
fn an_endpoint_can_have_its_own_limit() {
    let mock = Mock::agreeable();
    let entry = Entry::new("mock", &mock.base_url()).line("max_request_size: {/v1/embeddings: 2KiB}");
    let proxy = start(&Options::with(entry).env("MAX_REQUEST_SIZE", "1KiB"));
    let token = proxy.credential();
    let body = "x".repeat(2048);
    assert_eq!(Client::once(proxy.addr, &post("/v1/embeddings", &token, &body)).status(), 200);
    assert_refused(&Client::once(proxy.addr, &post("/v1/responses", &token, &body)), 413, "request_too_large");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let (mock, proxy, token) = agreeable();
    for fields in [format!("X-Long: {}\r\n", "x".repeat(1 << 20)), "X-Many: y\r\n".repeat(10_000)] {
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n{fields}\r\n");
        let mut client = Client::connect(proxy.addr);
        let _ = client.try_send(request.as_bytes());
        assert_refused(&client.response(), 431, "headers_too_large");
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_head_of_some_kilobytes_is_ordinary() {
    let (mock, proxy, token) = agreeable();
    let fields = format!("X-Long: {}\r\n", "x".repeat(6000));
    let request = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n{fields}\r\n");
    assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
    assert_eq!(mock.only_request().head.value("x-long").map(str::len), Some(6000));
}

#[test]
fn requests_over_the_limit_of_concurrency_are_refused_at_once() {
    let release = crate::harness::Signal::default();
    let waiting = release.clone();
    let mock = Mock::start(move |connection, _| {
        waiting.wait();
        connection.send(&crate::harness::ok("{}"));
    });
    let proxy = start(&Options::towards(&mock).env("MAX_CONCURRENT_REQUESTS", "2"));
    let token = proxy.credential();
    let mut held: Vec<Client> = (0..2).map(|_| Client::connect(proxy.addr)).collect();
    for (index, client) in held.iter_mut().enumerate() {
        client.send(&get("/v1/models", &token));
        mock.request(index);
    }
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_refused(&response, 503, "overloaded");
    assert!(response.head.has("retry-after") && response.head.has("retry-after-ms"), "{:?}", response.head);
    release.set();
    for client in &mut held {
        assert_eq!(client.response().status(), 200);
    }
    // On the same connection the exchange before is over for certain.
    held[0].send(&get("/v1/models", &token));
    assert_eq!(held[0].response().status(), 200);
    assert_eq!(mock.count(), 3);
}
