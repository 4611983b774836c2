//! Client, session, upstream and clock in one value. A dialogue reads: the client says, the upstream hears, the
//! upstream says, the client hears.

use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Grant, TokenString};
use crate::connection::{EffectId, MAX_SLICES, Next, OutQueue, Session, SessionEffect, SessionInput};
use crate::deadline::Deadline;
use crate::exchange::{Ended, Spent, StoreEffect, StoreOutcome};
use crate::manage::CommandError;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::time::{Instant, Now, Timestamp};

use super::rules::{TOKEN, grant, rules};

/// How bytes are cut on their way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Not at all.
    Whole,
    /// Once, after so many bytes.
    At(usize),
    /// Into pieces of that size.
    Every(usize),
}

impl Split {
    fn pieces(self, bytes: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![bytes],
            Self::At(at) if at < bytes.len() => vec![&bytes[..at], &bytes[at..]],
            Self::At(_) => vec![bytes],
            Self::Every(size) => bytes.chunks(size.max(1)).collect(),
        }
    }
}

/// The harness. Fields are knobs: set them before the bytes that they are for.
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
    /// What the store knows for [`TOKEN`].
    pub grant: Option<Grant>,
    /// How many requests a limited token has left.
    pub left: u64,
    /// Whether the store answers at once; else [`Pair::answer_store`] does.
    pub store_answers: bool,
    /// Whether connections are made at once; else [`Pair::connect`] does.
    pub connects: bool,
    /// Idle connections that the pool would give.
    pub idle: usize,
    /// Connections that were asked for, and of them those that had to be fresh.
    pub asked: (usize, usize),
    /// Connections that went back to the pool, and those that were closed.
    pub released: usize,
    /// Connections that were closed by the session.
    pub closed: usize,
    /// Exchanges that ended.
    pub ended: Vec<Ended>,
    client_heard: Vec<u8>,
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
            grant,
            left: 0,
            store_answers: true,
            connects: true,
            idle: 0,
            asked: (0, 0),
            released: 0,
            closed: 0,
            ended: Vec::new(),
            client_heard: Vec::new(),
            upstream_heard: Vec::new(),
            connecting: false,
            waiting: Vec::new(),
        }
    }

    /// The client sends bytes; nothing of what the session does not want to read is lost, it is a panic instead.
    pub fn client(&mut self, bytes: impl AsRef<[u8]>) {
        for piece in self.split.pieces(bytes.as_ref()) {
            if !self.session.wants_client() {
                return;
            }
            self.session.client_buffer().extend_from_slice(piece);
            self.give(SessionInput::ClientRead(piece.len()));
        }
    }

    /// The client closes its sending side.
    pub fn client_ends(&mut self) {
        self.give(SessionInput::ClientEnded);
    }

    /// The upstream sends bytes, as long as its connection is in use.
    pub fn upstream(&mut self, bytes: impl AsRef<[u8]>) {
        for piece in self.split.pieces(bytes.as_ref()) {
            if !self.session.is_connected() {
                return;
            }
            self.session.upstream_buffer().extend_from_slice(piece);
            self.give(SessionInput::UpstreamRead(piece.len()));
        }
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

    /// Makes the connection that is asked for.
    pub fn connect(&mut self, reused: bool) {
        assert!(std::mem::take(&mut self.connecting), "no connection is asked for");
        self.give(SessionInput::Connected { reused });
    }

    /// Fails to make the connection that is asked for.
    pub fn refuse_connection(&mut self, fault: UpstreamFault) {
        assert!(std::mem::take(&mut self.connecting), "no connection is asked for");
        self.give(SessionInput::ConnectFailed(fault));
    }

    /// The store answers what it was asked while [`Pair::store_answers`] was off.
    pub fn answer_store(&mut self) {
        for (id, effect) in std::mem::take(&mut self.waiting) {
            let outcome = self.outcome(&effect);
            self.give(SessionInput::Store(id, outcome));
        }
    }

    /// Moves the clock, and fires each deadline that comes in between, in order. Says which fired.
    pub fn advance(&mut self, by: Duration) -> Vec<Deadline> {
        let (until, mut fired) = (self.now.mono + by, Vec::new());
        while let Some((at, reason)) = self.session.poll_timeout().filter(|(at, _)| *at <= until) {
            self.move_clock_to(at.max(self.now.mono));
            fired.push(reason);
            assert!(fired.len() < 100, "deadlines fire without end: {fired:?} {:?}", self.session);
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

    fn drain(&mut self) {
        for _ in 0..100_000 {
            if !self.perform() && !self.write() {
                return;
            }
        }
        panic!("the session never comes to rest: {:?}", self.session);
    }

    fn perform(&mut self) -> bool {
        let Some(effect) = self.session.poll_effect() else { return false };
        match effect {
            SessionEffect::Store(id, effect) if self.store_answers => {
                let outcome = self.outcome(&effect);
                self.session.handle(SessionInput::Store(id, outcome), self.now).unwrap();
            }
            SessionEffect::Store(id, effect) => self.waiting.push((id, effect)),
            SessionEffect::Connect(request) => {
                self.asked.0 += 1;
                self.asked.1 += usize::from(request.fresh);
                let reused = !request.fresh && self.idle > 0;
                self.idle -= usize::from(reused);
                if self.connects {
                    self.session.handle(SessionInput::Connected { reused }, self.now).unwrap();
                } else {
                    self.connecting = true;
                }
            }
            SessionEffect::Release(_) => {
                self.released += 1;
                self.idle += 1;
            }
            SessionEffect::CloseUpstream => {
                self.closed += 1;
                self.connecting = false;
            }
            SessionEffect::Ended(ended) => self.ended.push(*ended),
        }
        true
    }

    fn outcome(&mut self, effect: &StoreEffect) -> StoreOutcome {
        match effect {
            StoreEffect::FindGrant(digest) => {
                let known = TokenString::parse(TOKEN.as_bytes()).map(|token| rules().token_key.digest(&token));
                let found = self.grant.clone().filter(|_| known == Some(*digest));
                StoreOutcome::Grant(Ok(found.map(Arc::new)))
            }
            StoreEffect::Spend(_) if self.left == 0 => StoreOutcome::Spent(Ok(Spent::Exhausted)),
            StoreEffect::Spend(_) => {
                self.left -= 1;
                StoreOutcome::Spent(Ok(Spent::Allowed))
            }
            StoreEffect::Manage(_) => StoreOutcome::Managed(Err(CommandError::StoreUnavailable)),
            StoreEffect::CheckHealth => StoreOutcome::Health(Ok(())),
        }
    }

    fn write(&mut self) -> bool {
        if self.client_reads && !self.session.client_out().is_empty() {
            let n = take(self.session.client_out(), self.write_size, &mut self.client_heard);
            self.session.handle(SessionInput::ClientWrote(n), self.now).unwrap();
            return true;
        }
        if self.session.is_connected() && !self.session.upstream_out().is_empty() {
            let n = take(self.session.upstream_out(), self.write_size, &mut self.upstream_heard);
            self.session.handle(SessionInput::UpstreamWrote(n), self.now).unwrap();
            return true;
        }
        false
    }

    /// What the client heard since the last call.
    pub fn client_heard(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.client_heard)).into_owned()
    }

    /// What the upstream heard since the last call.
    pub fn upstream_heard(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.upstream_heard)).into_owned()
    }

    /// What is to be done with the client's socket.
    #[must_use]
    pub fn next(&self) -> Next {
        self.session.next()
    }
}

fn take(queue: &OutQueue, most: usize, to: &mut Vec<u8>) -> usize {
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let filled = queue.fill(&mut slices);
    let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).take(most).collect();
    to.extend_from_slice(&bytes);
    bytes.len()
}
