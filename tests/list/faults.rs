//! What the client is told when the upstream fails before its answer.

use std::net::TcpListener;

use super::{assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, Response, Signal, get, post};

/// What a client gets when the upstream answers so and then closes.
fn answered(bytes: &[u8]) -> Response {
    let bytes = bytes.to_vec();
    let mock = Mock::start(move |connection, _| {
        connection.send(&bytes);
        connection.close();
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &post("/v1/responses", &token, "{}"));
    assert_eq!(mock.count(), 1, "a POST was sent twice");
    response
}

#[test]
fn an_upstream_that_refuses_connections_is_unreachable() {
    // Bound and not listening any more: the port refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = start(&Options::with(Entry::new("mock", &format!("http://{refusing}"))));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&get("/v1/models", &token));
        let response = client.response();
        assert_refused(&response, 502, "upstream_unreachable");
        assert!(!response.text().contains(&refusing.port().to_string()), "{}", response.text());
    }
}

#[test]
fn an_upstream_whose_name_is_unknown_is_unreachable() {
    let proxy = start(&Options::with(Entry::new("mock", "http://nowhere.invalid:9")));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &get("/v1/models", &token));
    assert_refused(&response, 502, "upstream_unreachable");
    assert!(!response.text().contains("nowhere"), "{}", response.text());
}

#[test]
fn an_upstream_that_closes_without_an_answer_is_as_good_as_unreachable() {
    assert_refused(&answered(b""), 502, "upstream_unreachable");
}

#[test]
fn an_upstream_that_closes_in_its_head_is_as_good_as_unreachable() {
    assert_refused(&answered(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "upstream_unreachable");
}

#[test]
fn malformed_answers_are_not_passed_on() {
    for bytes in [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n".as_slice(),
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let response = answered(bytes);
        assert_eq!(response.status(), 502, "{:?}", String::from_utf8_lossy(bytes));
        assert_refused(&response, 502, "upstream_protocol_error");
    }
}

#[test]
fn an_endless_head_is_cut_off() {
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    bytes.extend("X-Long: y\r\n".repeat(200_000).bytes());
    assert_refused(&answered(&bytes), 502, "upstream_protocol_error");
}

#[test]
fn an_upstream_that_never_answers_times_out_and_is_left() {
    let left = Signal::default();
    let seen = left.clone();
    let mock = Mock::start(move |connection, _| {
        if connection.closed(crate::harness::PATIENCE).is_some() {
            seen.set();
        }
    });
    let entry = Entry::new("mock", &mock.base_url()).line("timeouts: {response_header: 300ms}");
    let proxy = start(&Options::with(entry));
    let token = proxy.credential();
    let response = Client::once(proxy.addr, &post("/v1/responses", &token, "{}"));
    assert_refused(&response, 504, "upstream_timeout");
    assert_eq!(response.value("x-should-retry"), Some("false"), "the upstream may have begun");
    left.wait();
}

#[test]
fn refusals_in_the_upstreams_name_have_the_providers_shape() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let entry = Entry::new("mock", &format!("http://{refusing}"));
    let proxy = start(&Options::with(entry.clone().dialect("anthropic")));
    let body = Client::once(proxy.addr, &get("/v1/models", &proxy.credential())).json();
    assert_eq!((&body["type"], &body["error"]["code"]), (&"error".into(), &"upstream_unreachable".into()), "{body}");
    let proxy = start(&Options::with(entry.dialect("gemini")));
    let body = Client::once(proxy.addr, &get("/v1beta/models", &proxy.credential())).json();
    assert_eq!(
        (&body["error"]["code"], &body["error"]["details"][0]["reason"]),
        (&502.into(), &"upstream_unreachable".into())
    );
}

#[test]
fn an_answer_before_the_request_is_complete_reaches_the_client() {
    let mock = Mock::raw(|connection| {
        if connection.request_head().is_some() {
            connection.send(b"HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop");
            connection.closed(crate::harness::PATIENCE);
        }
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let head = format!("POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n");
    client.send(format!("{head}Content-Length: 1000\r\n\r\nhalf").as_bytes());
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (413, "stop"));
}
