//! Which fields of a response reach the client, and which are ours.

use std::time::Duration;

use crate::auth::Grant;
use crate::secret::Secret;
use crate::testing::{KEY, Message, Pair, get, grant, request, rules};

/// What the client hears of a response with those field lines.
fn answered(fields: &str) -> Message {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", "X-Request-ID: mine\r\n", ""));
    pair.upstream(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok"));
    pair.response()
}

#[test]
fn what_is_hop_by_hop_ends_here() {
    let heard = answered(
        "Connection: x-hop\r\nX-Hop: a\r\nKeep-Alive: timeout=9\r\nProxy-Thing: b\r\nProxy-Support: c\r\nUpgrade: h2c\r\n",
    );
    for gone in ["connection", "x-hop", "keep-alive", "proxy-thing", "proxy-support", "upgrade"] {
        assert_eq!(heard.all(gone), Vec::<&str>::new(), "{gone}");
    }
}

#[test]
fn a_nomination_takes_no_length_away() {
    let heard = answered("Connection: content-length, x-hop\r\nX-Hop: a\r\n");
    assert_eq!((heard.only("content-length"), heard.all("x-hop"), heard.text()), (Some("2"), vec![], "ok".into()));
}

#[test]
fn limits_and_errors_of_the_upstream_pass_unchanged() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(
        "HTTP/1.1 529 Too Busy\r\nRetry-After: 7\r\nx-ratelimit-remaining-requests: 0\r\nContent-Type: application/json\r\n\
         anthropic-ratelimit-tokens-limit: 5\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\n{}",
    );
    let heard = pair.response();
    assert_eq!((&*heard.start, heard.text()), ("Http11 529 Too Busy", "{}".into()));
    assert_eq!(heard.all("set-cookie"), ["a=b", "c=d"]);
    for (name, value) in
        [("retry-after", "7"), ("x-ratelimit-remaining-requests", "0"), ("anthropic-ratelimit-tokens-limit", "5")]
    {
        assert_eq!(heard.only(name), Some(value));
    }
}

#[test]
fn the_upstreams_own_id_stays_and_ours_is_always_there() {
    for name in ["X-Request-ID", "request-id"] {
        let heard = answered(&format!("{name}: theirs\r\n"));
        assert_eq!((heard.all(name), heard.all("x-proxy-request-id")), (vec!["theirs"], vec!["mine"]));
    }
    assert_eq!(answered("").all("x-request-id"), ["mine"]);
    assert_eq!(answered("X-Proxy-Request-ID: forged\r\n").all("x-proxy-request-id"), ["mine"]);
}

#[test]
fn an_id_or_date_that_does_not_pass_is_as_good_as_none() {
    let heard = answered(&format!(
        "Connection: date, x-request-id\r\nDate: x\r\nX-Request-ID: theirs\r\nrequest-id: {KEY}-1\r\n"
    ));
    assert_eq!(heard.all("x-request-id"), ["mine"]);
    assert_eq!(heard.all("date"), ["Mon, 21 Sep 2026 14:13:20 GMT"]);
}

#[test]
fn a_missing_date_is_added_and_theirs_stays() {
    assert_eq!(answered("").all("date"), ["Mon, 21 Sep 2026 14:13:20 GMT"]);
    assert_eq!(answered("Date: theirs\r\n").all("date"), ["theirs"]);
}

#[test]
fn timing_says_where_the_time_up_to_the_head_went() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.advance(Duration::from_micros(1500));
    pair.answer_store();
    pair.advance(Duration::from_micros(20_030));
    pair.upstream("HTTP/1.1 200 OK\r\nServer-Timing: db;dur=1\r\nContent-Length: 1\r\n\r\n");
    pair.advance(Duration::from_secs(1));
    pair.upstream("x");
    assert_eq!(pair.response().all("server-timing"), ["db;dur=1", "proxy;dur=1.500, upstream;dur=20.030"]);
}

#[test]
fn only_streams_of_events_are_kept_from_buffering() {
    assert_eq!(answered("Content-Type: Text/Event-Stream; charset=utf-8\r\n").all("x-accel-buffering"), ["no"]);
    assert_eq!(
        answered("Content-Type: text/event-stream\r\nX-Accel-Buffering: yes\r\n").all("x-accel-buffering"),
        ["yes"]
    );
    assert_eq!(answered("Content-Type: text/event-streams\r\n").all("x-accel-buffering"), Vec::<&str>::new());
}

#[test]
fn the_upstreams_key_comes_back_in_no_field() {
    let heard = answered(&format!("X-Echo: Bearer {KEY}\r\nX-{KEY}: a\r\nX-Stays: b\r\n"));
    assert!(!format!("{heard:?}").contains(KEY), "{heard:?}");
    assert_eq!(heard.only("x-stays"), Some("b"));
}

#[test]
fn the_upstreams_key_comes_back_in_no_reason() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(format!("HTTP/1.1 103 see {KEY}\r\n\r\nHTTP/1.1 401 wrong key {KEY}\r\nContent-Length: 0\r\n\r\n"));
    let statuses: Vec<_> = pair.responses().iter().map(Message::status).collect();
    assert_eq!(statuses, [103, 401]);
    assert!(!pair.client_heard().contains(KEY));
}

#[test]
fn the_upstreams_key_comes_back_in_no_trailer_and_no_interim_response() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream(format!("HTTP/1.1 103 Early Hints\r\nLink: <{KEY}>\r\nX-A: b\r\n\r\n"));
    pair.upstream(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Echo: {KEY}\r\nX-Sum: 1\r\n\r\n"
    ));
    let [hints, answer] = &pair.responses()[..] else { panic!("two responses") };
    assert_eq!((hints.fields.len(), hints.only("x-a")), (1, Some("b")));
    assert_eq!(answer.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
}

#[test]
fn via_says_in_which_version_the_response_came() {
    assert_eq!(answered("Via: 1.1 edge\r\n").all("via"), ["1.1 edge", "1.1 llm-proxy"]);
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(pair.response().all("via"), ["1.0 llm-proxy"]);
    assert!(pair.response().start.starts_with("Http11"));
}

#[test]
fn a_short_key_is_no_secret_whose_look_alikes_would_be_taken_away() {
    let mut pair = Pair::with(rules(), Some(Grant { upstream_key: Secret::new("5".to_owned()), ..grant() }));
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Five: 5\r\n\r\nhello");
    let response = pair.response();
    assert_eq!((response.only("content-length"), response.only("x-five")), (Some("5"), Some("5")));
}

#[test]
fn a_length_that_looks_like_the_key_still_frames() {
    let key = Secret::new("12345678".to_owned());
    let mut pair = Pair::with(rules(), Some(Grant { upstream_key: key, ..grant() }));
    pair.client(request("HEAD /v1/x", "", ""));
    pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 12345678\r\nX-Key: 12345678\r\n\r\n");
    let heard = pair.client_heard();
    assert!(heard.contains("Content-Length: 12345678\r\n") && !heard.contains("X-Key"), "{heard}");
}
