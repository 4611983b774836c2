//! Inputs that do not fit: a mistake of the driver, which must not become a mistake of the machine.

use std::time::Duration;

use crate::connection::{Next, SessionInput};
use crate::exchange::Misuse;
use crate::reject::UpstreamFault;
use crate::testing::{Pair, get, ok};

/// All that only an upstream can have caused.
fn upstream_inputs() -> [SessionInput; 7] {
    [
        SessionInput::Connected { reused: false },
        SessionInput::ConnectFailed(UpstreamFault::Unreachable),
        SessionInput::UpstreamRead(1),
        SessionInput::UpstreamEnded,
        SessionInput::UpstreamBroke,
        SessionInput::UpstreamWrote(0),
        SessionInput::UpstreamWriteFailed,
    ]
}

#[test]
fn without_an_upstream_nothing_can_come_from_one() {
    let stages: [fn(&mut Pair); 4] = [
        |_| {},
        |pair| {
            pair.client(get("/v1/x"));
            pair.upstream(ok("a"));
        },
        |pair| {
            pair.client(get("/v1/x"));
            pair.client_breaks();
        },
        |pair| {
            pair.connects = false;
            pair.client(get("/v1/x"));
            pair.advance(Duration::from_secs(10));
        },
    ];
    for stage in stages {
        let mut pair = Pair::default();
        stage(&mut pair);
        for input in upstream_inputs() {
            assert_eq!(pair.misuse(input), Misuse::NoUpstream);
        }
    }
}

#[test]
fn a_second_connection_is_refused_while_one_is_in_use() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    assert_eq!(pair.misuse(SessionInput::Connected { reused: true }), Misuse::NoUpstream);
    pair.upstream(ok("a"));
    assert_eq!(pair.response().text(), "a");
}

#[test]
fn no_more_can_be_written_than_waits() {
    let mut pair = Pair::default();
    (pair.client_reads, pair.upstream_reads) = (false, false);
    pair.idle = 1;
    pair.client(get("/v1/x"));
    let waits = pair.session.upstream_out().len();
    assert_eq!(pair.misuse(SessionInput::UpstreamWrote(waits + 1)), Misuse::WroteTooMuch);
    assert_eq!(pair.misuse(SessionInput::ClientWrote(1)), Misuse::WroteTooMuch);
    // Had it been taken for a write, this would not be tried again.
    pair.upstream_ends();
    assert_eq!(pair.asked, (2, 1));
}

#[test]
fn a_wrong_outcome_leaves_the_exchange_waiting_for_the_right_one() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(get("/v1/x"));
    pair.answer_wrongly();
    pair.answer_wrongly();
    pair.answer_store();
    pair.upstream(ok("a"));
    assert_eq!(pair.response().text(), "a");
}

#[test]
fn after_the_end_nothing_the_client_does_matters() {
    let mut pair = Pair::default();
    pair.client_ends();
    assert_eq!(pair.next(), Next::Close);
    assert_eq!(pair.client(get("/v1/x")), 0);
    for input in [
        SessionInput::ClientEnded,
        SessionInput::ClientBroke,
        SessionInput::ClientRead(0),
        SessionInput::Deadline,
        SessionInput::Drain,
        SessionInput::Shed,
    ] {
        pair.give(input);
        assert_eq!((pair.next(), pair.ended.len(), pair.asked.0), (Next::Close, 0, 0));
    }
}
