//! Answers that are streams: each piece passes when it comes, and an end that is none is visible.

use super::{SSE, Script, get, post};

const EVENT: &str = "9\r\ndata: 1\n\n\r\n";

/// Sends the head and one event of a stream, and waits until the client has them.
fn begin(s: &mut super::super::Stage<'_>, request: impl AsRef<[u8]>, head: &str) {
    s.client_sends(request);
    s.upstream_receives();
    s.upstream_sends(head);
    s.client_receives_head();
    s.upstream_sends(EVENT);
    s.client_receives_until("data: 1\n\n");
}

pub(super) const SCRIPTS: &[Script] = &[
    ("each event passes before the next is sent", |s| {
        begin(s, get(""), SSE);
        s.client_receives_until("\r\n");
        s.upstream_sends("9\r\ndata: 2\n\n\r\n");
        s.client_receives_until("data: 2\n\n\r\n");
        s.upstream_sends("0\r\n\r\n");
        s.client_receives_until("0\r\n\r\n");
    }),
    ("a piece of an event is not held back", |s| {
        begin(s, post("Content-Length: 2\r\n") + "{}", SSE);
        s.client_receives_until("\r\n");
        s.upstream_sends("a\r\ndata:");
        s.client_receives_until("data:\r\n");
        s.upstream_sends(" 22\n\n");
        s.client_receives_until(" 22\n\n\r\n");
        s.upstream_sends("\r\n0\r\nX-Sum: 9\r\n\r\n");
        s.client_receives_until("X-Sum: 9\r\n\r\n");
    }),
    ("a stream that says itself whether to buffer is believed", |s| {
        let head = SSE.replace("\r\n\r\n", "\r\nX-Accel-Buffering: yes\r\n\r\n");
        s.exchange(get(""), head + "0\r\n\r\n");
    }),
    ("a stream that ends with its connection goes on in chunks", |s| {
        let head = SSE.replace("Transfer-Encoding: chunked\r\n", "");
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(head);
        s.client_receives_head();
        s.upstream_sends("data: 1\n\n");
        s.client_receives_until("data: 1\n\n\r\n");
        s.upstream_closes();
        s.client_receives_until("0\r\n\r\n");
    }),
    ("a stream reaches a client of HTTP 1.0 without chunks", |s| {
        begin(s, "GET /v1/models HTTP/1.0\r\nAuthorization: Bearer <openai>\r\n\r\n", SSE);
        s.upstream_sends("0\r\n\r\n");
        s.client_sees_the_end();
    }),
    ("a stream that is cut has no clean end", |s| {
        begin(s, get(""), SSE);
        s.client_receives_until("\r\n");
        s.upstream_closes();
        s.client_sees_the_end();
    }),
    ("a stream that is cut inside a chunk has no clean end", |s| {
        begin(s, get(""), SSE);
        s.client_receives_until("\r\n");
        s.upstream_sends("9\r\ndata");
        s.client_receives_until("data\r\n");
        s.upstream_closes();
        s.client_sees_the_end();
    }),
    ("a stream that is reset has no clean end", |s| {
        begin(s, get(""), SSE);
        s.client_receives_until("\r\n");
        s.upstream_resets();
        s.client_sees_the_end();
    }),
    ("a stream that is cut is a reset for a client of HTTP 1.0", |s| {
        begin(s, "GET /v1/models HTTP/1.0\r\nAuthorization: Bearer <openai>\r\n\r\n", SSE);
        s.upstream_closes();
        s.client_sees_the_end();
    }),
    ("a stream that falls silent is cut", |s| {
        begin(s, get("").replace("<openai>", "<hasty>"), SSE);
        s.client_receives_until("\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("a stream with a malformed chunk has no clean end", |s| {
        begin(s, get(""), SSE);
        s.client_receives_until("\r\n");
        s.upstream_sends("xyz\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
];
