//! Client, session, upstream, store and clock in one value. A dialogue reads: the client says, the upstream hears, the
//! upstream says, the client hears. What no session may ever do is asserted on the way.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Draft;
use crate::auth::Grant;
use crate::connection::{EffectId, Next, Session, SessionEffect, SessionInput};
use crate::deadline::Deadline;
use crate::exchange::{Ended, Health, Misuse, StoreEffect, StoreOutcome};
use crate::ids::TokenId;
use crate::manage::Reply;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::time::{Instant, Now, Timestamp};

use super::heard::{self, Message};
use super::rules::{grant, rules};
use super::store::Store;
use super::world::{Split, Use, UseEnd, take};

/// The harness. Fields are knobs and counts: set knobs before the bytes that they are for.
#[derive(Debug)]
pub struct Pair {
    /// The machine under test.
    pub session: Session,
    /// The time that it sees.
    pub now: Now,
    /// How incoming bytes are cut, on both sides.
    pub split: Split,
    /// How many bytes a socket takes at a time.
    pub write_size: usize,
    /// Whether the client takes bytes at all.
    pub client_reads: bool,
    /// Whether the upstream takes bytes at all.
    pub upstream_reads: bool,
    /// The store.
    pub store: Store,
    /// Whether the store answers at once; else [`Pair::answer_store`] does.
    pub store_answers: bool,
    /// Whether connections are made at once; else [`Pair::connect`] does.
    pub connects: bool,
    /// Whether messages of a relayed session come back at once.
    pub carries: bool,
    /// Idle connections that the pool would give.
    pub idle: usize,
    /// Connections that were asked for, and of them those that had to be fresh.
    pub asked: (usize, usize),
    /// Connections that went back to the pool.
    pub released: usize,
    /// Connections, and attempts to make one, that the session closed.
    pub closed: usize,
    /// Exchanges that ended.
    pub ended: Vec<Ended>,
    /// Events that were handed on without an outcome.
    pub noted: Vec<Draft>,
    /// Unlimited tokens, once for each use to be counted.
    pub counted: Vec<TokenId>,
    /// Each use of an upstream connection.
    pub uses: Vec<Use>,
    /// All that the client ever heard.
    pub client_log: Vec<u8>,
    client_seen: usize,
    upstream_heard: Vec<u8>,
    connecting: bool,
    waiting: Vec<(EffectId, StoreEffect)>,
}

impl Default for Pair {
    fn default() -> Self {
        Self::with(rules(), Some(grant()))
    }
}

impl Pair {
    /// A new connection under those rules.
    #[must_use]
    pub fn with(rules: Rules, grant: Option<Grant>) -> Self {
        let now = Now { mono: Instant::from_nanos(1), wall: Timestamp::from_micros(1_790_000_000_000_000) };
        Self {
            session: Session::new(Arc::new(rules), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 42, now),
            now,
            split: Split::Whole,
            write_size: usize::MAX,
            client_reads: true,
            upstream_reads: true,
            store: Store::new(grant),
            store_answers: true,
            connects: true,
            carries: true,
            idle: 0,
            asked: (0, 0),
            released: 0,
            closed: 0,
            ended: Vec::new(),
            noted: Vec::new(),
            counted: Vec::new(),
            uses: Vec::new(),
            client_log: Vec::new(),
            client_seen: 0,
            upstream_heard: Vec::new(),
            connecting: false,
            waiting: Vec::new(),
        }
    }

    /// The same, with a driver through which all messages go.
    #[must_use]
    pub fn relayed(mut self) -> Self {
        self.session = self.session.relayed();
        self
    }

    /// The client sends bytes. Says how many of them the session wanted to read.
    pub fn client(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let mut taken = 0;
        for piece in self.split.pieces(bytes.as_ref()) {
            if !self.session.wants_client() {
                break;
            }
            self.session.client_buffer().extend_from_slice(piece);
            taken += piece.len();
            self.give(SessionInput::ClientRead(piece.len()));
        }
        taken
    }

    /// The client closes its sending side.
    pub fn client_ends(&mut self) {
        self.give(SessionInput::ClientEnded);
    }

    /// The connection to the client breaks.
    pub fn client_breaks(&mut self) {
        self.give(SessionInput::ClientBroke);
    }

    /// The upstream sends bytes, as long as its connection is in use and read. Says how many were read.
    pub fn upstream(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let mut taken = 0;
        for piece in self.split.pieces(bytes.as_ref()) {
            if !self.session.wants_upstream() {
                break;
            }
            self.session.upstream_buffer().extend_from_slice(piece);
            taken += piece.len();
            self.give(SessionInput::UpstreamRead(piece.len()));
        }
        taken
    }

    /// The upstream closes its sending side, in order.
    pub fn upstream_ends(&mut self) {
        if self.session.is_connected() {
            self.give(SessionInput::UpstreamEnded);
        }
    }

    /// Reading from the upstream fails.
    pub fn upstream_breaks(&mut self) {
        if self.session.is_connected() {
            self.give(SessionInput::UpstreamBroke);
        }
    }

    /// Writing to the upstream fails.
    pub fn upstream_write_fails(&mut self) {
        if self.session.is_connected() {
            self.give(SessionInput::UpstreamWriteFailed);
        }
    }

    /// The program begins to stop.
    pub fn drain_starts(&mut self) {
        self.give(SessionInput::Drain);
    }

    /// Whether a connection is asked for and not made yet.
    #[must_use]
    pub const fn is_connecting(&self) -> bool {
        self.connecting
    }

    /// Makes the connection that is asked for.
    pub fn connect(&mut self, reused: bool) {
        assert!(std::mem::take(&mut self.connecting), "no connection is asked for");
        self.begin_use(reused);
        self.drain();
    }

    /// Fails to make the connection that is asked for.
    pub fn refuse_connection(&mut self, fault: UpstreamFault) {
        assert!(std::mem::take(&mut self.connecting), "no connection is asked for");
        self.give(SessionInput::ConnectFailed(fault));
    }

    /// The store answers what it was asked while [`Pair::store_answers`] was off. Says how many answers there were.
    pub fn answer_store(&mut self) -> usize {
        let waiting = std::mem::take(&mut self.waiting);
        for (id, effect) in &waiting {
            let outcome = self.store.answer(effect, self.now.mono);
            self.give(SessionInput::Store(*id, outcome));
        }
        waiting.len()
    }

    /// The store answers what nobody asked. If the exchange still waits for the answer, that is misuse, which changes
    /// nothing and leaves it waiting.
    ///
    /// # Panics
    /// If it was taken.
    pub fn answer_wrongly(&mut self) {
        let Some((id, effect)) = self.waiting.last() else { return };
        let outcome = match effect {
            StoreEffect::CheckHealth => StoreOutcome::Managed(Ok(Reply::Gone)),
            StoreEffect::FindGrant(_)
            | StoreEffect::FindGrantAnew(_)
            | StoreEffect::Spend(_)
            | StoreEffect::CheckRates(_)
            | StoreEffect::Manage(..)
            | StoreEffect::Record(_) => StoreOutcome::Health(Health::UP),
        };
        let (before, ended) = (format!("{:?}", self.session), self.ended.len());
        match self.session.handle(SessionInput::Store(*id, outcome), self.now) {
            Ok(()) => self.drain(),
            Err(misuse) => assert_eq!(misuse, Misuse::UnaskedOutcome),
        }
        assert_eq!(
            (format!("{:?}", self.session), self.ended.len()),
            (before, ended),
            "a wrong answer changed something"
        );
    }

    /// Moves the clock, and fires each deadline that comes in between, in order. Says which fired.
    pub fn advance(&mut self, by: Duration) -> Vec<Deadline> {
        let (until, mut fired) = (self.now.mono + by, Vec::new());
        while let Some((at, reason)) = self.session.poll_timeout().filter(|(at, _)| *at <= until) {
            self.move_clock_to(at.max(self.now.mono));
            fired.push(reason);
            assert!(fired.len() < 1000, "deadlines fire without end: {fired:?} {:?}", self.session);
            self.give(SessionInput::Deadline);
        }
        self.move_clock_to(until);
        fired
    }

    fn move_clock_to(&mut self, at: Instant) {
        self.now = Now { wall: self.now.wall.plus(at - self.now.mono), mono: at };
    }

    /// Any input, as a driver gives it; then drains.
    pub fn give(&mut self, input: SessionInput) {
        self.session.handle(input, self.now).unwrap();
        self.drain();
    }

    /// An input that does not fit.
    ///
    /// # Panics
    /// If it was taken, or changed anything that the machine prints.
    pub fn misuse(&mut self, input: SessionInput) -> Misuse {
        let before = format!("{:?}", self.session);
        let misuse = self.session.handle(input, self.now).unwrap_err();
        assert_eq!(format!("{:?}", self.session), before, "{misuse:?} changed something");
        misuse
    }

    /// Performs and writes until nothing moves, as after a change of a knob.
    pub fn drain(&mut self) {
        for _ in 0..10_000_000 {
            if !self.perform() && !self.carry() && !self.write() {
                return;
            }
        }
        panic!("the session never comes to rest: {:?}", self.session);
    }

    fn perform(&mut self) -> bool {
        let Some(effect) = self.session.poll_effect() else { return false };
        match effect {
            SessionEffect::Store(id, effect) => {
                self.store.note(&effect);
                if self.store_answers {
                    let outcome = self.store.answer(&effect, self.now.mono);
                    self.session.handle(SessionInput::Store(id, outcome), self.now).unwrap();
                } else {
                    self.waiting.push((id, effect));
                }
            }
            SessionEffect::Connect(request) => {
                assert!(!self.connecting && !self.has_open_use(), "a second connection is asked for");
                self.asked.0 += 1;
                self.asked.1 += usize::from(request.fresh);
                self.counted.extend(request.counts);
                let reused = !request.fresh && self.idle > 0;
                self.idle -= usize::from(reused);
                if self.connects {
                    self.begin_use(reused);
                } else {
                    self.connecting = true;
                }
            }
            SessionEffect::Release(_) => {
                self.released += 1;
                self.idle += 1;
                self.end_use(UseEnd::Released);
            }
            SessionEffect::CloseUpstream => {
                self.closed += 1;
                if !std::mem::take(&mut self.connecting) {
                    self.end_use(UseEnd::Closed);
                }
            }
            SessionEffect::Audit(draft) => self.noted.push(*draft),
            SessionEffect::GiveBack(_) => self.store.give_back(),
            SessionEffect::Ended(ended) => self.ended.push(*ended),
        }
        true
    }

    /// Carries a message of a relayed session straight back.
    fn carry(&mut self) -> bool {
        let relay = if self.carries { self.session.poll_relay() } else { None };
        let Some(relay) = relay else { return false };
        self.session.handle(SessionInput::Relayed(relay), self.now).unwrap();
        true
    }

    fn begin_use(&mut self, reused: bool) {
        self.uses.push(Use { heard: Vec::new(), reused, end: None });
        self.session.handle(SessionInput::Connected { reused }, self.now).unwrap();
    }

    fn has_open_use(&self) -> bool {
        self.uses.last().is_some_and(|last| last.end.is_none())
    }

    fn end_use(&mut self, end: UseEnd) {
        assert!(self.has_open_use(), "{end:?}, but no connection is in use");
        self.uses.last_mut().unwrap().end = Some(end);
    }

    fn write(&mut self) -> bool {
        if self.client_reads && !self.session.client_out().is_empty() {
            let n = take(self.session.client_out(), self.write_size, &mut self.client_log);
            self.session.handle(SessionInput::ClientWrote(n), self.now).unwrap();
            return true;
        }
        if self.upstream_reads && self.session.is_connected() && !self.session.upstream_out().is_empty() {
            assert!(self.has_open_use(), "bytes for an upstream that is not connected");
            let before = self.upstream_heard.len();
            let n = take(self.session.upstream_out(), self.write_size, &mut self.upstream_heard);
            self.uses.last_mut().unwrap().heard.extend_from_slice(&self.upstream_heard[before..]);
            self.session.handle(SessionInput::UpstreamWrote(n), self.now).unwrap();
            return true;
        }
        false
    }

    /// What the client heard since the last call.
    pub fn client_heard(&mut self) -> String {
        let new = String::from_utf8_lossy(&self.client_log[self.client_seen..]).into_owned();
        self.client_seen = self.client_log.len();
        new
    }

    /// What the upstream heard since the last call.
    pub fn upstream_heard(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.upstream_heard)).into_owned()
    }

    /// All responses that the client ever heard.
    #[must_use]
    pub fn responses(&self) -> Vec<Message> {
        let methods: Vec<_> =
            self.ended.iter().filter(|ended| ended.status.is_some()).map(|ended| ended.method.clone()).collect();
        heard::responses(&self.client_log, &methods)
    }

    /// The last response that the client heard.
    #[must_use]
    pub fn response(&self) -> Message {
        self.responses().pop().unwrap()
    }

    /// All requests that upstreams ever heard.
    #[must_use]
    pub fn requests(&self) -> Vec<Message> {
        self.uses.iter().flat_map(|each| heard::requests(&each.heard)).collect()
    }

    /// The last request that an upstream heard.
    #[must_use]
    pub fn request(&self) -> Message {
        self.requests().pop().unwrap()
    }

    /// What is to be done with the client's socket.
    #[must_use]
    pub fn next(&self) -> Next {
        self.session.next()
    }
}
