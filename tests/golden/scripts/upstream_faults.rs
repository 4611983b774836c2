//! Upstreams that cannot be reached, are cut at each stage, answer what is malformed at each stage, or not at all.

use super::{CHUNKED, Script, get, get_as, post};
use crate::golden::Stage;

/// The upstream answers with bytes that are refused before a head is passed on.
fn protocol_error(s: &mut Stage<'_>, response: impl AsRef<[u8]>) {
    s.exchange(get(""), response);
    s.upstream_sees_the_end();
}

/// The upstream sends this, which reaches the client up to `seen`, and closes.
fn cut(s: &mut Stage<'_>, response: &str, seen: &str) {
    s.client_sends(get(""));
    s.upstream_receives();
    if !response.is_empty() {
        s.upstream_sends(response);
    }
    if !seen.is_empty() {
        s.client_receives_until(seen);
    }
    s.upstream_closes();
}

pub(super) const SCRIPTS: &[Script] = &[
    ("an upstream that refuses connections is unreachable", |s| s.answered(get_as("gone", "/v1/models"))),
    ("an upstream that closes without an answer is unreachable", |s| {
        cut(s, "", "");
        s.client_receives();
    }),
    ("an upstream that resets without an answer is unreachable", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_resets();
        s.client_receives();
    }),
    ("an upstream that closes inside its head is unreachable", |s| {
        cut(s, "HTTP/1.1 200 OK\r\nContent-Le", "");
        s.client_receives();
    }),
    ("an upstream that closes after an interim answer is unreachable", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        s.client_receives_head();
        s.upstream_closes();
        s.client_receives();
    }),
    ("an upstream that closes while the request is sent is unreachable", |s| {
        s.client_sends(post("Content-Length: 10\r\n") + "half");
        s.upstream_receives_until("half");
        s.upstream_closes();
        s.client_receives();
        s.client_sees_the_end();
    }),
    ("an upstream that does not answer in time is left", |s| {
        s.client_sends(get_as("hasty", "/v1/models"));
        s.upstream_receives();
        s.client_receives();
        s.upstream_sees_the_end();
    }),
    ("a body cut short of its length has no clean end", |s| {
        cut(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half");
        s.client_sees_the_end();
    }),
    ("a body in chunks that is cut has no clean end", |s| {
        cut(s, &(CHUNKED.to_owned() + "4\r\nhalf\r\n"), "half\r\n");
        s.client_sees_the_end();
    }),
    ("a body in chunks that is cut before its last line has no clean end", |s| {
        cut(s, &(CHUNKED.to_owned() + "4\r\nhalf\r\n0\r\nX-Sum: 9\r\n"), "half\r\n");
        s.client_sees_the_end();
    }),
    ("a body with a length that is reset has no clean end", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        s.client_receives_until("half");
        s.upstream_resets();
        s.client_sees_the_end();
    }),
    ("a body until the end that is reset has no clean end", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\n\r\nhalf");
        s.client_receives_until("half\r\n");
        s.upstream_resets();
        s.client_sees_the_end();
    }),
    ("a status line of another protocol is a protocol error", |s| protocol_error(s, "SSH-2.0-OpenSSH_9.6\r\n\r\n")),
    ("a status line of HTTP 2 is a protocol error", |s| {
        protocol_error(s, "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n");
    }),
    ("a status that is no number is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n");
    }),
    ("a status below 100 is a protocol error", |s| protocol_error(s, "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n")),
    ("a TLS alert is a protocol error", |s| protocol_error(s, b"\x15\x03\x03\x00\x02\x02\x28")),
    ("an upstream's space before a colon is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n");
    }),
    ("an upstream's folded field is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n");
    }),
    ("an upstream's bare LF is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n");
    }),
    ("an upstream's NUL is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n");
    }),
    ("an upstream's two lengths are a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    }),
    ("an upstream's two equal lengths are a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab");
    }),
    ("an upstream's length of a 204 is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab");
    }),
    ("an upstream's length beside chunks is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    }),
    ("an upstream's unknown coding is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    }),
    ("an upstream's switch of protocols is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    }),
    ("an upstream's malformed interim answer is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 103 Early Hints\r\nLink : </a>\r\n\r\n");
    }),
    ("an upstream's malformed head behind an interim answer is a protocol error", |s| {
        protocol_error(s, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX-A : b\r\n\r\n");
    }),
    ("a body in the answer to a HEAD is not passed on", |s| {
        s.client_sends(get("").replace("GET", "HEAD"));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        s.client_receives_head();
        s.upstream_sees_the_end();
    }),
    ("an upstream's malformed chunk size breaks the answer", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nab\r\n");
        s.client_receives_until("ab\r\n");
        s.upstream_sends("-1\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("an upstream's data after a chunk breaks the answer", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nab\r\n");
        s.client_receives_until("ab\r\n");
        s.upstream_sends("1\r\ncdef\r\n0\r\n\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("an upstream's malformed trailer breaks the answer", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nab\r\n");
        s.client_receives_until("ab\r\n");
        s.upstream_sends("0\r\nX : y\r\n\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
];
