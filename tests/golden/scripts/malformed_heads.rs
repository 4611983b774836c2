//! Malformed request heads, one of each kind: answered, and the connection ends (RFC 9112 sections 2, 3, 5 and 6).

use super::{Script, get, post};

pub(super) const SCRIPTS: &[Script] = &[
    ("a bare LF after the request line is refused", |s| {
        s.refused_for_good(get("").replacen("\r\n", "\n", 1));
    }),
    ("a bare LF after a field is refused", |s| s.refused_for_good(get("X-A: b\nX-C: d\r\n"))),
    ("a bare CR in a value is refused", |s| s.refused_for_good(get("X-A: b\rX-C: d\r\n"))),
    ("a folded field is refused", |s| s.refused_for_good(get("X-A: b\r\n c\r\n"))),
    ("a space before a colon is refused", |s| s.refused_for_good(get("X-A : b\r\n"))),
    ("a field without a colon is refused", |s| s.refused_for_good(get("nonsense\r\n"))),
    ("a field without a name is refused", |s| s.refused_for_good(get(": b\r\n"))),
    ("a name with a bracket is refused", |s| s.refused_for_good(get("X[A]: b\r\n"))),
    ("a NUL in a value is refused", |s| s.refused_for_good(get("X-A: b\0c\r\n"))),
    ("a control character in a target is refused", |s| {
        s.refused_for_good(get("").replace("/models", "/models\u{1}"));
    }),
    ("two spaces in the request line are refused", |s| s.refused_for_good(get("").replace("GET ", "GET  "))),
    ("a fragment in a target is refused", |s| s.refused_for_good(get("").replace("/models", "/models#x"))),
    ("a relative target is refused", |s| s.refused_for_good(get("").replace("/v1", "v1"))),
    ("a request without a host is refused", |s| {
        s.refused_for_good(get("").replace("Host: proxy.example\r\n", ""));
    }),
    ("a request with two hosts is refused", |s| s.refused_for_good(get("Host: other.example\r\n"))),
    ("a host that is none is refused", |s| s.refused_for_good(get("").replace("proxy.example", "a/b@c"))),
    ("a head that is too large is refused", |s| {
        s.refused_for_good(get(&format!("X-Long: {}\r\n", "x".repeat(100_000))));
    }),
    ("two lengths are refused", |s| {
        s.refused_for_good(post("Content-Length: 2\r\nContent-Length: 3\r\n") + "abc");
    }),
    ("two equal lengths are refused", |s| {
        s.refused_for_good(post("Content-Length: 2\r\nContent-Length: 2\r\n") + "ab");
    }),
    ("a list of lengths is refused", |s| s.refused_for_good(post("Content-Length: 2, 2\r\n") + "ab")),
    ("a signed length is refused", |s| s.refused_for_good(post("Content-Length: +2\r\n") + "ab")),
    ("a length beside chunks is refused", |s| {
        let fields = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
        s.refused_for_good(post(fields) + "0\r\n\r\n" + &get(""));
    }),
    ("chunks that are not last are refused", |s| {
        s.refused_for_good(post("Transfer-Encoding: chunked, gzip\r\n") + "0\r\n\r\n");
    }),
    ("a coding that is not known is refused", |s| {
        s.refused_for_good(post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n");
    }),
    ("chunks in HTTP 1.0 are refused", |s| {
        let request = post("Transfer-Encoding: chunked\r\n").replace("HTTP/1.1", "HTTP/1.0");
        s.refused_for_good(request + "0\r\n\r\n");
    }),
];
