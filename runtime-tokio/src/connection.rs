//! The loop that drives one client connection: the core's session between two sockets, in one task.
//!
//! Each turn performs what the session asks, moves bytes where there is room, and hands every result back. It decides
//! nothing about a request; the only limits here are of fairness.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use llm_proxy_core::connection::{EffectId, MAX_SLICES, Next, OutQueue, Session, SessionEffect, SessionInput};
use llm_proxy_core::exchange::{ConnectRequest, Misuse, StoreEffect};
use llm_proxy_core::reject::UpstreamFault;
use llm_proxy_core::settings::Provider;
use llm_proxy_core::time::{Instant, Now};
use llm_proxy_runtime_common::{Seat, clock, has_unread, log_end};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Interest};
use tokio::time::Sleep;

use crate::client::ClientStream;
use crate::store_thread::Asked;
use crate::upstream::{UpstreamStream, connect};
use crate::worker::Shared;

/// How many turns one poll may take before other tasks get theirs.
const TURNS: usize = 64;
/// How many exchanges may end in one poll before other tasks get their turn: a client may send many at once.
const EXCHANGES: usize = 32;
/// How often it is looked whether a client that is not read is still there.
const LOOK_AT_CLIENT: Duration = Duration::from_millis(100);

type Connecting = Pin<Box<dyn Future<Output = Result<UpstreamStream, UpstreamFault>> + Send>>;

/// Where the upstream connection is, as far as sockets go.
enum Link {
    None,
    Connecting(Connecting),
    Open(UpstreamStream),
}

/// One client connection until it closes.
pub(crate) struct Connection {
    session: Session,
    client: ClientStream,
    link: Link,
    shared: Arc<Shared>,
    asked: Option<(EffectId, Asked)>,
    timer: Pin<Box<Sleep>>,
    /// When the timer goes off. It is set earlier at once, later only when it goes off: a request costs no timer.
    timer_at: Option<Instant>,
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
    pub(crate) fn new(session: Session, client: ClientStream, shared: Arc<Shared>) -> Self {
        shared.drain.enter();
        Self {
            session,
            client,
            link: Link::None,
            shared,
            asked: None,
            timer: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
            timer_at: None,
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
    fn turn_until_idle(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Misuse> {
        self.ended = 0;
        for _ in 0..TURNS {
            if self.ended > EXCHANGES {
                break;
            }
            let now = clock::now();
            let mut moved = self.perform_effects(now)?;
            // Before anything else is told to the session: what it does not wait for any more must be gone by then.
            moved |= self.hear_outcomes(now, cx)?;
            // Before the client hears of it: what its request did not need after all is there for its next one.
            moved |= self.perform_effects(now)?;
            moved |= self.write_client(now, cx)?;
            moved |= self.write_upstream(now, cx)?;
            moved |= self.read_upstream(now, cx)?;
            moved |= self.read_client(now, cx)?;
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

    fn perform_effects(&mut self, now: Now) -> Result<bool, Misuse> {
        let mut moved = false;
        while let Some(effect) = self.session.poll_effect() {
            moved = true;
            match effect {
                SessionEffect::Store(id, effect) => self.ask(id, effect, now)?,
                SessionEffect::Connect(request) => self.connect(&request, now)?,
                SessionEffect::Release(provider) => self.release(&provider, now),
                SessionEffect::Audit(draft) => self.shared.store.audit(draft, now),
                SessionEffect::CloseUpstream => self.link = Link::None,
                SessionEffect::GiveBack(token) => self.shared.store.storage().give_back(token, now),
                SessionEffect::Ended(ended) => {
                    self.ended += 1;
                    log_end(&ended);
                }
            }
        }
        Ok(moved)
    }

    /// Goes, if its place is needed and nothing is under way.
    fn hear_shed(&mut self, now: Now) -> Result<bool, Misuse> {
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

    fn hear_drain(&mut self, now: Now) -> Result<bool, Misuse> {
        if self.drain_seen || !self.shared.drain.has_started() {
            return Ok(false);
        }
        self.drain_seen = true;
        self.session.handle(SessionInput::Drain, now)?;
        Ok(true)
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

    fn connect(&mut self, request: &ConnectRequest, now: Now) -> Result<(), Misuse> {
        if let Some(token) = request.counts {
            self.shared.store.note_use(token, now);
        }
        let idle = self.shared.pool().take(request, now.mono, UpstreamStream::is_quiet);
        if let Some(idle) = idle {
            self.link = Link::Open(idle);
            return self.session.handle(SessionInput::Connected { reused: true }, now);
        }
        self.link = Link::Connecting(Box::pin(connect(self.shared.clone(), request.provider.base.clone())));
        Ok(())
    }

    fn release(&mut self, provider: &Provider, now: Now) {
        if let Link::Open(stream) = std::mem::replace(&mut self.link, Link::None) {
            drop(self.shared.pool().put(provider, stream, now.mono));
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
        let Link::Open(stream) = &mut self.link else { return Ok(false) };
        if self.session.upstream_out().is_empty() {
            // TLS takes bytes before its socket does. An error shows when reading; told here, it would be told each turn.
            let _ = Pin::new(stream).poll_flush(cx);
            return Ok(false);
        }
        match write_queue(stream, self.session.upstream_out(), cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(n)) => self.session.handle(SessionInput::UpstreamWrote(n), now).map(|()| true),
            Poll::Ready(Err(_)) => self.session.handle(SessionInput::UpstreamWriteFailed, now).map(|()| true),
        }
    }

    fn read_client(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        if !self.session.wants_client() {
            return self.look_at_client(now, cx);
        }
        let input = match read_into(&mut self.client, self.session.client_buffer(), cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => SessionInput::ClientEnded,
            Poll::Ready(Ok(n)) => SessionInput::ClientRead(n),
            Poll::Ready(Err(_)) => SessionInput::ClientBroke,
        };
        self.session.handle(input, now).map(|()| true)
    }

    /// Looks whether a client that is not read for now is still there: that it went away must be seen all the same. There
    /// is no event for it while bytes wait, so the timer comes back for it.
    fn look_at_client(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        if !self.session.watches_client() {
            return Ok(false);
        }
        let Some(tcp) = self.client.tcp() else { return Ok(false) };
        let state = pin!(tcp.ready(Interest::READABLE | Interest::ERROR)).poll(cx);
        let input = match state {
            Poll::Ready(Ok(state)) if state.is_error() => SessionInput::ClientBroke,
            Poll::Ready(Ok(state)) if state.is_read_closed() => SessionInput::ClientEnded,
            Poll::Ready(Err(_)) => SessionInput::ClientBroke,
            Poll::Ready(Ok(_)) | Poll::Pending => return Ok(false),
        };
        self.session.handle(input, now).map(|()| true)
    }

    fn read_upstream(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        let Link::Open(stream) = &mut self.link else { return Ok(false) };
        if !self.session.wants_upstream() {
            return Ok(false);
        }
        let input = match read_into(stream, self.session.upstream_buffer(), cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => SessionInput::UpstreamEnded,
            Poll::Ready(Ok(n)) => SessionInput::UpstreamRead(n),
            Poll::Ready(Err(_)) => SessionInput::UpstreamBroke,
        };
        self.session.handle(input, now).map(|()| true)
    }

    /// Results of what takes time: connections and the store.
    fn hear_outcomes(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        let mut moved = false;
        if let Link::Connecting(connecting) = &mut self.link
            && let Poll::Ready(result) = connecting.as_mut().poll(cx)
        {
            moved = true;
            let input = match result {
                Ok(stream) => {
                    self.link = Link::Open(stream);
                    SessionInput::Connected { reused: false }
                }
                Err(fault) => {
                    self.link = Link::None;
                    SessionInput::ConnectFailed(fault)
                }
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

    /// Whether the session's deadline has come; it is told then. Else the timer is set for it.
    fn is_due(&mut self, now: Now, cx: &mut Context<'_>) -> Result<bool, Misuse> {
        let Some((due, _)) = self.session.poll_timeout() else { return Ok(false) };
        if due <= now.mono {
            self.session.handle(SessionInput::Deadline, now)?;
            return Ok(true);
        }
        let due = if self.session.watches_client() { due.min(now.mono + LOOK_AT_CLIENT) } else { due };
        if self.timer_at.is_none_or(|at| due < at) {
            self.set_timer(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            self.set_timer(due);
        }
        Ok(false)
    }

    /// Ready when the client can be let go: over TLS what it is still to get goes out first, for as long as any write may
    /// take.
    fn finish_client(&mut self, now: Now, cx: &mut Context<'_>) -> Poll<()> {
        if self.client.finish(cx).is_ready() {
            return Poll::Ready(());
        }
        let until = *self.finish_by.get_or_insert(now.mono + self.shared.rules.patience.client_write);
        self.set_timer(until);
        if until <= now.mono { Poll::Ready(()) } else { self.timer.as_mut().poll(cx) }
    }

    fn set_timer(&mut self, due: Instant) {
        self.timer_at = Some(due);
        self.timer.as_mut().reset(clock::to_std(due).into());
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain_key.is_none() {
            let key = self.shared.drain.listen(cx.waker().clone());
            self.drain_key = Some(key);
            self.seat = Some(self.shared.places.seats.take(cx.waker().clone(), clock::now().mono));
        }
        match self.turn_until_idle(cx) {
            Ok(poll) => poll,
            Err(misuse) => {
                tracing::error!(%misuse, session = ?self.session, "the driver broke the core's rules; closing the connection");
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

/// Writes what waits, with one system call. Pending too when nothing waits.
fn write_queue<S: AsyncWrite + Unpin>(
    stream: &mut S,
    queue: &OutQueue,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if queue.is_empty() {
        return Poll::Pending;
    }
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let filled = queue.fill(&mut slices);
    let written = match &slices[..filled] {
        [one] => ready!(Pin::new(stream).poll_write(cx, one)),
        many => ready!(Pin::new(stream).poll_write_vectored(cx, many)),
    };
    Poll::Ready(written.and_then(|n| if n == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(n) }))
}

/// Reads into the spare room of `buffer`, with one system call. 0 is the end.
fn read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    pin!(stream.read_buf(buffer)).poll(cx)
}
