//! Second attempts under an upstream that closes at the worst moments: what is not idempotent is never done twice.

use std::collections::BTreeMap;

use super::{assert_refused, start};
use crate::harness::{Client, Connection, Mock, Options, get, ok, post};

/// Without a breaker: these upstreams fail more often than one would let them.
fn towards(mock: &Mock) -> Options {
    Options::towards(mock).env("BREAKER_FAILURES", "0")
}

/// Answers one request, then ends the connection in one of five ways, each in its turn.
fn ending_badly(connection: &mut Connection) {
    if connection.request().is_none() {
        return;
    }
    connection.send(&ok("{}"));
    match connection.number % 5 {
        // At once: the next request finds it closed, or is on its way.
        0 => {}
        // When the next request's first bytes are there.
        1 => {
            connection.first_byte();
        }
        // The same, by a reset.
        2 => {
            connection.first_byte();
            connection.reset();
        }
        // When its head is there.
        3 => drop(connection.request_head()),
        // When it is there as a whole, and so may have been acted upon.
        _ => drop(connection.request()),
    }
    connection.close();
}

#[test]
fn over_two_hundred_rounds_no_post_is_done_twice_and_every_get_is_answered() {
    let mock = Mock::raw(ending_badly);
    let proxy = start(&towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let mut answered = Vec::new();
    let mut broken = 0;
    for round in 0..200 {
        if round % 3 == 0 {
            client.send(&get("/v1/models", &token));
            assert_eq!(client.response().status(), 200, "round {round}");
            continue;
        }
        let body = format!("{{\"id\":{round}}}");
        client.send(&post("/v1/responses", &token, &body));
        let response = client.response();
        if response.status() == 200 {
            answered.push(body);
        } else {
            assert_refused(&response, 502, "upstream_unreachable");
            broken += 1;
        }
    }
    let mut done: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for request in mock.requests().into_iter().filter(|request| !request.body.is_empty()) {
        *done.entry(request.body).or_default() += 1;
    }
    assert!(done.values().all(|times| *times == 1), "a POST was done twice: {done:?}");
    for body in &answered {
        assert!(done.contains_key(body.as_bytes()), "{body} was answered and never done");
    }
    assert!(broken > 0 && answered.len() > 50, "{broken} were broken off, {} answered", answered.len());
}

#[test]
fn a_post_of_which_a_part_was_taken_is_not_sent_again() {
    let mock = Mock::raw(|connection| {
        if connection.request().is_some() {
            connection.send(&ok("{}"));
            connection.request_head();
            connection.piece(1000);
            connection.reset();
        }
    });
    let proxy = start(&towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&post("/v1/responses", &token, "{}"));
    assert_eq!(client.response().status(), 200);
    let _ = client.try_send(&post("/v1/responses", &token, &"x".repeat(200_000)));
    assert_refused(&client.response(), 502, "upstream_unreachable");
    assert_eq!((mock.count(), mock.connections()), (1, 1));
}

#[test]
fn a_put_whose_content_is_gone_is_not_sent_again_although_it_could_be() {
    let mock = Mock::raw(|connection| {
        if connection.request().is_some() {
            connection.send(&ok("{}"));
            connection.request();
        }
    });
    let proxy = start(&towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let put = String::from_utf8(post("/v1/responses", &token, "{}")).unwrap().replacen("POST", "PUT", 1);
    client.send(put.as_bytes());
    assert_eq!(client.response().status(), 200);
    client.send(put.as_bytes());
    assert_refused(&client.response(), 502, "upstream_unreachable");
    assert_eq!((mock.count(), mock.connections()), (2, 1));
}
