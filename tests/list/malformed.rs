//! Malformed requests are refused clearly, the connection is closed, and nothing of them reaches the upstream.
//!
//! Each case is one of the ways in which two parsers can disagree about where a request ends (RFC 9112 sections 3, 5,
//! 6 and 11.2) or what it says.

use super::{agreeable, assert_refused};
use crate::harness::{Client, Proxy, get};

/// What is wrong, and the request; `TOKEN` stands for the field line with a good token.
const HEADS: [(&str, &[u8]); 25] = [
    ("no version", b"GET /v1/models\r\nHost: p\r\nTOKEN\r\n"),
    ("two spaces before the target", b"GET  /v1/models HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("two spaces after the target", b"GET /v1/models  HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a tab for a space", b"GET\t/v1/models HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a space in the target", b"GET /v1/mo dels HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a control character in the target", b"GET /v1/models\x01 HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a method that is no token", b"G(T /v1/models HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("no method", b" /v1/models HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("an unknown version", b"GET /v1/models HTTP/1.7x\r\nHost: p\r\nTOKEN\r\n"),
    ("a version in lower case", b"GET /v1/models http/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a relative target", b"GET v1/models HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("a fragment", b"GET /v1/models#x HTTP/1.1\r\nHost: p\r\nTOKEN\r\n"),
    ("no host", b"GET /v1/models HTTP/1.1\r\nTOKEN\r\n"),
    ("two hosts", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nHost: q\r\nTOKEN\r\n"),
    ("a space before the colon", b"GET /v1/models HTTP/1.1\r\nHost : p\r\nTOKEN\r\n"),
    ("a field without a colon", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKENnonsense\r\n\r\n"),
    ("a field without a name", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKEN: x\r\n\r\n"),
    ("a folded field", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKENX-A: b\r\n c\r\n\r\n"),
    ("a folded first field", b"GET /v1/models HTTP/1.1\r\n Host: p\r\nTOKEN\r\n"),
    ("a NUL in a value", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKENX-A: b\0c\r\n\r\n"),
    ("a bare CR in a value", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKENX-A: b\rX-B: c\r\n\r\n"),
    ("a bare LF after the request line", b"GET /v1/models HTTP/1.1\nHost: p\r\nTOKEN\r\n"),
    ("a bare LF after a field", b"GET /v1/models HTTP/1.1\r\nHost: p\nTOKEN\r\n"),
    ("a character that no name may have", b"GET /v1/models HTTP/1.1\r\nHost: p\r\nTOKENX[A]: b\r\n\r\n"),
    ("chunks in HTTP/1.0", b"POST /v1/responses HTTP/1.0\r\nTOKENTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
];

/// What is wrong with the framing of a `POST`: its fields, and what follows the head.
const FRAMINGS: [(&str, &[u8], &[u8]); 11] = [
    ("two lengths", b"Content-Length: 2\r\nContent-Length: 3\r\n", b"ab"),
    ("a list of lengths", b"Content-Length: 2, 3\r\n", b"ab"),
    ("a signed length", b"Content-Length: +2\r\n", b"ab"),
    ("a negative length", b"Content-Length: -2\r\n", b"ab"),
    ("a length in hexadecimal", b"Content-Length: 0x2\r\n", b"ab"),
    ("an empty length", b"Content-Length:\r\n", b"ab"),
    ("an endless length", b"Content-Length: 99999999999999999999\r\n", b""),
    ("a length and chunks", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    ("chunks not last", b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    ("chunks twice", b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    ("a disguised coding", b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
];

/// What is wrong with the chunks after a good head.
const CHUNKS: [(&str, &[u8]); 8] = [
    ("a size that is no number", b"x\r\n"),
    ("a negative size", b"-1\r\n"),
    ("a size with a prefix", b"0x1\r\na\r\n0\r\n\r\n"),
    ("an endless size", b"fffffffffffffffff\r\n"),
    ("no size", b"\r\n"),
    ("a bare LF after the size", b"1\na\r\n0\r\n\r\n"),
    ("data longer than the size", b"1\r\nab\r\n0\r\n\r\n"),
    ("a malformed trailer", b"1\r\na\r\n0\r\nX : y\r\n\r\n"),
];

fn with_token(request: &[u8], token: &str) -> Vec<u8> {
    let at = request.windows(5).position(|window| window == b"TOKEN").unwrap();
    let mut filled = request[..at].to_vec();
    filled.extend(format!("Authorization: Bearer {token}\r\n").bytes());
    filled.extend(&request[at + 5..]);
    filled
}

/// A `POST` with these fields beside `Host` and the token.
fn framed(fields: &[u8], after: &[u8], token: &str) -> Vec<u8> {
    let mut request = b"POST /v1/responses HTTP/1.1\r\nHost: p\r\nTOKEN".to_vec();
    request.extend(fields);
    request.extend(b"\r\n");
    request.extend(after);
    with_token(&request, token)
}

/// Asserts that the request is a bad one and that its connection ends with the answer.
fn assert_bad(proxy: &Proxy, what: &str, request: &[u8]) {
    let mut client = Client::connect(proxy.addr);
    client.send(request);
    let response = client.try_response(false).unwrap_or_else(|broken| panic!("{what}: {broken:?}"));
    assert_eq!(response.status(), 400, "{what}: {:?}", response.text());
    assert_refused(&response, 400, "bad_request");
    client.expect_close();
}

#[test]
fn each_malformed_head_is_a_bad_request_and_reaches_no_upstream() {
    let (mock, proxy, token) = agreeable();
    for (what, request) in HEADS {
        assert_bad(&proxy, what, &with_token(request, &token));
    }
    assert_eq!(mock.connections(), 0);
}

#[test]
fn each_malformed_framing_is_a_bad_request_and_reaches_no_upstream() {
    let (mock, proxy, token) = agreeable();
    for (what, fields, after) in FRAMINGS {
        assert_bad(&proxy, what, &framed(fields, after, &token));
    }
    assert_eq!(mock.connections(), 0);
}

#[test]
fn each_malformed_chunk_is_a_bad_request_and_never_a_complete_one() {
    let (mock, proxy, token) = agreeable();
    for (what, chunks) in CHUNKS {
        assert_bad(&proxy, what, &framed(b"Transfer-Encoding: chunked\r\n", chunks, &token));
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn nothing_after_a_malformed_request_is_read_as_another() {
    let (mock, proxy, token) = agreeable();
    let fields = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    let mut request = framed(fields, b"0\r\n\r\n", &token);
    request.extend(get("/v1/models", &token));
    assert_bad(&proxy, "a request behind", &request);
    assert_eq!(mock.connections(), 0);
}

#[test]
fn equal_lengths_twice_are_one_length_or_refused_but_never_ambiguous() {
    let (mock, proxy, token) = agreeable();
    let request = framed(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"ab", &token);
    let response = Client::once(proxy.addr, &request);
    match response.status() {
        200 => {
            let got = mock.only_request();
            assert_eq!((got.head.value("content-length"), got.body.as_slice()), (Some("2"), b"ab".as_slice()));
        }
        _ => assert_refused(&response, 400, "bad_request"),
    }
}
