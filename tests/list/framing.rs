//! How messages follow each other on a client's connection: persistence, pipelining, HTTP/1.0, 100-continue, chunks.

use super::{agreeable, start};
use crate::harness::{Client, Mock, Options, Signal, get, ok};

/// An upstream whose answer is the request's target.
fn echo() -> Mock {
    Mock::start(|connection, request| {
        let target = request.head.start_line.split(' ').nth(1).unwrap();
        connection.send(&ok(target));
    })
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let targets: Vec<String> = (0..50).map(|number| format!("/v1/models/{number}")).collect();
    let requests: Vec<u8> = targets.iter().flat_map(|target| get(target, &token)).collect();
    client.send(&requests);
    for target in &targets {
        assert_eq!(&client.response().text(), target);
    }
}

#[test]
fn a_refused_request_between_pipelined_ones_is_answered_in_its_place() {
    let mock = echo();
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let mut requests = get("/v1/models/1", &token);
    requests.extend(get("/v1/nowhere", &token));
    requests.extend(b"GET /live HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
    requests.extend(get("/v1/models/2", &token));
    client.send(&requests);
    assert_eq!(client.response().text(), "/v1/models/1");
    assert_eq!(client.response().status(), 404);
    assert_eq!(client.response().text(), "alive");
    assert_eq!(client.response().text(), "/v1/models/2");
}

#[test]
fn one_connection_serves_one_request_after_another_until_the_client_says_close() {
    let (_mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..3 {
        client.send(&get("/v1/models", &token));
        assert_eq!(client.response().status(), 200);
    }
    let last = format!(
        "GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    client.send(last.as_bytes());
    assert_eq!(client.response().value("connection"), Some("close"));
    client.expect_close();
}

#[test]
fn a_request_split_into_single_bytes_is_the_same_request() {
    let (mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
         Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\nX-End: 1\r\n\r\n"
    );
    for byte in request.as_bytes() {
        client.send(&[*byte]);
    }
    assert_eq!(client.response().status(), 200);
    assert_eq!(mock.only_request().body, b"abcd0123456789");
}

#[test]
fn a_chunked_request_reaches_the_upstream_chunked_with_its_trailers() {
    let (mock, proxy, token) = agreeable();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"
    );
    assert_eq!(Client::once(proxy.addr, request.as_bytes()).status(), 200);
    let got = mock.only_request();
    assert_eq!(got.head.value("transfer-encoding"), Some("chunked"));
    assert!(!got.head.has("content-length"));
    assert_eq!(got.body, b"hello");
    assert_eq!(got.trailers, [("X-Sum".to_owned(), "9".to_owned())]);
}

#[test]
fn a_request_body_reaches_the_upstream_while_the_client_still_sends() {
    let half = Signal::default();
    let seen = half.clone();
    let mock = Mock::raw(move |connection| {
        if connection.request_head().is_none() {
            return;
        }
        let mut body = Vec::new();
        while body.len() < 10 {
            body.extend(connection.piece(10 - body.len()).unwrap());
            if body.len() == 5 {
                seen.set();
            }
        }
        connection.send(&ok("{}"));
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(
        format!(
            "POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 10\r\n\r\n01234"
        )
        .as_bytes(),
    );
    half.wait();
    client.send(b"56789");
    assert_eq!(client.response().status(), 200);
}

#[test]
fn a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() {
    let mock = Mock::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n yo\r\n0\r\n\r\n");
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(format!("GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n").as_bytes());
    let response = client.response();
    assert!(!response.head.has("transfer-encoding"), "{:?}", response.head);
    assert_eq!(response.text(), "hi yo");
    client.expect_close();
    assert!(mock.only_request().head.start_line.ends_with(" HTTP/1.1"));
}

#[test]
fn a_client_of_http_1_0_may_keep_its_connection() {
    let (_mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(
            format!("GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: Bearer {token}\r\n\r\n")
                .as_bytes(),
        );
        let response = client.response();
        assert_eq!(response.text(), "{}");
        if !response.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("keep-alive")) {
            // Not to keep it is allowed too, if it is then closed.
            client.expect_close();
            return;
        }
    }
}

#[test]
fn a_client_that_waits_for_100_is_told_to_continue() {
    let (mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    client.send(
        format!(
            "POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(client.head().start_line.split(' ').nth(1), Some("100"));
    client.send(b"{}");
    let response = client.response();
    assert_eq!(response.status(), 200);
    assert!(response.interim.is_empty(), "told to continue twice");
    assert_eq!(mock.only_request().body, b"{}");
}

#[test]
fn a_client_that_waits_for_100_and_is_refused_sends_nothing() {
    let (mock, proxy, _) = agreeable();
    let mut client = Client::connect(proxy.addr);
    client.send(
        b"POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer sk-AAAAAAAAAAAAAAAAAAAAAA\r\n\
          Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    let response = client.response();
    assert!(response.interim.is_empty());
    assert_eq!(response.status(), 401);
    assert_eq!(mock.count(), 0);
}

#[test]
fn an_interim_answer_of_the_upstream_is_no_final_one() {
    let mock = Mock::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&get("/v1/models", &token));
        let response = client.response();
        assert_eq!(response.text(), "ok");
        assert!(response.interim.iter().all(|head| head.status() != 101));
    }
}

#[test]
fn an_empty_line_before_a_request_is_forgiven() {
    let (_mock, proxy, token) = agreeable();
    let mut client = Client::connect(proxy.addr);
    let mut request = b"\r\n".to_vec();
    request.extend(get("/v1/models", &token));
    client.send(&request);
    assert_eq!(client.response().status(), 200);
}
