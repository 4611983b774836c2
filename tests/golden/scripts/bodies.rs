//! Ordinary exchanges: how bodies are framed, both ways, and answers that have none.

use super::{CHUNKED, OK, Script, get, post};

pub(super) const SCRIPTS: &[Script] = &[
    ("a GET passes and both connections are kept", |s| s.exchange(get(""), OK)),
    ("a POST with a length passes", |s| {
        s.exchange(post("Content-Type: application/json\r\nContent-Length: 7\r\n") + "{\"a\":1}", OK);
    }),
    ("a POST without a body passes", |s| s.exchange(post("Content-Length: 0\r\n"), OK)),
    ("a DELETE without a length passes", |s| {
        s.exchange(get("").replace("GET /v1/models", "DELETE /v1/models/x"), OK);
    }),
    ("a request in chunks passes in chunks", |s| {
        s.exchange(post("Transfer-Encoding: chunked\r\n") + "4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n", OK);
    }),
    ("chunk extensions end at the proxy", |s| {
        let body = "003;name=\"a;b\"\r\nabc\r\n0;last\r\n\r\n";
        s.exchange(post("Transfer-Encoding: chunked\r\n") + body, CHUNKED.to_owned() + body);
    }),
    ("trailers pass both ways", |s| {
        let fields = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n";
        let response = CHUNKED.replace("\r\n\r\n", "\r\nTrailer: X-Sum\r\n\r\n");
        let body = "2\r\nab\r\n0\r\nX-Sum: 9\r\nx-More: \r\n\r\n";
        s.exchange(post(fields) + body, response + body);
    }),
    ("fields that no trailer may have end at the proxy", |s| {
        let body =
            "2\r\nab\r\n0\r\nContent-Length: 9\r\nAuthorization: Bearer x\r\nConnection: close\r\nX-Sum: 9\r\n\r\n";
        s.exchange(post("Transfer-Encoding: chunked\r\n") + body, CHUNKED.to_owned() + body);
    }),
    ("a body in pieces passes piece by piece", |s| {
        s.client_sends(post("Content-Length: 6\r\n"));
        s.upstream_receives_head();
        for piece in ["ab", "cd", "ef"] {
            s.client_sends(piece);
            s.upstream_receives_until(piece);
        }
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        s.client_receives_head();
        for piece in ["gh", "ij"] {
            s.upstream_sends(piece);
            s.client_receives_until(piece);
        }
    }),
    ("a HEAD gets the length and no body", |s| {
        s.client_sends(get("").replace("GET", "HEAD"));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n");
        s.client_receives_head();
    }),
    ("a HEAD of an answer in chunks gets its head", |s| {
        s.client_sends(get("").replace("GET", "HEAD"));
        s.upstream_receives();
        s.upstream_sends(CHUNKED);
        s.client_receives_head();
    }),
    ("a 204 has no body", |s| s.exchange(get(""), "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")),
    ("a 204 with a length of zero has no body", |s| {
        s.exchange(get(""), "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    }),
    ("a 205 has no body", |s| {
        s.exchange(get(""), "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
    }),
    ("a 304 with a length has no body", |s| {
        let fields = "If-None-Match: \"v1\"\r\n";
        s.exchange(get(fields), "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 500\r\n\r\n");
    }),
    ("an empty answer has a length of zero", |s| s.exchange(get(""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ("an empty answer in chunks stays one", |s| s.exchange(get(""), CHUNKED.to_owned() + "0\r\n\r\n")),
    ("an answer that ends with its connection goes on in chunks", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
        s.client_receives_until("until the end\r\n");
        s.upstream_closes();
        s.client_receives_until("0\r\n\r\n");
    }),
    ("an answer of HTTP 1.0 goes on as 1.1", |s| {
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
        s.client_receives();
        s.upstream_sees_the_end();
    }),
    ("a client of HTTP 1.0 gets a length and a close", |s| {
        s.exchange("GET /v1/models HTTP/1.0\r\nAuthorization: Bearer <openai>\r\n\r\n", OK);
        s.client_sees_the_end();
    }),
    ("a client of HTTP 1.0 that keeps its connection gets a length", |s| {
        let request = "GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: Bearer <openai>\r\n\r\n";
        s.exchange(request, OK);
    }),
    ("a client of HTTP 1.0 gets chunks as a body that ends with the connection", |s| {
        s.client_sends("GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\nAuthorization: Bearer <openai>\r\n\r\n");
        s.upstream_receives();
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nhi\r\n0\r\nX-Sum: 9\r\n\r\n");
        s.client_sees_the_end();
    }),
    ("a POST of HTTP 1.0 passes as 1.1", |s| {
        let request = "POST /v1/responses HTTP/1.0\r\nHost: proxy.example\r\nAuthorization: Bearer <openai>\r\n\
                       Content-Length: 2\r\n\r\n{}";
        s.exchange(request, OK);
        s.client_sees_the_end();
    }),
    ("an encoded body passes as it is", |s| {
        let request = post("Content-Encoding: gzip\r\nContent-Length: 4\r\n").into_bytes();
        let response = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nVary: Accept-Encoding\r\nContent-Length: 3\r\n\r\n";
        s.exchange([&request[..], b"\x1f\x8b\x08\x00"].concat(), [&response[..], b"\x0b\x00\xff"].concat());
    }),
];
