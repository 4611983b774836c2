//! The loop that drives one client connection: the core's session between two sockets, with async-h1 and surf between
//! its machines, in one task.
//!
//! Each turn performs what the session asks, carries its messages, moves bytes where there is room, and hands every
//! result back. It decides nothing about a request; the only limits here are of fairness.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_lite::AsyncWrite as _;
use llm_proxy_core::connection::{EffectId, Next, Relay, Session, SessionEffect, SessionInput};
use llm_proxy_core::exchange::{ConnectRequest, FromUpstream, Misuse, StoreEffect};
use llm_proxy_core::reject::UpstreamFault;
use llm_proxy_core::settings::Provider;
use llm_proxy_core::time::{Instant, Now};
use llm_proxy_runtime_common::{Seat, clock, has_unread, log_end};
use thiserror::Error;

use crate::alarm::Alarm;
use crate::call::Call;
use crate::client::ClientStream;
use crate::crossing::Broken;
use crate::guard::Guard;
use crate::ready::Readiness;
use crate::socket::{Presence, presence, read_into, write_queue};
use crate::store_thread::Asked;
use crate::upstream::UpstreamStream;
use crate::worker::Shared;

/// How many turns one poll may take before other tasks get theirs.
const TURNS: usize = 64;
/// How many exchanges may end in one poll before other tasks get their turn: a client may send many at once.
const EXCHANGES: usize = 32;
/// How often it is looked whether a client that is not read is still there.
const LOOK_AT_CLIENT: Duration = Duration::from_millis(100);

/// Why a connection cannot go on.
#[derive(Debug, Error)]
enum Fatal {
    #[error("the driver broke the core's rules: {0}")]
    Misuse(#[from] Misuse),
    #[error(transparent)]
    Library(#[from] Broken),
}

/// One client connection until it closes.
pub(crate) struct Connection {
    session: Session,
    client: ClientStream,
    client_ready: Readiness,
    upstream: Option<UpstreamStream>,
    upstream_ready: Readiness,
    /// Bytes may wait inside of TLS although the session's queue is empty.
    flushing: bool,
    connecting: bool,
    guard: Guard,
    call: Option<Call>,
    shared: Arc<Shared>,
    asked: Option<(EffectId, Asked)>,
    alarm: Alarm,
    drain_key: Option<usize>,
    drain_seen: bool,
    /// From the first poll on.
    seat: Option<Seat>,
    write_shut: bool,
    /// Until when a connection that is over may bring out what TLS still holds.
    finish_by: Option<Instant>,
    /// Exchanges that ended in this poll.
    ended: usize,
}

impl Connection {
    /// For a session that is relayed.
    pub(crate) fn new(session: Session, client: ClientStream, shared: Arc<Shared>) -> Self {
        shared.drain.enter();
        Self {
            session,
            client,
            client_ready: Readiness::default(),
            upstream: None,
            upstream_ready: Readiness::default(),
            flushing: false,
            connecting: false,
            guard: Guard::default(),
            call: None,
            shared,
            asked: None,
            alarm: Alarm::default(),
            drain_key: None,
            drain_seen: false,
            seat: None,
            write_shut: false,
            finish_by: None,
            ended: 0,
        }
    }

    /// For a connection that is accepted while the program is stopping: it knows from the start.
    pub(crate) fn begin_draining(&mut self) {
        self.drain_seen = true;
        // A new session refuses nothing.
        let _ = self.session.handle(SessionInput::Drain, clock::now());
    }

    /// Turns until nothing moves. Ready when the connection is over.
    fn turn_until_idle(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Fatal> {
        self.ended = 0;
        for _ in 0..TURNS {
            if self.ended > EXCHANGES {
                break;
            }
            let now = clock::now();
            let mut moved = self.carry(now, cx)?;
            // Before anything else is told to the session: what it does not wait for any more must be gone by then.
            moved |= self.hear_outcomes(now, cx)?;
            moved |= self.write_client(now, cx)?;
            moved |= self.write_upstream(now, cx)?;
            moved |= self.read_upstream(now)?;
            moved |= self.read_client(now)?;
            // Last: a request that is there already is served.
            moved = moved || self.hear_drain(now)? || self.hear_shed(now)?;
            if !moved {
                match self.session.next() {
                    Next::Continue => {}
                    Next::ShutdownWrite if self.write_shut => {}
                    Next::ShutdownWrite => {
                        // A failure means that the client is gone; the next read says so.
                        self.write_shut = self.client.shut_write(cx).is_ready();
                        if self.write_shut {
                            continue;
                        }
                    }
                    Next::Close => return Ok(self.finish_client(now, cx)),
                    Next::Reset => {
                        self.client.reset();
                        return Ok(Poll::Ready(()));
                    }
                }
                if !self.is_due(now, cx)? {
                    self.note_standing(now);
                    return Ok(Poll::Pending);
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(Poll::Pending)
    }

    /// Goes, if its place is needed and nothing is under way.
    fn hear_shed(&mut self, now: Now) -> Result<bool, Fatal> {
        if !self.seat.as_mut().is_some_and(Seat::is_told) {
            return Ok(false);
        }
        if !self.client.tcp().is_some_and(has_unread) {
            self.session.handle(SessionInput::Shed, now)?;
            if self.session.next() == Next::Close {
                // Its place is needed now: what TLS still holds for it gets one try.
                self.finish_by = Some(now.mono);
            }
        }
        Ok(true)
    }

    fn note_standing(&mut self, now: Now) {
        if let Some(seat) = &mut self.seat {
            seat.note(self.session.standing(), now.mono);
        }
    }

    fn hear_drain(&mut self, now: Now) -> Result<bool, Fatal> {
        if self.drain_seen || !self.shared.drain.has_started() {
            return Ok(false);
        }
        self.drain_seen = true;
        self.session.handle(SessionInput::Drain, now)?;
        Ok(true)
    }

    /// Performs effects, and carries messages through both libraries, until the session has nothing more to say.
    fn carry(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Fatal> {
        let mut moved = false;
        loop {
            moved |= self.perform_effects(now)?;
            let relay = match self.session.poll_relay() {
                Some(relay) => self.hand_over(relay),
                None => None,
            };
            let relay = match relay {
                Some(beside) => Some(beside),
                None => self.poll_libraries(cx)?,
            };
            let Some(relay) = relay else { return Ok(moved) };
            moved = true;
            self.session.handle(SessionInput::Relayed(relay), now)?;
        }
    }

    fn hand_over(&mut self, relay: Relay) -> Option<Relay> {
        match (relay, &mut self.call) {
            (Relay::FromClient(event), _) => self.guard.take_in(event),
            (Relay::ToClient(message), _) => self.guard.answer(message),
            (Relay::ToUpstream(message), Some(call)) => call.say(message),
            // No message of a tunnel comes this way, and surf has no part in its 101.
            (relay @ Relay::FromUpstream(FromUpstream::Switched(_)), _) => {
                self.call = None;
                Some(relay)
            }
            (Relay::FromUpstream(message), Some(call)) => call.hear(message),
            (relay @ (Relay::ToUpstream(_) | Relay::FromUpstream(_)), None) => Some(relay),
        }
    }

    fn poll_libraries(&mut self, cx: &mut Context<'_>) -> Result<Option<Relay>, Broken> {
        if let Some(relay) = self.guard.poll(cx)? {
            return Ok(Some(relay));
        }
        match &mut self.call {
            Some(call) => call.poll(cx),
            None => Ok(None),
        }
    }

    fn perform_effects(&mut self, now: Now) -> Result<bool, Fatal> {
        let mut moved = false;
        while let Some(effect) = self.session.poll_effect() {
            moved = true;
            match effect {
                SessionEffect::Store(id, effect) => self.ask(id, effect, now)?,
                SessionEffect::Connect(request) => self.connect(request, now)?,
                SessionEffect::Release(provider) => self.release(&provider, now),
                SessionEffect::Audit(draft) => self.shared.store.audit(draft, now),
                SessionEffect::CloseUpstream => {
                    self.upstream = None;
                    self.connecting = false;
                }
                SessionEffect::GiveBack(token) => self.shared.store.storage().give_back(token, now),
                SessionEffect::Ended(ended) => {
                    self.ended += 1;
                    self.guard.clear();
                    self.call = None;
                    log_end(&ended);
                }
            }
        }
        Ok(moved)
    }

    fn ask(&mut self, id: EffectId, effect: StoreEffect, now: Now) -> Result<(), Misuse> {
        match self.shared.store.try_now(&effect, now) {
            Some(outcome) => self.session.handle(SessionInput::Store(id, outcome), now),
            None => {
                self.asked = Some((id, self.shared.store.ask(effect, now)));
                Ok(())
            }
        }
    }

    fn connect(&mut self, wanted: ConnectRequest, now: Now) -> Result<(), Misuse> {
        if let Some(token) = wanted.counts {
            self.shared.store.note_use(token, now);
        }
        if self.call.is_none() {
            self.call = Call::start(self.shared.client.clone(), &wanted);
        }
        let Some(call) = &self.call else {
            return self.session.handle(SessionInput::ConnectFailed(UpstreamFault::Unreachable), now);
        };
        call.connect(wanted);
        self.connecting = true;
        Ok(())
    }

    fn release(&mut self, provider: &Provider, now: Now) {
        if let Some(stream) = self.upstream.take() {
            drop(self.shared.upstreams.pool().put(provider, stream, now.mono));
        }
    }

    fn write_client(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        match write_queue(&mut self.client, self.session.client_out(), cx) {
            Poll::Pending => {
                self.client.flush(cx);
                Ok(false)
            }
            Poll::Ready(Ok(n)) => self.session.handle(SessionInput::ClientWrote(n), now).map(|()| true),
            Poll::Ready(Err(_)) => self.session.handle(SessionInput::ClientBroke, now).map(|()| true),
        }
    }

    fn write_upstream(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        let Some(stream) = &mut self.upstream else { return Ok(false) };
        match write_queue(stream, self.session.upstream_out(), cx) {
            Poll::Ready(Ok(n)) => {
                self.flushing = true;
                self.session.handle(SessionInput::UpstreamWrote(n), now).map(|()| true)
            }
            Poll::Ready(Err(_)) => self.session.handle(SessionInput::UpstreamWriteFailed, now).map(|()| true),
            Poll::Pending if self.flushing => {
                self.flushing = Pin::new(stream).poll_flush(cx).is_pending();
                Ok(false)
            }
            Poll::Pending => Ok(false),
        }
    }

    fn read_client(&mut self, now: Now) -> Result<bool, Misuse> {
        if !self.session.wants_client() {
            return self.look_at_client(now);
        }
        if !self.client_ready.take() {
            return Ok(false);
        }
        let read = read_into(&mut self.client, self.session.client_buffer(), &self.client_ready);
        let input = match read {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => SessionInput::ClientEnded,
            Poll::Ready(Ok(n)) => SessionInput::ClientRead(n),
            Poll::Ready(Err(_)) => SessionInput::ClientBroke,
        };
        self.session.handle(input, now).map(|()| true)
    }

    /// Looks whether a client that is not read for now is still there: that it went away must be seen all the same. There
    /// is no event for it while bytes wait, so the timer comes back for it.
    fn look_at_client(&mut self, now: Now) -> Result<bool, Misuse> {
        if !self.session.watches_client() {
            return Ok(false);
        }
        let Some(tcp) = self.client.tcp() else { return Ok(false) };
        let input = match presence(tcp) {
            Presence::There => return Ok(false),
            Presence::Ended => SessionInput::ClientEnded,
            Presence::Gone => SessionInput::ClientBroke,
        };
        self.session.handle(input, now).map(|()| true)
    }

    fn read_upstream(&mut self, now: Now) -> Result<bool, Misuse> {
        let Some(stream) = &mut self.upstream else { return Ok(false) };
        if !self.session.wants_upstream() || !self.upstream_ready.take() {
            return Ok(false);
        }
        let read = read_into(stream, self.session.upstream_buffer(), &self.upstream_ready);
        let input = match read {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => SessionInput::UpstreamEnded,
            Poll::Ready(Ok(n)) => SessionInput::UpstreamRead(n),
            Poll::Ready(Err(_)) => SessionInput::UpstreamBroke,
        };
        self.session.handle(input, now).map(|()| true)
    }

    /// Results of what takes time: connections and the store.
    fn hear_outcomes(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Fatal> {
        let mut moved = false;
        if self.connecting
            && let Some(call) = &mut self.call
            && let Some(connected) = call.poll_connected(cx)?
        {
            moved = true;
            self.connecting = false;
            let input = match connected {
                Ok((stream, reused)) => {
                    self.upstream_ready.note();
                    (self.upstream, self.flushing) = (Some(stream), false);
                    SessionInput::Connected { reused }
                }
                Err(fault) => SessionInput::ConnectFailed(fault),
            };
            self.session.handle(input, now)?;
        }
        if let Some((id, receiver)) = &mut self.asked
            && let Poll::Ready(outcome) = Pin::new(receiver).poll(cx)
        {
            let id = *id;
            self.asked = None;
            moved = true;
            // Without an outcome the storage thread is gone, and the session's own deadline answers the client.
            if let Some(outcome) = outcome {
                self.session.handle(SessionInput::Store(id, outcome), now)?;
            }
        }
        Ok(moved)
    }

    /// Whether the session's deadline has come; it is told then. Else the alarm is set for it.
    fn is_due(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        let Some((due, _)) = self.session.poll_timeout() else { return Ok(false) };
        if due <= now.mono {
            self.session.handle(SessionInput::Deadline, now)?;
            return Ok(true);
        }
        let due = if self.session.watches_client() { due.min(now.mono + LOOK_AT_CLIENT) } else { due };
        self.alarm.wake_by(due, cx);
        Ok(false)
    }

    /// Ready when the client can be let go: over TLS what it is still to get goes out first, for as long as any write may
    /// take.
    fn finish_client(&mut self, now: Now, cx: &mut Context<'_>) -> Poll<()> {
        if self.client.finish(cx).is_ready() {
            return Poll::Ready(());
        }
        let until = *self.finish_by.get_or_insert(now.mono + self.shared.rules.patience.client_write);
        if until <= now.mono {
            return Poll::Ready(());
        }
        self.alarm.wake_by(until, cx);
        Poll::Pending
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain_key.is_none() {
            self.client_ready.belongs_to(cx.waker());
            self.upstream_ready.belongs_to(cx.waker());
            let key = self.shared.drain.listen(cx.waker().clone());
            self.drain_key = Some(key);
            self.seat = Some(self.shared.places.seats.take(cx.waker().clone(), clock::now().mono));
        }
        match self.turn_until_idle(cx) {
            Ok(poll) => poll,
            Err(fatal) => {
                tracing::error!(%fatal, session = ?self.session, "closing a connection");
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Cut from outside, or done: an exchange that still ran ends here, and is counted like any other. A management call
        // that was taken whole is done all the same: no call without its event.
        let now = clock::now();
        if self.session.handle(SessionInput::ClientBroke, now).is_ok() {
            if self.session.next() == Next::Reset {
                self.client.reset();
            }
            while let Some(effect) = self.session.poll_effect() {
                match effect {
                    SessionEffect::Ended(ended) => log_end(&ended),
                    SessionEffect::GiveBack(token) => self.shared.store.storage().give_back(token, now),
                    SessionEffect::Audit(draft) => self.shared.store.audit(draft, now),
                    SessionEffect::Store(_, effect) if effect.leaves_an_event() => {
                        drop(self.shared.store.ask(effect, now));
                    }
                    SessionEffect::Store(..)
                    | SessionEffect::Connect(_)
                    | SessionEffect::Release(_)
                    | SessionEffect::CloseUpstream => {}
                }
            }
        }
        self.shared.drain.leave(self.drain_key);
    }
}
