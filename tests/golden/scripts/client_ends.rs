//! Clients that stop: half-closed, closed or reset, at each stage; and answers that come before the request's end.

use super::{CHUNKED, OK, Script, get, post};

pub(super) const SCRIPTS: &[Script] = &[
    ("a client that closes without a word is nothing", |s| {
        s.client_connects();
        s.client_closes();
    }),
    ("a client that half-closes without a word is closed", |s| {
        s.client_connects();
        s.client_half_closes();
    }),
    ("a client that half-closes inside its head is refused", |s| {
        s.client_sends("GET /v1/models HTTP/1.1\r\nHost: proxy.ex");
        s.client_half_closes();
    }),
    ("a client that half-closes inside its body leaves no complete request", |s| {
        s.client_sends(post("Content-Length: 10\r\n") + "half");
        s.upstream_receives_until("half");
        s.client_half_closes();
        s.upstream_sees_the_end();
    }),
    ("a client that half-closes between chunks leaves no complete request", |s| {
        s.client_sends(post("Transfer-Encoding: chunked\r\n") + "4\r\nhalf\r\n");
        s.upstream_receives_until("half\r\n");
        s.client_half_closes();
        s.upstream_sees_the_end();
    }),
    ("a client that half-closes before its answer cancels the request", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.client_half_closes();
        s.upstream_sees_the_end();
    }),
    ("a client that half-closes during its answer cancels the request", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "4\r\nhalf\r\n");
        s.client_receives_until("half\r\n");
        s.client_half_closes();
        s.upstream_sees_the_end();
    }),
    ("a client that half-closes after its answer is closed", |s| {
        s.exchange(get(""), OK);
        s.client_half_closes();
    }),
    ("a client that closes during its answer cancels the request", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "4\r\nhalf\r\n");
        s.client_receives_until("half\r\n");
        s.client_closes();
        s.upstream_sees_the_end();
    }),
    ("a client that resets before its answer cancels the request", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.client_resets();
        s.upstream_sees_the_end();
    }),
    ("a client that resets inside its body leaves no complete request", |s| {
        s.client_sends(post("Transfer-Encoding: chunked\r\n") + "4\r\nhalf\r\n");
        s.upstream_receives_until("half\r\n");
        s.client_resets();
        s.upstream_sees_the_end();
    }),
    ("an answer before the request's end ends both connections", |s| {
        s.client_sends(post("Content-Length: 10\r\n") + "half");
        s.upstream_receives_until("half");
        s.upstream_sends("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop");
        s.client_receives();
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("an answer before the end of a request in chunks ends both connections", |s| {
        s.client_sends(post("Transfer-Encoding: chunked\r\n") + "4\r\nhalf\r\n");
        s.upstream_receives_until("half\r\n");
        s.upstream_sends(OK);
        s.client_receives();
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("an answer that begins early goes on while the request does", |s| {
        s.client_sends(post("Content-Length: 4\r\n") + "ab");
        s.upstream_receives_until("ab");
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nAB\r\n");
        s.client_receives_until("AB\r\n");
        s.client_sends("cd");
        s.upstream_receives_until("cd");
        s.upstream_sends("2\r\nCD\r\n0\r\n\r\n");
        s.client_receives_until("0\r\n\r\n");
        s.client_sees_the_end();
    }),
];
