//! What HTTP libraries are known to get wrong (async-h1 2.3.4 and the pooled client of surf 2.3.2 do each of these),
//! and that nobody on the wire meets it, whichever library serves.

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Mock, Options, Proxy, get, ok, post};

/// A `POST` of those fields and what follows its head, then a second request on the same connection.
fn post_with(proxy: &Proxy, token: &str, fields: &str, after: &str) -> Client {
    let mut client = Client::connect(proxy.addr);
    let head = format!("POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n");
    client.send(format!("{head}{fields}\r\n{after}").as_bytes());
    client
}

#[test]
fn of_two_lengths_neither_is_taken() {
    let (mock, proxy, token) = agreeable();
    for fields in ["Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: 2\r\nContent-Length: 1\r\n"] {
        let mut client = post_with(&proxy, &token, fields, "ab");
        assert_refused(&client.response(), 400, "bad_request");
        client.expect_close();
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_length_with_a_sign_is_no_length() {
    let (mock, proxy, token) = agreeable();
    let mut client = post_with(&proxy, &token, "Content-Length: +5\r\n", "hello");
    assert_refused(&client.response(), 400, "bad_request");
    client.expect_close();
    assert_eq!(mock.count(), 0);
}

#[test]
fn content_in_a_second_coding_is_never_taken_for_none() {
    let (mock, proxy, token) = agreeable();
    let mut client = post_with(&proxy, &token, "Transfer-Encoding: gzip, chunked\r\n", "2\r\nab\r\n0\r\n\r\n");
    let response = client.response();
    assert!(response.status() >= 400, "{response:?}");
    client.expect_close();
    assert_eq!(mock.count(), 0);
}

#[test]
fn requests_that_came_together_are_all_answered() {
    let (mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    client.send(&[post("/v1/responses", &token, "1"), get("/v1/models", &token), get("/v1/models", &token)].concat());
    for _ in 0..3 {
        assert_eq!(client.response().status(), 200);
    }
    assert_eq!(mock.count(), 3);
}

#[test]
fn the_last_line_of_a_chunked_request_may_come_in_two_pieces() {
    let (mock, proxy, token) = agreeable();
    let mut client = post_with(&proxy, &token, "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r");
    client.send(b"\n");
    assert_eq!(client.response().status(), 200);
    assert_eq!(mock.only_request().body, b"ab");
}

#[test]
fn bytes_that_are_no_request_get_an_answer() {
    let (mock, proxy, _) = agreeable();
    let mut client = Client::connect(proxy.addr);
    client.send(b"nonsense\r\n\r\n");
    assert_refused(&client.response(), 400, "bad_request");
    client.expect_close();
    assert_eq!(mock.count(), 0);
}

#[test]
fn heads_that_a_library_cannot_say_pass_to_the_byte() {
    let lines = "HTTP/1.1 529 Overloaded\r\nzz-First: 1\r\nAA-second: caf\u{e9}\r\nX-Twice: a\r\nx-twice: b\r\n";
    let mock = Mock::answering(format!("{lines}Content-Length: 0\r\n\r\n"));
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    let raw = String::from_utf8_lossy(&response.head.raw);
    assert!(raw.starts_with(lines), "{raw}");
}

#[test]
fn an_answer_without_content_has_no_length() {
    let mock = Mock::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_eq!(response.status(), 204);
    assert!(!response.head.has("content-length") && !response.head.has("transfer-encoding"), "{:?}", response.head);
}

#[test]
fn bytes_after_an_answer_are_never_part_of_the_next() {
    let mock = Mock::start(|connection, request| {
        let mut answer = ok(&format!("\"{}\"", request.head.start_line));
        answer.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen");
        connection.send(&answer);
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for path in ["/v1/models", "/v1/models/a", "/v1/models/b"] {
        client.send(&get(path, &token));
        assert_eq!(client.response().text(), format!("\"GET {path} HTTP/1.1\""));
    }
    assert_eq!(mock.connections(), 3);
}

#[test]
fn a_body_that_the_upstream_cuts_is_never_a_whole_one() {
    let mock = Mock::raw(|connection| {
        if connection.request().is_some() {
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    assert!(client.try_response(false).is_err());
}
