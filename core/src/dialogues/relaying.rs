//! Messages go through the driver: what happens while one is outside. That nothing changes if each comes back at once is
//! a law of `crate::fuzzing`.

use std::time::Duration;

use crate::connection::{Next, Relay, SessionInput};
use crate::exchange::{Outcome, ToClient};
use crate::testing::{Pair, get, ok, post};

/// A relayed session whose driver keeps what it is given.
fn holding() -> Pair {
    let mut pair = Pair::default().relayed();
    pair.carries = false;
    pair
}

/// The driver gives everything back, and keeps what comes after it.
fn carry(pair: &mut Pair) {
    pair.carries = true;
    pair.drain();
    pair.carries = false;
}

#[test]
fn each_message_goes_through_the_driver_once() {
    let mut pair = holding();
    let (mut inward, mut outward, mut upward, mut downward) = (0, 0, 0, 0);
    pair.client(post("/v1/x", "abc"));
    for answer in [ok("de"), String::new()] {
        while let Some(relay) = pair.session.poll_relay() {
            match &relay {
                Relay::FromClient(_) => inward += 1,
                Relay::ToClient(_) => outward += 1,
                Relay::ToUpstream(_) => upward += 1,
                Relay::FromUpstream(_) => downward += 1,
            }
            pair.give(SessionInput::Relayed(relay));
        }
        pair.upstream(answer);
    }
    // Head, content and end, each way.
    assert_eq!((inward, outward, upward, downward), (3, 3, 3, 3));
    assert_eq!((pair.response().text(), pair.ended[0].outcome), ("de".into(), Outcome::Completed));
}

#[test]
fn nothing_is_heard_before_its_message_is_back() {
    let mut pair = holding();
    pair.client(get("/v1/x"));
    assert!(pair.store.asked.is_empty(), "the exchange began without its request");
    carry(&mut pair);
    pair.upstream(ok("abc"));
    assert_eq!(pair.client_heard(), "");
    assert!(pair.ended.is_empty());
    carry(&mut pair);
    assert_eq!(pair.response().text(), "abc");
    assert_eq!(pair.released, 1);
}

#[test]
fn a_request_that_is_outside_when_the_stop_begins_is_served() {
    let mut pair = holding();
    pair.client(get("/v1/x"));
    pair.drain_starts();
    assert_eq!(pair.next(), Next::Continue);
    carry(&mut pair);
    pair.upstream(ok("a"));
    carry(&mut pair);
    assert_eq!((pair.response().text(), pair.response().only("connection")), ("a".into(), Some("close")));
}

#[test]
fn a_client_that_breaks_while_its_answer_is_outside_ends_the_exchange() {
    let mut pair = holding();
    pair.client(get("/v1/x"));
    carry(&mut pair);
    pair.upstream(ok("abc"));
    let outside = pair.session.poll_relay();
    pair.client_breaks();
    assert_eq!((pair.ended[0].outcome, pair.closed, pair.next()), (Outcome::ClientGone, 1, Next::Close));
    pair.give(SessionInput::Relayed(outside.unwrap()));
    carry(&mut pair);
    assert_eq!((pair.client_heard(), pair.ended.len()), (String::new(), 1));
}

#[test]
fn a_connection_that_comes_after_the_last_message_went_out_is_closed() {
    let mut pair = holding();
    pair.connects = false;
    pair.client(get("/v1/x"));
    carry(&mut pair);
    pair.advance(Duration::from_secs(3600));
    assert!(pair.ended.is_empty(), "the answer is outside");
    pair.connect(false);
    carry(&mut pair);
    assert_eq!((pair.response().status(), pair.ended[0].outcome), (504, Outcome::TimedOut));
    assert_eq!((pair.closed, pair.released), (1, 0));
}

#[test]
fn what_no_message_was_given_for_is_ignored() {
    let mut pair = holding();
    pair.give(SessionInput::Relayed(Relay::ToClient(ToClient::Abort)));
    assert_eq!(pair.next(), Next::Continue);
    let mut pair = Pair::default();
    pair.give(SessionInput::Relayed(Relay::ToClient(ToClient::Abort)));
    assert_eq!(pair.next(), Next::Continue);
}
