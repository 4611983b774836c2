//! Exchanges that follow each other: connections that are kept and reused, pipelines, 100-continue.

use super::{CHUNKED, OK, Script, get, post};

/// An answer that says which it is.
fn numbered(number: u8) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}")
}

pub(super) const SCRIPTS: &[Script] = &[
    ("three exchanges share both connections", |s| {
        s.exchange(get(""), OK);
        s.exchange(post("Content-Length: 2\r\n") + "{}", CHUNKED.to_owned() + "2\r\nab\r\n0\r\n\r\n");
        s.exchange(get(""), "HTTP/1.1 204 No Content\r\n\r\n");
    }),
    ("a second client reuses the first one's upstream connection", |s| {
        s.exchange(get(""), numbered(1));
        s.client_connects();
        s.exchange(get(""), numbered(2));
    }),
    ("a client that says close is closed and its upstream connection is kept", |s| {
        s.exchange(get("Connection: close\r\n"), OK);
        s.client_sees_the_end();
    }),
    ("an upstream that says close is closed and its client's connection is kept", |s| {
        s.exchange(get(""), OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        s.upstream_sees_the_end();
        s.exchange(get(""), numbered(2));
    }),
    ("an upstream connection with bytes left over is not used again", |s| {
        s.exchange(get(""), OK.to_owned() + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        s.upstream_sees_the_end();
        s.exchange(get(""), numbered(2));
    }),
    ("an idle upstream connection that was closed is not used again", |s| {
        s.exchange(post("Content-Length: 2\r\n") + "{}", OK);
        s.upstream_closes();
        s.exchange(post("Content-Length: 2\r\n") + "{}", numbered(2));
    }),
    ("a GET that meets a closing connection is sent once more", |s| {
        s.exchange(get(""), numbered(1));
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_closes();
        s.upstream_receives();
        s.upstream_sends(numbered(2));
        s.client_receives();
    }),
    ("a POST that meets a closing connection is not sent again", |s| {
        s.exchange(post("Content-Length: 2\r\n") + "{}", numbered(1));
        s.client_sends(post("Content-Length: 2\r\n") + "{}");
        s.upstream_receives();
        s.upstream_closes();
        s.client_receives();
    }),
    ("pipelined requests are answered in order", |s| {
        s.client_sends(get("X-Number: 1\r\n") + &post("Content-Length: 1\r\n") + "2" + &get("X-Number: 3\r\n"));
        for number in 1..=3 {
            s.upstream_receives();
            s.upstream_sends(numbered(number));
            s.client_receives();
        }
    }),
    ("a pipelined HEAD keeps its place", |s| {
        s.client_sends(get("").replace("GET", "HEAD") + &get("X-Number: 2\r\n"));
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        s.client_receives_head();
        s.upstream_receives();
        s.upstream_sends(numbered(2));
        s.client_receives();
    }),
    ("a malformed request behind a good one is refused in its turn", |s| {
        s.client_sends(get("") + "GET /v1/models HTTP/1.1\nHost: p\r\n\r\n" + &get(""));
        s.upstream_receives();
        s.upstream_sends(numbered(1));
        s.client_receives();
        s.client_receives();
        s.client_sees_the_end();
    }),
    ("a refused request before a good one is answered in its place", |s| {
        s.client_sends(get("").replace("/v1/models", "/v1/nowhere") + &get(""));
        s.client_receives();
        s.upstream_receives();
        s.upstream_sends(numbered(2));
        s.client_receives();
    }),
    ("a request that is refused before its body is read ends its connection", |s| {
        let refused = post("Content-Length: 2\r\n").replace("<openai>", "sk-unknown") + "{}";
        s.refused_for_good(refused + &get(""));
    }),
    ("what is behind a request that says close is not read", |s| {
        s.client_sends(get("Connection: close\r\n") + &get(""));
        s.upstream_receives();
        s.upstream_sends(numbered(1));
        s.client_receives();
        s.client_sees_the_end();
    }),
    ("a client that waits for 100 is told so by the upstream", |s| {
        s.client_sends(post("Content-Length: 2\r\nExpect: 100-continue\r\n"));
        s.upstream_receives_head();
        s.upstream_sends("HTTP/1.1 100 Continue\r\n\r\n");
        s.client_receives_head();
        s.client_sends("{}");
        s.upstream_receives_until("{}");
        s.upstream_sends(OK);
        s.client_receives();
    }),
    ("a client that waits for 100 is refused by the upstream", |s| {
        s.client_sends(post("Content-Length: 2\r\nExpect: 100-continue\r\n"));
        s.upstream_receives_head();
        s.upstream_sends("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
        s.client_receives();
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("a client that waits for 100 is refused by the proxy", |s| {
        s.refused_for_good(post("Content-Length: 2\r\nExpect: 100-continue\r\n").replace("<openai>", "sk-unknown"));
    }),
    ("a client that does not wait for 100 long gets one answer", |s| {
        s.client_sends(post("Content-Length: 2\r\nExpect: 100-continue\r\n") + "{}");
        s.upstream_receives();
        s.upstream_sends(OK);
        s.client_receives();
    }),
    ("an empty line before a request is forgiven", |s| s.exchange("\r\n".to_owned() + &get(""), OK)),
    ("a request in pieces is the same request", |s| {
        s.client_sends("G");
        s.client_sends("ET /v1/models HT");
        s.client_sends("TP/1.1\r");
        s.client_sends("\nHost: proxy.example\r\nAuthorization: Bearer <openai>\r\n\r");
        s.client_sends("\n");
        s.upstream_receives();
        s.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r");
        s.upstream_sends("\n{}");
        s.client_receives();
    }),
];
