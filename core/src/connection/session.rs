//! One client connection's whole life, as one machine: bytes of two sockets in, bytes of two sockets out, effects, and
//! the time to come back. A driver of sockets holds one of these per accepted connection and has nothing to decide.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;

use super::client::ClientConnection;
use super::idlers::Standing;
use super::out_queue::OutQueue;
use super::relay::{Relay, Relays};
use super::upstream::UpstreamConnection;
use crate::audit::Draft;
use crate::exchange::{ConnectRequest, Context, Ended, Exchange, Input as Step, Misuse, StoreEffect, StoreOutcome};
use crate::ids::TokenId;
use crate::proxy::IdSource;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::{Instant, Now};

/// How much memory may wait for one socket before the other is no longer read, bytes.
pub(super) const HIGH_WATER: usize = 64 * 1024;

/// How many bytes of an upstream may be read ahead of what is passed on: more than any head has.
const MOST_AHEAD: usize = 2 * HIGH_WATER;

/// Which effect an outcome answers. Outcomes of effects that nobody waits for any more are ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EffectId(pub(super) u32);

/// What a driver performs.
#[derive(Debug)]
pub enum SessionEffect {
    /// Ask storage, and answer with [`SessionInput::Store`] and the same id.
    Store(EffectId, StoreEffect),
    /// Take a connection from the pool or make one, and answer with [`SessionInput::Connected`] or
    /// [`SessionInput::ConnectFailed`]. At most one is asked for at a time.
    Connect(ConnectRequest),
    /// The upstream connection is free: keep it in the pool for this provider.
    Release(Arc<Provider>),
    /// The upstream connection, or the attempt to make one, is of no use any more: close it now.
    CloseUpstream,
    /// Hand an event on to storage, and never wait for it.
    Audit(Box<Draft>),
    /// A request of a limited token was spent, and no byte of it has reached an upstream: give it back.
    GiveBack(TokenId),
    /// An exchange is over: for logs, records and counts.
    Ended(Box<Ended>),
}

/// What a driver reports.
#[derive(Debug)]
pub enum SessionInput {
    /// So many bytes were read into [`Session::client_buffer`].
    ClientRead(usize),
    /// The client closed its sending side.
    ClientEnded,
    /// The connection to the client broke.
    ClientBroke,
    /// So many bytes of [`Session::client_out`] were written.
    ClientWrote(usize),
    /// A connection for the last [`SessionEffect::Connect`] is there.
    Connected {
        /// It comes from the pool.
        reused: bool,
    },
    /// None could be made.
    ConnectFailed(UpstreamFault),
    /// So many bytes were read into [`Session::upstream_buffer`].
    UpstreamRead(usize),
    /// The upstream closed its sending side, in order.
    UpstreamEnded,
    /// Reading from the upstream failed.
    UpstreamBroke,
    /// So many bytes of [`Session::upstream_out`] were written.
    UpstreamWrote(usize),
    /// Writing to the upstream failed. It may still have answered: go on reading.
    UpstreamWriteFailed,
    /// Storage answered.
    Store(EffectId, StoreOutcome),
    /// A message of [`Session::poll_relay`] is back.
    Relayed(Relay),
    /// The instant of [`Session::poll_timeout`] has come.
    Deadline,
    /// The program is stopping: finish what runs, begin nothing on this connection.
    Drain,
    /// Its place is needed for another connection. Ignored by one that is [`Standing::Busy`].
    Shed,
}

/// What is to be done with the client's socket when everything else is drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Go on.
    Continue,
    /// Shut down the sending side once (a second time does nothing), and go on reading.
    ShutdownWrite,
    /// Close.
    Close,
    /// Close so that the client sees a broken connection (reset): nothing else tells it that the answer is not whole.
    Reset,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Open,
    /// Write what waits, then end.
    Finishing,
    /// Write what waits, then show that the answer is not whole.
    Breaking,
    /// Everything is written; throw away what the client still sends, as long as it goes on sending.
    Lingering {
        until: Instant,
        at_most: Instant,
    },
    Over {
        reset: bool,
    },
}

/// Where the exchange's upstream connection is.
#[derive(Clone, Debug)]
pub(super) enum Upstream {
    None,
    Asked(Arc<Provider>),
    Open(Arc<Provider>),
}

/// The machine. `handle` changes it; the polls only take out.
/// The module's page shows how to drive it.
pub struct Session {
    pub(super) rules: Arc<Rules>,
    pub(super) client: ClientConnection,
    pub(super) upstream: UpstreamConnection,
    pub(super) exchange: Option<Exchange>,
    pub(super) link: Upstream,
    pub(super) ids: IdSource,
    pub(super) scratch: BytesMut,
    pub(super) peer: IpAddr,
    pub(super) effects: VecDeque<SessionEffect>,
    pub(super) last_effect: EffectId,
    /// Whether the exchange waits for the outcome of `last_effect`.
    pub(super) asked_store: bool,
    pub(super) life: Life,
    pub(super) draining: bool,
    /// Until when the first head is awaited once the program is stopping.
    pub(super) first_head_by: Option<Instant>,
    /// The answer under way ends with the connection, so that only a reset can show that it broke.
    pub(super) until_close: bool,
    /// Whether the client may still be sending when the connection ends.
    pub(super) linger: bool,
    pub(super) last_write: Instant,
    /// The detour through the driver, if there is one.
    pub(super) relays: Option<Box<Relays>>,
}

impl Session {
    /// A connection from `peer`, accepted at `now`. `seed` is random; ids of its exchanges come from it.
    #[must_use]
    pub fn new(rules: Arc<Rules>, peer: IpAddr, seed: u128, now: Now) -> Self {
        Self {
            client: ClientConnection::new(rules.head_limits, now.mono),
            upstream: UpstreamConnection::new(rules.head_limits),
            rules,
            exchange: None,
            link: Upstream::None,
            ids: IdSource::new(seed),
            scratch: BytesMut::new(),
            peer,
            effects: VecDeque::new(),
            last_effect: EffectId(0),
            asked_store: false,
            life: Life::Open,
            draining: false,
            first_head_by: None,
            until_close: false,
            linger: false,
            last_write: now.mono,
            relays: None,
        }
    }

    /// Where to read the client's next bytes to. Only while [`Session::wants_client`].
    pub fn client_buffer(&mut self) -> &mut BytesMut {
        self.client.read_buffer()
    }

    /// Where to read the upstream's next bytes to. Only while [`Session::wants_upstream`].
    pub fn upstream_buffer(&mut self) -> &mut BytesMut {
        self.upstream.read_buffer()
    }

    /// What waits to be written to the client.
    #[must_use]
    pub const fn client_out(&self) -> &OutQueue {
        &self.client.out
    }

    /// What waits to be written to the upstream. Only while one is connected.
    #[must_use]
    pub const fn upstream_out(&self) -> &OutQueue {
        &self.upstream.out
    }

    /// Whether the client's socket is to be read. It is also read while an answer is under way, since only so is it
    /// seen that the client went away.
    #[must_use]
    pub fn wants_client(&self) -> bool {
        match self.life {
            Life::Open => self.client.has_room(),
            Life::Lingering { .. } => !self.client.has_ended(),
            Life::Finishing | Life::Breaking | Life::Over { .. } => false,
        }
    }

    /// Whether the client's socket, although it is not read for now, must be looked at: an exchange runs whose client may
    /// go away. The end of a tunnel's client counts only behind its last byte.
    #[must_use]
    pub fn watches_client(&self) -> bool {
        let is_watched = |exchange: &Exchange| !exchange.is_tunnel();
        self.life == Life::Open
            && self.exchange.as_ref().is_some_and(is_watched)
            && !self.client.has_ended()
            && !self.client.has_room()
    }

    /// Whether the upstream's socket is to be read: there is one, the client takes what it says, and what was read does
    /// not wait for a detour.
    #[must_use]
    pub fn wants_upstream(&self) -> bool {
        self.takes_upstream() && self.upstream.ahead() < MOST_AHEAD
    }

    /// Whether what the upstream said may be passed on.
    pub(super) fn takes_upstream(&self) -> bool {
        self.is_connected() && self.client.out.held() < HIGH_WATER
    }

    /// Whether an upstream connection is in use.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.link, Upstream::Open(_))
    }

    /// The next effect to perform. Poll until `None` after each input.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<SessionEffect> {
        self.effects.pop_front()
    }

    /// What to do with the client's socket once effects and bytes are drained.
    #[must_use]
    pub fn next(&self) -> Next {
        match self.life {
            Life::Open | Life::Finishing | Life::Breaking => Next::Continue,
            Life::Lingering { .. } => Next::ShutdownWrite,
            Life::Over { reset: false } => Next::Close,
            Life::Over { reset: true } => Next::Reset,
        }
    }

    /// What the connection is doing, as far as its place goes: for [`super::Idlers`].
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.life {
            Life::Lingering { .. } => Standing::Newcomer,
            Life::Finishing | Life::Breaking | Life::Over { .. } => Standing::Busy,
            Life::Open if self.exchange.is_some() || !self.client.out.is_empty() || self.has_request_outside() => {
                Standing::Busy
            }
            Life::Open if self.client.awaits_first_head() || self.client.has_partial_head() => Standing::Newcomer,
            Life::Open => Standing::Kept(self.client.head_since()),
        }
    }

    /// Something happened. Drain afterwards: effects, bytes for both sockets, [`Session::next`], and the timeout.
    ///
    /// # Errors
    /// [`Misuse`] if the input does not fit; nothing is changed then.
    pub fn handle(&mut self, input: SessionInput, now: Now) -> Result<(), Misuse> {
        match input {
            SessionInput::ClientRead(n) => self.on_client_read(n, now),
            SessionInput::ClientEnded => self.on_client_ended(now),
            SessionInput::ClientBroke => self.on_client_gone(now),
            SessionInput::ClientWrote(n) => {
                if !self.client.wrote(n) {
                    return Err(Misuse::WroteTooMuch);
                }
                self.last_write = now.mono;
                self.step(Step::Progress, now);
            }
            SessionInput::Connected { reused } => self.on_connected(reused, now)?,
            SessionInput::ConnectFailed(fault) => self.on_connect_failed(fault, now)?,
            SessionInput::UpstreamRead(n) => self.when_connected()?.received(n),
            SessionInput::UpstreamEnded => self.when_connected()?.received_end(),
            SessionInput::UpstreamBroke => self.when_connected()?.broke(),
            SessionInput::UpstreamWriteFailed => self.when_connected()?.write_failed(),
            SessionInput::UpstreamWrote(n) => {
                if !self.when_connected()?.wrote(n) {
                    return Err(Misuse::WroteTooMuch);
                }
                self.step(Step::Progress, now);
            }
            SessionInput::Store(id, outcome) => {
                // One that is over may still be telling its client so.
                let waits = self.exchange.as_ref().is_some_and(|exchange| !exchange.is_over());
                if id == self.last_effect && self.asked_store && waits {
                    self.on_store(outcome, now)?;
                } else {
                    self.on_late_outcome(&outcome);
                }
            }
            SessionInput::Relayed(relay) => self.on_relayed(relay, now),
            SessionInput::Deadline => self.on_deadline(now),
            SessionInput::Drain => self.on_drain(now),
            SessionInput::Shed if self.standing() == Standing::Busy => {}
            SessionInput::Shed => self.life = Life::Over { reset: false },
        }
        self.pump(now);
        Ok(())
    }

    fn on_client_read(&mut self, n: usize, now: Now) {
        self.client.received(n, now.mono);
        if let Life::Lingering { until, .. } = &mut self.life {
            *until = now.mono + self.rules.patience.linger;
        }
    }

    fn when_connected(&mut self) -> Result<&mut UpstreamConnection, Misuse> {
        if self.is_connected() { Ok(&mut self.upstream) } else { Err(Misuse::NoUpstream) }
    }

    fn on_store(&mut self, outcome: StoreOutcome, now: Now) -> Result<(), Misuse> {
        // Before the step, which may ask anew.
        self.asked_store = false;
        let result = self.try_step(Step::Store(outcome), now);
        self.asked_store |= result.is_err();
        result
    }

    /// What was spent for an exchange that is over meanwhile is given back.
    fn on_late_outcome(&mut self, outcome: &StoreOutcome) {
        if let Some(token) = outcome.spent() {
            self.effects.push_back(SessionEffect::GiveBack(token));
        }
    }

    fn on_client_ended(&mut self, now: Now) {
        self.client.received_end();
        match self.life {
            Life::Lingering { .. } => self.life = Life::Over { reset: false },
            Life::Open | Life::Finishing | Life::Breaking | Life::Over { .. } => self.step(Step::ClientEnded, now),
        }
    }

    fn on_client_gone(&mut self, now: Now) {
        self.step(Step::ClientGone, now);
        self.client.stop_reading();
        // Nobody takes it any more; a driver that tried again would fail again, without end.
        self.client.out.clear();
        self.life = match self.life {
            Life::Open | Life::Finishing | Life::Breaking => Life::Over { reset: self.until_close },
            Life::Lingering { .. } => Life::Over { reset: false },
            over @ Life::Over { .. } => over,
        };
    }

    fn on_connected(&mut self, reused: bool, now: Now) -> Result<(), Misuse> {
        let Upstream::Asked(provider) = &self.link else { return Err(Misuse::NoUpstream) };
        self.link = Upstream::Open(provider.clone());
        self.upstream.attach(reused);
        self.try_step(Step::Connected { reused }, now)
    }

    fn on_connect_failed(&mut self, fault: UpstreamFault, now: Now) -> Result<(), Misuse> {
        let Upstream::Asked(_) = &self.link else { return Err(Misuse::NoUpstream) };
        self.link = Upstream::None;
        self.try_step(Step::ConnectFailed(fault), now)
    }

    fn on_drain(&mut self, now: Now) {
        self.draining = true;
        if self.exchange.is_some() {
            self.step(Step::Drain, now);
        } else if self.life != Life::Open || self.has_request_outside() {
            // What has begun is served.
        } else if self.client.awaits_first_head() || self.client.has_partial_head() {
            // Its first request, or the rest of the next, may be on the wire: the client could not know. It gets a moment.
            self.first_head_by = Some(now.mono + self.rules.patience.first_head_at_stop);
        } else {
            self.life = Life::Finishing;
        }
    }

    /// Gives the exchange an input that fits any state, if one is there.
    pub(super) fn step(&mut self, input: Step, now: Now) {
        // Inputs of this kind are never refused but by an exchange that is over, and those are taken away by `pump`.
        let _ = self.try_step(input, now);
    }

    pub(super) fn try_step(&mut self, input: Step, now: Now) -> Result<(), Misuse> {
        // One that is over is kept only while its last messages are outside.
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| !exchange.is_over()) else { return Ok(()) };
        exchange.handle(input, &mut Context { rules: &self.rules, now, scratch: &mut self.scratch })?;
        self.drain_exchange(now);
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("life", &self.life)
            .field("client", &self.client)
            .field("upstream", &self.upstream)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
