//! One client request to its end: the machine that composes the rooms. Messages go in, messages and effects come out;
//! it sees no byte of a socket and no framing but what it writes into heads.
//!
//! # How to drive it
//! [`Exchange::handle`] is the only thing that changes it. After each call, drain:
//!
//! 1. [`Exchange::poll_effect`]: perform it, and hand the result back as an [`Input`];
//! 2. [`Exchange::poll_client`] and [`Exchange::poll_upstream`]: at most one message each;
//! 3. [`Exchange::poll_timeout`]: when to come back with [`Input::Deadline`], and why;
//! 4. [`Exchange::ended`]: `Some` once it is over; drop it then.
//!
//! # States
//!
//! ```text
//!  new ─▶ Admitting ─▶ (Inspecting) ─▶ (Spending) ─▶ Forwarding ─▶ Over
//!     │                                                  └─▶ Tunneling ─▶ Over
//!     └─▶ Collecting ─▶ Managing ─────────────────▶ Over
//!     │            └──▶ Recording ────────────────▶ Over
//!     └─▶ Probing ────────────────────────────────▶ Over
//! ```
//!
//! `Rating` comes before any of these but `Probing`, before `Spending`, and before a refused credential is answered,
//! where a rate is to be asked for that; `rates` has it all.
//!
//! # Invariants
//! 1. No content is taken before admission is decided, and nothing is sent upstream without a grant that is valid then.
//! 2. A limited token is spent as the last step before the upstream, and what reached no upstream is given back.
//! 3. Every exchange ends exactly once; after its end no input changes it.
//! 4. A request is sent twice only where the first attempt cannot have been acted upon (RFC 9110 section 9.2.2).
//! 5. Every management call and every denied request gives its one audit event away: in a [`StoreEffect`] where an answer
//!    waits for it, else as [`Effect::Audit`]. A request that is allowed collects nothing for it.

mod admission;
mod answer;
mod auditing;
mod breaking;
mod client_side;
mod effect;
mod forward;
mod forward_time;
mod inspecting;
mod managing;
mod message;
mod origins;
mod print;
mod rates;
mod refuse;
mod tunnel;

#[cfg(test)]
mod tests;

use http::Method;

pub(crate) use answer::{AnswerTo, LocalAnswer, write_answer};
pub use effect::{Component, GrantQuery, Health, Spent, StoreEffect, StoreOutcome, Unavailable};
use forward::Forward;
use inspecting::{Held, Inspecting};
pub use message::{
    BreakerTurn, ConnectRequest, Context, Effect, Ended, Failure, FromUpstream, Input, Misuse, NewRequest, Outcome,
    Payer, ToClient, ToUpstream,
};
use origins::ListOf;
use rates::Rated;

use std::sync::Arc;
use tunnel::Tunnel;

use crate::auth::Grant;
use crate::deadline::Deadline;
use crate::http1::Framing;
use crate::ids::TokenId;
use crate::proxy::{IdSource, Passage, RequestIds};
use crate::quota::{RateVerdict, Remaining, Running};
use crate::reject::{Dialect, Late, Refusal, RetryAfter, UpstreamFault};
use crate::routing::{ManageRoute, Route, route};
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::{Instant, Now};

/// One request on its way.
#[derive(Debug)]
pub struct Exchange {
    request: NewRequest,
    ids: RequestIds,
    started: Instant,
    /// The connection to the client closes after the answer.
    close: bool,
    /// A request was taken off the payer's limit, and no earlier attempt has reached an upstream.
    spent: bool,
    /// All of the request has been taken, or there is none.
    request_complete: bool,
    state: State,
    effect: Option<Effect>,
    to_client: Option<ToClient>,
    to_upstream: Option<ToUpstream>,
    payer: Option<Payer>,
    /// The grant of a request that is denied although it has one: its key must not be told.
    denied_grant: Option<Arc<Grant>>,
    /// The shape of our own errors: guessed until the provider is known.
    dialect: Option<Dialect>,
    /// Whose list of origins our own answers go by.
    list_of: ListOf,
    status: Option<http::StatusCode>,
    code: Option<&'static str>,
    deadline: Option<Deadline>,
    bytes: (u64, u64),
    /// How much content the request may have, once admitted.
    content_limit: u64,
    /// Its place among the requests that run at once, from admission to its end.
    running: Option<Running>,
    /// Leave to go to the upstream, until the breaker has heard how that went.
    passage: Option<Passage>,
    /// What it made of the breaker.
    breaker: Option<Box<BreakerTurn>>,
    /// What the token's rate has left, since it was asked.
    rate: Option<Remaining>,
    /// The path for the upstream, where it is not the client's own.
    rewritten_path: Option<Box<str>>,
    /// The content that was looked at and is not sent on yet.
    held: Option<Box<Held>>,
    last_client: Instant,
}

enum State {
    /// Waits for a rate to let it in.
    Rating { since: Instant, rated: Box<Rated> },
    /// Waits for the grant.
    Admitting { since: Instant },
    /// Takes the content, and looks at it before anything goes upstream.
    Inspecting(Box<Inspecting>),
    /// Waits for the store to take one request off the token.
    Spending { since: Instant, grant: Arc<Grant>, provider: Arc<Provider> },
    /// Takes a management call's content.
    Collecting { route: ManageRoute, content: Vec<u8> },
    /// Waits for the store to do what a management call asks.
    Managing { since: Instant },
    /// Waits for the event of a management call that is refused to be durable; the refusal, and how the exchange ends.
    Recording { since: Instant, refusal: Box<Refusal>, outcome: Outcome },
    /// Waits for the store to say whether it can be reached.
    Probing { since: Instant },
    /// Sends the request upstream and the response back.
    Forwarding(Box<Forward>),
    /// Hands the bytes of an upgraded connection on, both ways.
    Tunneling(Box<Tunnel>),
    /// Done.
    Over(Outcome, Instant),
}

/// Which shape errors have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    /// Our own routes.
    Own,
    /// A provider's.
    Provider(Dialect),
}

impl Exchange {
    /// Begins with a request's head, and goes as far as it can: drain it at once.
    #[must_use]
    pub fn new(request: NewRequest, ids: &mut IdSource, cx: &mut Context<'_>) -> Self {
        let mut exchange = Self {
            ids: RequestIds::of(request.head.fields(), cx.now.wall, ids),
            started: cx.now.mono,
            spent: false,
            close: request.draining || !request.head.wants_keep_alive(),
            request_complete: request.framing == Framing::Empty,
            request,
            state: State::Admitting { since: cx.now.mono },
            effect: None,
            to_client: None,
            to_upstream: None,
            payer: None,
            denied_grant: None,
            dialect: None,
            list_of: ListOf::Nobody,
            status: None,
            code: None,
            deadline: None,
            bytes: (0, 0),
            content_limit: 0,
            rewritten_path: None,
            held: None,
            running: None,
            passage: None,
            breaker: None,
            rate: None,
            last_client: cx.now.mono,
        };
        match route(exchange.request.head.method(), exchange.request.head.path()) {
            Route::Probe(probe) => exchange.probe(probe, cx),
            Route::ProbeMethodNotAllowed => {
                exchange.refuse(&Refusal::MethodNotAllowed(vec![Method::GET, Method::HEAD]), Voice::Own, cx);
            }
            Route::Manage(route) => exchange.arrive(Rated::Managed(route), cx),
            Route::Proxy => exchange.arrive(Rated::Proxied, cx),
        }
        exchange
    }

    /// Something happened. Drain afterwards.
    ///
    /// # Errors
    /// [`Misuse`] if the input does not fit the state; nothing is changed then.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Result<(), Misuse> {
        if let State::Over(..) = self.state {
            return Err(Misuse::Over);
        }
        match input {
            Input::Content(content) => self.on_content(content, cx),
            Input::RequestEnd(trailers) => self.on_request_end(trailers, cx),
            Input::ClientMalformed(wrong) => {
                self.cut(&Refusal::Malformed(wrong), Outcome::Refused, cx);
                Ok(())
            }
            Input::ClientEnded => {
                self.on_client_ended(cx);
                Ok(())
            }
            Input::ClientGone => {
                self.on_client_gone(cx);
                Ok(())
            }
            Input::Progress => {
                self.on_progress(cx.now.mono);
                Ok(())
            }
            Input::Room => {
                self.send_held(cx);
                Ok(())
            }
            Input::Stalled => {
                self.on_stalled();
                Ok(())
            }
            Input::Store(outcome) => self.on_store(outcome, cx),
            Input::Deadline => {
                self.on_deadline(cx);
                Ok(())
            }
            Input::Drain => {
                self.close = true;
                Ok(())
            }
            Input::Connected { reused } => self.on_connected(reused, cx),
            Input::ConnectFailed(fault) => self.on_connect_failed(fault, cx),
            Input::Upstream(message) => self.on_upstream(message, cx),
        }
    }

    /// The next effect to perform. Poll again after each input.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effect.take()
    }

    /// The next message for the client. Poll again after each input.
    #[must_use]
    pub fn poll_client(&mut self) -> Option<ToClient> {
        self.to_client.take()
    }

    /// The next message for the upstream. Poll again after each input.
    #[must_use]
    pub fn poll_upstream(&mut self) -> Option<ToUpstream> {
        self.to_upstream.take()
    }

    /// When [`Input::Deadline`] is due, and what for. Changes with each input.
    #[must_use]
    pub fn poll_timeout(&self, rules: &Rules) -> Option<(Instant, Deadline)> {
        match &self.state {
            State::Rating { since, .. }
            | State::Admitting { since }
            | State::Spending { since, .. }
            | State::Managing { since }
            | State::Recording { since, .. }
            | State::Probing { since } => Some((*since + rules.patience.store, Deadline::Store)),
            State::Collecting { .. } => {
                let patience = rules.patience.client_body;
                let whole = self.started + patience * 2;
                Some((whole.min(self.last_client + patience), Deadline::ClientBody))
            }
            State::Inspecting(inspecting) => Some(self.inspecting_timeout(inspecting, rules)),
            State::Forwarding(forward) => Some(self.forward_timeout(forward, rules)),
            State::Tunneling(tunnel) => Some(tunnel.timeout(rules)),
            State::Over(..) => None,
        }
    }

    /// Whether the request's content may be given now.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        match &self.state {
            State::Collecting { .. } | State::Inspecting(_) => !self.request_complete,
            State::Forwarding(forward) => {
                !self.request_complete && forward.is_connected() && self.to_upstream.is_none()
            }
            State::Tunneling(tunnel) => tunnel.takes_content() && self.to_upstream.is_none(),
            State::Rating { .. } | State::Admitting { .. } | State::Spending { .. } => false,
            State::Managing { .. } | State::Recording { .. } | State::Probing { .. } | State::Over(..) => false,
        }
    }

    /// Whether the upstream is in use: what comes from it belongs to this exchange.
    #[must_use]
    pub const fn uses_upstream(&self) -> bool {
        matches!(self.state, State::Forwarding(_) | State::Tunneling(_))
    }

    /// Whether the content that it takes is the bytes of an upgraded connection.
    #[must_use]
    pub const fn is_tunnel(&self) -> bool {
        matches!(self.state, State::Tunneling(_))
    }

    /// Whether the connection to the client must close after the answer.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.close
    }

    /// Whether all of the request was taken.
    #[must_use]
    pub const fn took_request(&self) -> bool {
        self.request_complete
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over(..))
    }

    /// The exchange in retrospect, once it is over.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        let State::Over(outcome, at) = self.state else { return None };
        Some(Ended {
            ids: self.ids.clone(),
            method: self.request.head.method().clone(),
            status: self.status,
            outcome,
            code: self.code,
            deadline: self.deadline,
            payer: self.payer,
            bytes: self.bytes,
            breaker: self.breaker.as_deref().cloned(),
            took: at - self.started,
        })
    }

    /// The limited token that gets its request back, if no byte was written on the connection in use.
    #[must_use]
    pub(crate) fn spent(&self) -> Option<TokenId> {
        self.payer.filter(|_| self.spent).map(|payer| payer.token)
    }

    fn ask(&mut self, effect: StoreEffect) {
        self.effect = Some(Effect::Store(effect));
    }

    fn end(&mut self, outcome: Outcome, now: Now) {
        self.effect = None;
        self.running = None;
        self.held = None;
        self.passage = None;
        self.state = State::Over(outcome, now.mono);
    }

    fn on_store(&mut self, outcome: StoreOutcome, cx: &mut Context<'_>) -> Result<(), Misuse> {
        match (&self.state, outcome) {
            (State::Rating { .. }, StoreOutcome::Rates(verdict)) => self.on_rates(verdict, cx),
            (State::Admitting { .. }, StoreOutcome::Grant(grant)) => self.on_grant(grant, cx),
            (State::Tunneling(_), StoreOutcome::Grant(grant)) => return self.on_grant_anew(grant, cx),
            (State::Admitting { .. }, StoreOutcome::Rates(Ok(RateVerdict::Refused { retry_after, .. }))) => {
                self.deny(&Refusal::RateLimited(RetryAfter(retry_after)), cx);
            }
            (State::Spending { grant, provider, .. }, StoreOutcome::Spent(spent)) => {
                let (grant, provider) = (grant.clone(), provider.clone());
                self.on_spent(spent, grant, provider, cx);
            }
            (State::Managing { .. }, StoreOutcome::Managed(reply)) => self.on_managed(reply, cx),
            // Nothing was changed, so the caller is told the same where the event could not be written.
            (State::Recording { .. }, StoreOutcome::Recorded(_)) => self.finish_refusal(cx),
            (State::Probing { .. }, StoreOutcome::Health(health)) => self.on_health(health, cx),
            _ => return Err(Misuse::UnaskedOutcome),
        }
        Ok(())
    }

    fn on_deadline(&mut self, cx: &mut Context<'_>) {
        let Some((at, reason)) = self.poll_timeout(cx.rules) else { return };
        if at > cx.now.mono {
            return;
        }
        if let State::Tunneling(_) = self.state {
            return self.on_tunnel_deadline(reason, cx);
        }
        let refusal = match reason {
            Deadline::ClientBody => Refusal::RequestTimeout(Late::Content),
            Deadline::Exchange if self.waits_for_client() => Refusal::RequestTimeout(Late::Content),
            Deadline::Connect => Refusal::Upstream(UpstreamFault::ConnectTimeout),
            Deadline::ResponseHead => Refusal::Upstream(UpstreamFault::HeadTimeout),
            Deadline::Exchange | Deadline::StreamIdle => Refusal::Upstream(UpstreamFault::ExchangeTimeout),
            Deadline::Store => Refusal::StoreUnavailable,
            Deadline::ClientHead | Deadline::ClientWrite | Deadline::KeepAlive | Deadline::Linger => return,
            Deadline::TokenCheck | Deadline::TokenExpiry | Deadline::TunnelEnd => return,
        };
        self.deadline.get_or_insert(reason);
        self.report_timeout(reason, cx);
        self.cut(&refusal, Outcome::TimedOut, cx);
    }
}
