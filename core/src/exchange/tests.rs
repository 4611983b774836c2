//! The machine on its own, message by message. Whole conversations are in `crate::dialogues`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Method;

use super::forward::Forward;
use super::{
    Context, Effect, Exchange, Failure, FromUpstream, Health, Input, Misuse, NewRequest, Outcome, Spent, StoreEffect,
    StoreOutcome, ToClient, ToUpstream,
};
use crate::auth::Grant;
use crate::http1::{Fields, Framing, HeadDecoder, HeadLimits, Malformed, request_framing, response_framing};
use crate::proxy::IdSource;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::testing::{get, grant, post, rules};
use crate::time::{Instant, Now, Timestamp};

/// An exchange with all that it is lent.
struct Alone {
    exchange: Exchange,
    rules: Rules,
    now: Now,
    scratch: BytesMut,
}

impl Alone {
    fn begin(bytes: &str) -> Self {
        let (rules, mut scratch) = (rules(), BytesMut::new());
        let now = Now { mono: Instant::from_nanos(1), wall: Timestamp::from_micros(1_790_000_000_000_000) };
        let head = HeadDecoder::new(HeadLimits::default()).request(&mut BytesMut::from(bytes)).unwrap().unwrap();
        let framing = request_framing(&head).unwrap();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = NewRequest { head: Box::new(head), framing, peer, draining: false };
        let mut cx = Context { rules: &rules, now, scratch: &mut scratch };
        let exchange = Exchange::new(request, &mut IdSource::new(1), &mut cx);
        Self { exchange, rules, now, scratch }
    }

    fn give(&mut self, input: Input) -> Result<(), Misuse> {
        let mut cx = Context { rules: &self.rules, now: self.now, scratch: &mut self.scratch };
        self.exchange.handle(input, &mut cx)
    }

    /// Gives an input that does not fit.
    fn misuse(&mut self, input: Input) -> Misuse {
        let before = format!("{:?}", self.exchange);
        let misuse = self.give(input).unwrap_err();
        assert_eq!(format!("{:?}", self.exchange), before);
        misuse
    }

    fn admit(&mut self, grant: Grant) {
        assert!(matches!(self.exchange.poll_effect(), Some(Effect::Store(StoreEffect::FindGrant(_)))));
        self.give(Input::Store(StoreOutcome::Grant(Ok(Some(Arc::new(grant)))))).unwrap();
    }

    /// An exchange that is connected to its upstream and has sent its head.
    fn forwarding(bytes: &str) -> Self {
        let mut alone = Self::begin(bytes);
        alone.admit(grant());
        assert!(matches!(alone.exchange.poll_effect(), Some(Effect::Connect(_))));
        alone.give(Input::Connected { reused: false }).unwrap();
        assert!(matches!(alone.exchange.poll_upstream(), Some(ToUpstream::Head(..))));
        alone
    }
}

fn response(bytes: &str) -> Input {
    let head = HeadDecoder::new(HeadLimits::default()).response(&mut BytesMut::from(bytes)).unwrap().unwrap();
    let framing = response_framing(&Method::GET, &head).unwrap();
    Input::Upstream(FromUpstream::Head(head, framing))
}

/// What only an upstream that is in use can say.
fn upstream_inputs() -> Vec<Input> {
    vec![
        response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"),
        Input::Upstream(FromUpstream::Content(Bytes::from_static(b"a"))),
        Input::Upstream(FromUpstream::End(Fields::default())),
        Input::Upstream(FromUpstream::Failed(Failure {
            fault: UpstreamFault::ClosedEarly,
            received: false,
            written: false,
        })),
    ]
}

#[test]
fn the_state_of_forwarding_is_no_larger_than_it_was() {
    assert!(size_of::<Forward>() <= 128, "{}", size_of::<Forward>());
}

#[test]
fn no_content_is_taken_before_admission_is_decided() {
    let mut alone = Alone::begin(&post("/v1/x", "abc"));
    assert!(!alone.exchange.wants_content());
    assert_eq!(alone.misuse(Input::Content(Bytes::from_static(b"abc"))), Misuse::UnwantedContent);
    assert_eq!(alone.misuse(Input::RequestEnd(Fields::default())), Misuse::UnwantedContent);
    alone.admit(grant());
    assert!(!alone.exchange.wants_content(), "nor before there is a connection");
    alone.give(Input::Connected { reused: true }).unwrap();
    assert!(!alone.exchange.wants_content(), "nor while the head waits to be taken");
    assert!(matches!(alone.exchange.poll_upstream(), Some(ToUpstream::Head(_, _, Framing::Length(3)))));
    assert!(alone.exchange.wants_content());
}

#[test]
fn content_after_the_requests_end_is_misuse() {
    let mut alone = Alone::forwarding(&post("/v1/x", "abc"));
    alone.give(Input::Content(Bytes::from_static(b"abc"))).unwrap();
    assert!(alone.exchange.poll_upstream().is_some());
    alone.give(Input::RequestEnd(Fields::default())).unwrap();
    assert_eq!(alone.misuse(Input::Content(Bytes::from_static(b"d"))), Misuse::UnwantedContent);
    assert_eq!(alone.misuse(Input::RequestEnd(Fields::default())), Misuse::UnwantedContent);
}

#[test]
fn what_no_upstream_can_have_said_is_misuse() {
    let mut alone = Alone::begin(&get("/v1/x"));
    for input in upstream_inputs() {
        assert_eq!(alone.misuse(input), Misuse::NoUpstream);
    }
    alone.admit(grant());
    for input in upstream_inputs() {
        assert_eq!(alone.misuse(input), Misuse::NoUpstream, "none is connected yet");
    }
    alone.give(Input::Connected { reused: false }).unwrap();
    assert_eq!(alone.misuse(Input::Connected { reused: false }), Misuse::NoUpstream);
    assert_eq!(alone.misuse(Input::ConnectFailed(UpstreamFault::Unreachable)), Misuse::NoUpstream);
}

#[test]
fn an_outcome_that_was_not_asked_for_is_misuse() {
    let mut alone = Alone::begin(&get("/v1/x"));
    assert_eq!(
        alone.misuse(Input::Store(StoreOutcome::Spent(Ok(Spent::Allowed(grant().token_id))))),
        Misuse::UnaskedOutcome
    );
    assert_eq!(alone.misuse(Input::Store(StoreOutcome::Health(Health::UP))), Misuse::UnaskedOutcome);
    alone.admit(grant());
    let again = StoreOutcome::Grant(Ok(Some(Arc::new(grant()))));
    assert_eq!(alone.misuse(Input::Store(again)), Misuse::UnaskedOutcome);
}

#[test]
fn a_limited_token_is_spent_as_the_last_step_before_the_upstream() {
    let mut alone = Alone::begin(&get("/v1/x"));
    alone.admit(Grant { max_requests: Some(1), ..grant() });
    assert!(matches!(alone.exchange.poll_effect(), Some(Effect::Store(StoreEffect::Spend(_)))));
    assert!(alone.exchange.poll_effect().is_none() && !alone.exchange.uses_upstream());
    alone.give(Input::Store(StoreOutcome::Spent(Ok(Spent::Allowed(grant().token_id))))).unwrap();
    assert!(matches!(alone.exchange.poll_effect(), Some(Effect::Connect(_))));
}

#[test]
fn after_its_end_no_input_changes_it() {
    let mut alone = Alone::forwarding(&get("/v1/x"));
    alone.give(response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")).unwrap();
    assert!(matches!(alone.exchange.poll_client(), Some(ToClient::Head(_, Framing::Length(1)))));
    alone.give(Input::Upstream(FromUpstream::Content(Bytes::from_static(b"a")))).unwrap();
    assert!(alone.exchange.ended().is_none());
    assert!(alone.exchange.poll_client().is_some());
    alone.give(Input::Upstream(FromUpstream::End(Fields::default()))).unwrap();
    assert_eq!(alone.exchange.ended().map(|ended| (ended.outcome, ended.bytes)), Some((Outcome::Completed, (0, 1))));
    let mut inputs = upstream_inputs();
    inputs.extend([
        Input::ClientEnded,
        Input::ClientGone,
        Input::ClientMalformed(Malformed::ChunkEnd),
        Input::Deadline,
        Input::Drain,
        Input::Progress,
        Input::Stalled,
        Input::Content(Bytes::from_static(b"a")),
        Input::Store(StoreOutcome::Health(Health::UP)),
    ]);
    for input in inputs {
        assert_eq!(alone.misuse(input), Misuse::Over);
    }
}

#[test]
fn nothing_that_it_prints_is_a_secret_or_content() {
    let alone = Alone::forwarding(&post("/v1/x?q=hidden", "abc"));
    let printed = format!("{:?}", alone.exchange);
    for secret in [crate::testing::KEY, crate::testing::TOKEN, "hidden"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn the_key_is_only_in_the_head_that_goes_upstream() {
    let mut alone = Alone::begin(&get("/v1/x"));
    alone.admit(grant());
    let asked = format!("{:?}", alone.exchange.poll_effect());
    assert!(!asked.contains(crate::testing::KEY), "{asked}");
}
