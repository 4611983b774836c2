//! What holds after any conversation whatever, however hostile either side was.

use std::time::Duration;

use crate::audit::Shown;
use crate::connection::Next;
use crate::exchange::Outcome;
use crate::http1::Framing;

use super::heard::{End, Message, requests};
use super::pair::Pair;
use super::world::UseEnd;

/// Lets everything that was held up go on, and then so much time pass that all must be over.
pub fn settle(pair: &mut Pair) {
    (pair.client_reads, pair.upstream_reads, pair.write_size) = (true, true, usize::MAX);
    (pair.store_answers, pair.connects) = (true, true);
    pair.answer_store();
    pair.drain();
    pair.advance(Duration::from_secs(1_000_000));
}

/// Checks a pair that was settled.
///
/// # Panics
/// If a law is broken.
pub fn check(pair: &Pair) {
    check_over(pair);
    check_upstream(pair);
    check_spending(pair);
    check_client(pair);
    check_events(pair);
}

/// Codes that nobody gets without an event of it.
const AUDITED: &[&str] = &[
    "missing_token",
    "invalid_token",
    "token_inactive",
    "token_expired",
    "project_inactive",
    "quota_exceeded",
    "param_not_allowed",
    "body_not_inspectable",
    "endpoint_not_found",
    "not_found",
    "audit_unavailable",
];

/// No exchange leaves two events, and none that was denied leaves none.
fn check_events(pair: &Pair) {
    let events = pair.store.events.iter().chain(&pair.noted);
    let ids: Vec<&str> =
        events.filter_map(|event| event.request.as_ref()).map(|request| request.request_id.as_str()).collect();
    for ended in &pair.ended {
        let of_it = ids.iter().filter(|id| **id == ended.ids.request()).count();
        let alike = pair.ended.iter().filter(|other| other.ids == ended.ids).count();
        assert!(of_it <= alike, "two events of one exchange: {ended:?}");
        if ended.code.is_some_and(|code| AUDITED.contains(&code)) {
            // An id that a client made to look like a credential reads otherwise in its event.
            let is_shown = Shown::of(ended.ids.request()).as_str() == ended.ids.request();
            assert!(of_it > 0 || !is_shown, "denied without an event: {ended:?}");
        }
    }
}

/// Liveness: every exchange has ended, and the connection too.
fn check_over(pair: &Pair) {
    assert_ne!(pair.next(), Next::Continue, "the session does not end: {:?}", pair.session);
    assert_ne!(pair.next(), Next::ShutdownWrite, "the session lingers for ever: {:?}", pair.session);
    assert_eq!(pair.session.poll_timeout(), None, "{:?}", pair.session);
    let held = pair.uses.iter().filter(|each| each.end.is_none()).count();
    assert_eq!((held, pair.is_connecting()), (0, false), "an upstream connection is held for ever");
    let admitted = pair.store.asked.iter().filter(|asked| **asked == "grant").count();
    assert!(pair.ended.len() >= admitted, "an exchange began and never ended");
}

/// No use of an upstream connection says more than one request; what is kept for the next has said one whole.
fn check_upstream(pair: &Pair) {
    for each in &pair.uses {
        let heard = requests(&each.heard);
        assert!(heard.len() <= 1, "one exchange said two requests: {heard:?}");
        if each.end == Some(UseEnd::Released) {
            assert!(heard.iter().any(|request| request.end == End::Whole), "kept after half a request: {heard:?}");
        }
    }
}

/// What a limited token spends is what reached upstreams: no less, and no more. A second attempt is free.
fn check_spending(pair: &Pair) {
    if pair.store.grant.as_ref().is_none_or(|grant| grant.max_requests.is_none()) {
        return;
    }
    let reached = pair.uses.iter().filter(|each| !each.heard.is_empty()).count() as u64;
    let (spent, attempts) = (pair.store.spent, pair.asked.1 as u64);
    assert!(spent <= reached && reached <= spent + attempts, "{spent} spent, {reached} reached an upstream");
}

/// The client hears whole responses, at most one for each request, of which only the last may lack its end.
fn check_client(pair: &Pair) {
    let heard = pair.responses();
    let is_final = |message: &&Message| message.status() == 101 || !(100..200).contains(&message.status());
    if let Some((_, before)) = heard.split_last() {
        assert!(before.iter().all(|message| message.end == End::Whole), "something follows half a response: {heard:?}");
    }
    let answered = pair.ended.iter().filter(|ended| ended.status.is_some());
    // Bytes that are no request are answered too, once, at the end.
    assert!(
        heard.iter().filter(is_final).count() <= answered.clone().count() + 1,
        "more answers than requests: {heard:?}"
    );
    for (message, ended) in heard.iter().filter(is_final).zip(answered) {
        if message.end != End::Cut {
            assert_eq!(Some(message.status()), ended.status.map(|status| status.as_u16()), "{heard:?}");
        }
        let broke = ended.outcome != Outcome::Completed;
        match (message.framing, message.end) {
            (Framing::Chunked, End::Whole) => {
                assert_eq!(ended.outcome, Outcome::Completed, "a broken answer looks whole");
            }
            // It says its end itself. What breaks off must look so all the same.
            (_, End::UntilClose) if message.status() == 101 && ended.outcome != Outcome::UpstreamBroke => {}
            (_, End::UntilClose) if broke => assert_eq!(pair.next(), Next::Reset, "a broken answer looks whole"),
            _ => {}
        }
    }
}
