//! Interim responses, and clients that wait for one.

use std::time::Duration;

use crate::connection::Next;
use crate::deadline::Deadline;
use crate::testing::{MANAGEMENT_TOKEN, Message, Pair, TOKEN, get, ok, request};

const EXPECT: &str = "Content-Length: 3\r\nExpect: 100-continue\r\n";

fn statuses(pair: &Pair) -> Vec<u16> {
    pair.responses().iter().map(Message::status).collect()
}

#[test]
fn interim_responses_pass_to_a_client_that_knows_them() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: y\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
    );
    pair.upstream(ok("a"));
    assert_eq!(statuses(&pair), [103, 102, 200]);
    assert_eq!(pair.responses()[0].fields, [("Link".to_owned(), "</a>".to_owned())]);
}

#[test]
fn interim_responses_are_not_for_old_clients() {
    let mut pair = Pair::default();
    pair.client(format!("GET /v1/x HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"));
    pair.upstream("HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_eq!(pair.client_heard(), "");
    pair.upstream(ok("a"));
    assert_eq!(statuses(&pair), [200]);
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_a_fault_of_the_upstream() {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", "Connection: upgrade\r\nUpgrade: h2c\r\n", ""));
    pair.upstream("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    assert_eq!((pair.response().status(), pair.response().code()), (502, "upstream_protocol_error".into()));
    assert_eq!(pair.closed, 1);
}

#[test]
fn an_upstream_that_never_comes_to_the_point_is_given_up_in_the_end() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    for _ in 0..50 {
        pair.upstream("HTTP/1.1 102 Processing\r\n\r\n");
        let _ = pair.advance(Duration::from_secs(1));
    }
    assert_eq!(statuses(&pair), [102; 50]);
    assert_eq!(pair.advance(Duration::from_secs(10)), [Deadline::ResponseHead]);
    assert_eq!(statuses(&pair)[50..], [504]);
}

#[test]
fn a_client_that_waits_for_the_upstreams_100_is_not_called_slow() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", EXPECT, ""));
    assert_eq!(pair.advance(Duration::from_secs(59)), []);
    assert_eq!(pair.advance(Duration::from_secs(1)), [Deadline::ResponseHead]);
    assert_eq!(pair.response().status(), 504);
}

#[test]
fn framing_in_an_interim_response_does_not_reach_the_client() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
    pair.upstream(ok("a"));
    assert_eq!(statuses(&pair), [103, 200]);
    assert_eq!(pair.responses()[0].fields, []);
}

#[test]
fn an_expectation_is_the_upstreams_to_meet() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", EXPECT, ""));
    assert!(pair.upstream_heard().contains("Expect: 100-continue\r\n"));
    assert_eq!(pair.client_heard(), "");
    pair.upstream("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(pair.client_heard(), "HTTP/1.1 100 Continue\r\n\r\n");
    pair.client("abc");
    pair.upstream(ok("a"));
    assert_eq!((statuses(&pair), pair.request().text()), (vec![100, 200], "abc".into()));
    assert_eq!((pair.released, pair.next()), (1, Next::Continue));
}

#[test]
fn an_answer_without_the_content_ends_both_connections() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", EXPECT, ""));
    pair.upstream("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((pair.response().status(), pair.response().only("connection")), (417, Some("close")));
    assert_eq!((pair.released, pair.closed, pair.next()), (0, 1, Next::ShutdownWrite));
}

#[test]
fn an_expectation_of_a_management_call_is_ours_to_meet() {
    let mut pair = Pair::default();
    let fields = "Content-Length: 2\r\nExpect: 100-continue\r\n";
    pair.client(format!(
        "POST /manage/tokens HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{fields}\r\n"
    ));
    assert_eq!(pair.client_heard(), "HTTP/1.1 100 Continue\r\n\r\n");
    pair.client("{}");
    assert_eq!(statuses(&pair), [100, 400]);
}

#[test]
fn nobody_without_the_credential_is_asked_for_content() {
    let mut pair = Pair::default();
    pair.client("POST /manage/tokens HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!((statuses(&pair), pair.next()), (vec![401], Next::ShutdownWrite));
}

#[test]
fn an_old_clients_expectation_is_not_passed_on() {
    let mut pair = Pair::default();
    pair.client(format!("POST /v1/x HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n{EXPECT}\r\nabc"));
    let heard = pair.upstream_heard();
    assert!(heard.ends_with("\r\n\r\nabc") && !heard.to_lowercase().contains("expect"), "{heard}");
}
