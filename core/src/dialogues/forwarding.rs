//! What passes through, and how.

use crate::connection::Next;
use crate::exchange::Outcome;
use crate::testing::{KEY, Pair, TOKEN};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer {TOKEN}\r\nX-Request-ID: r1\r\n\r\n")
}

#[test]
fn a_request_goes_up_with_the_projects_key_and_its_answer_comes_back() {
    let mut pair = Pair::default();
    pair.client(get("/v1/models?a=b"));
    assert_eq!(
        pair.upstream_heard(),
        format!(
            "GET /v1/models?a=b HTTP/1.1\r\nHost: up.test\r\nX-Request-ID: r1\r\nAuthorization: Bearer {KEY}\r\n\
             Via: 1.1 llm-proxy\r\nX-Correlation-ID: r1\r\n\r\n"
        )
    );
    pair.upstream("HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nDate: today\r\nx-Odd: \u{e9}\r\n\r\nhello");
    assert_eq!(
        pair.client_heard(),
        "HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nDate: today\r\nx-Odd: \u{e9}\r\nVia: 1.1 llm-proxy\r\n\
         X-Proxy-Request-ID: r1\r\nX-Request-ID: r1\r\nServer-Timing: proxy;dur=0.000, upstream;dur=0.000\r\n\r\nhello"
    );
    assert_eq!((pair.released, pair.closed, pair.next()), (1, 0, Next::Continue));
    assert_eq!(pair.ended[0].outcome, Outcome::Completed);
}

#[test]
fn each_event_of_a_stream_reaches_the_client_before_the_next_is_sent() {
    let mut pair = Pair::default();
    pair.client(get("/v1/chat/completions"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(pair.client_heard().contains("X-Accel-Buffering: no\r\n"));
    pair.upstream("9\r\ndata: 1\n\n\r\n");
    assert_eq!(pair.client_heard(), "9\r\ndata: 1\n\n\r\n");
    pair.upstream("0\r\n\r\n");
    assert_eq!(pair.client_heard(), "0\r\n\r\n");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut pair = Pair::default();
    pair.client(get("/v1/a") + &get("/v1/b"));
    assert!(pair.upstream_heard().starts_with("GET /v1/a "));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    assert!(pair.upstream_heard().starts_with("GET /v1/b "));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    assert!(pair.client_heard().ends_with("\r\n\r\nb"));
    assert_eq!(pair.ended.len(), 2);
}

#[test]
fn a_bad_token_is_refused_before_anything_is_sent_upstream() {
    let mut pair = Pair::default();
    pair.client("GET /nowhere HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer sk-wrong\r\n\r\n");
    let heard = pair.client_heard();
    assert!(heard.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{heard}");
    assert!(heard.contains("\"code\":\"invalid_token\""), "{heard}");
    assert_eq!(pair.asked, (0, 0));
}

#[test]
fn a_client_that_closes_its_side_cancels_the_upstream_at_once() {
    let mut pair = Pair::default();
    pair.client(get("/v1/models"));
    pair.client_ends();
    assert_eq!((pair.closed, pair.next()), (1, Next::Close));
    assert_eq!(pair.ended[0].outcome, Outcome::ClientGone);
}

#[test]
fn an_upstream_that_breaks_off_is_seen_as_a_broken_answer() {
    let mut pair = Pair::default();
    pair.client(get("/v1/models"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    pair.upstream_ends();
    let heard = pair.client_heard();
    assert!(heard.ends_with("3\r\nabc\r\n"), "{heard}");
    assert_eq!(pair.next(), Next::Close);
    assert_eq!(pair.ended[0].outcome, Outcome::UpstreamBroke);
}
