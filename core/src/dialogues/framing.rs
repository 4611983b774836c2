//! Where content ends, on both ways, for clients of both versions.

use crate::connection::Next;
use crate::http1::Framing;
use crate::testing::{End, Pair, TOKEN, get, ok, request};

/// A pair in which a client of HTTP/1.0 has asked, with further field lines.
fn old_client(fields: &str) -> Pair {
    let mut pair = Pair::default();
    pair.client(format!("GET /v1/x HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n{fields}\r\n"));
    pair
}

#[test]
fn a_length_stays_a_length() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(ok("hello"));
    let heard = pair.response();
    assert_eq!((heard.framing, heard.text(), heard.end), (Framing::Length(5), "hello".into(), End::Whole));
    assert_eq!((pair.released, pair.next()), (1, Next::Continue));
}

#[test]
fn chunks_stay_chunks_for_a_client_that_knows_them() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    let heard = pair.response();
    assert_eq!((heard.framing, heard.text(), heard.end), (Framing::Chunked, "abcde".into(), End::Whole));
    assert_eq!(heard.all("transfer-encoding"), ["chunked"]);
}

#[test]
fn an_old_client_gets_chunks_as_content_until_close() {
    let mut pair = old_client("Connection: keep-alive\r\n");
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
    let heard = pair.response();
    assert_eq!(
        (heard.framing, heard.text(), heard.only("connection")),
        (Framing::UntilClose, "abc".into(), Some("close"))
    );
    assert_eq!((pair.released, pair.next()), (1, Next::ShutdownWrite));
}

#[test]
fn content_until_close_becomes_chunks_so_that_its_end_can_be_seen() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\n\r\nabc");
    pair.upstream("de");
    pair.upstream_ends();
    let heard = pair.response();
    assert_eq!((heard.framing, heard.text(), heard.end), (Framing::Chunked, "abcde".into(), End::Whole));
    assert_eq!((pair.closed, pair.next()), (1, Next::Continue), "the client's connection stays");
}

#[test]
fn an_old_client_gets_content_until_close_as_it_came() {
    let mut pair = old_client("");
    pair.upstream("HTTP/1.0 200 OK\r\n\r\nabc");
    pair.upstream_ends();
    assert_eq!((pair.response().framing, pair.response().text()), (Framing::UntilClose, "abc".into()));
    assert_eq!(pair.next(), Next::ShutdownWrite);
}

#[test]
fn an_old_client_keeps_its_connection_only_if_it_asks_and_the_length_is_known() {
    let mut pair = old_client("Connection: Keep-Alive\r\n");
    pair.upstream(ok("a"));
    assert_eq!((pair.response().only("connection"), pair.next()), (Some("keep-alive"), Next::Continue));
    let mut pair = old_client("");
    pair.upstream(ok("a"));
    assert_eq!((pair.response().only("connection"), pair.next()), (Some("close"), Next::ShutdownWrite));
}

#[test]
fn an_answer_to_head_has_fields_and_no_content() {
    for announced in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let mut pair = Pair::default();
        pair.client(request("HEAD /v1/x", "", "") + &get("/v1/y"));
        pair.upstream(format!("HTTP/1.1 200 OK\r\n{announced}\r\n"));
        pair.upstream(ok("second"));
        let heard = pair.responses();
        assert_eq!((heard.len(), heard[0].text(), heard[1].text()), (2, String::new(), "second".into()), "{announced}");
        assert_eq!(pair.released, 2);
    }
}

#[test]
fn no_content_has_no_length_and_not_modified_keeps_its_own() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x") + &get("/v1/y") + &get("/v1/z"));
    pair.upstream("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    pair.upstream("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n");
    pair.upstream(ok("z"));
    let heard = pair.responses();
    assert_eq!(heard[0].all("content-length"), Vec::<&str>::new());
    assert_eq!(heard[1].all("content-length"), ["9"]);
    assert_eq!((heard[2].text(), pair.released), ("z".into(), 3));
}

#[test]
fn a_response_that_can_be_read_in_two_ways_is_a_fault_of_the_upstream() {
    for fields in [
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length: +1\r\n",
    ] {
        let mut pair = Pair::default();
        pair.client(get("/v1/x"));
        pair.upstream(format!("HTTP/1.1 200 OK\r\n{fields}\r\nx"));
        assert_eq!(
            (pair.response().status(), pair.response().code()),
            (502, "upstream_protocol_error".into()),
            "{fields}"
        );
        assert_eq!((pair.closed, pair.next()), (1, Next::Continue));
    }
}

#[test]
fn trailers_pass_both_ways_but_for_those_that_may_not_be_trailers() {
    let trailers = "X-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nHost: h\r\nAuthorization: a\r\nSet-Cookie: a\r\n\
                    X-Forwarded-For: b\r\nConnection: x\r\nx-api-key: k\r\nTrailer: c\r\nContent-Type: d\r\nVia: e\r\nx-last: 2\r\n";
    let passing = [("X-Sum".to_owned(), "1".to_owned()), ("x-last".to_owned(), "2".to_owned())];
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", &format!("1\r\na\r\n0\r\n{trailers}\r\n")));
    assert_eq!(pair.request().trailers, passing);
    pair.upstream(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{trailers}\r\n"));
    assert_eq!(pair.response().trailers, passing);
    assert_eq!((pair.released, pair.next()), (1, Next::Continue));
}

#[test]
fn each_event_reaches_the_client_before_the_next_one_comes() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    let _ = pair.client_heard();
    pair.upstream("data: 1\n\n");
    assert_eq!(pair.client_heard(), "9\r\ndata: 1\n\n\r\n");
    pair.upstream("data: 2\n\n");
    assert_eq!(pair.client_heard(), "9\r\ndata: 2\n\n\r\n");
}
