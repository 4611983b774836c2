//! What an exchange asks of its upstream's breaker, and what it tells it: once, at the answer's head or at the failure
//! before it. What is the client's doing or our own is told nobody; the passage is then dropped with the exchange.

use std::time::Duration;

use http::StatusCode;

use super::forward::Link;
use super::message::{BreakerTurn, Context};
use super::{Exchange, State};
use crate::deadline::Deadline;
use crate::proxy::Transition;
use crate::reject::{Refusal, RetryAfter};
use crate::settings::Provider;
use crate::time::Instant;

/// How long a client may let an upstream wait for content without being to blame when that gives up.
const MAY_BE_KEPT_WAITING: Duration = Duration::from_secs(1);

impl Exchange {
    /// Takes leave to go to that provider.
    pub(super) fn pass_breaker(&mut self, provider: &Provider, cx: &Context<'_>) -> Result<(), Refusal> {
        let passage = provider.breaker.admit(cx.now.mono).map_err(|wait| Refusal::CircuitOpen(RetryAfter(wait)))?;
        self.passage = Some(passage);
        Ok(())
    }

    /// An answer's head has come. What goes wrong after it is not the breaker's matter: the upstream is at work.
    pub(super) fn report_answer(&mut self, status: StatusCode, now: Instant) {
        if is_failure(status) {
            return self.report_failure(now);
        }
        let transition = self.passage.take().and_then(|passage| passage.succeeded());
        self.turned(transition);
    }

    /// The upstream could not be reached, or gave no answer. Nothing if it gave one before.
    pub(super) fn report_failure(&mut self, now: Instant) {
        let transition = self.passage.take().and_then(|passage| passage.failed(now));
        self.turned(transition);
    }

    /// The upstream failed. One that gave up on a client which had kept it waiting for most of the time did not.
    pub(super) fn report_fault(&mut self, now: Instant) {
        let State::Forwarding(forward) = &self.state else { return };
        let silent = now - self.last_client;
        if self.waits_for_client() && silent * 2 >= now - forward.connected && silent >= MAY_BE_KEPT_WAITING {
            self.passage = None;
        } else {
            self.report_failure(now);
        }
    }

    /// Something took too long: a failure where it was the upstream.
    pub(super) fn report_timeout(&mut self, reason: Deadline, cx: &Context<'_>) {
        let upstreams_doing = match reason {
            Deadline::Connect | Deadline::ResponseHead => true,
            Deadline::Exchange => self.upstream_took_most(cx.now.mono),
            Deadline::StreamIdle | Deadline::Store | Deadline::ClientBody | Deadline::ClientHead => false,
            Deadline::ClientWrite | Deadline::KeepAlive | Deadline::Linger => false,
            Deadline::TokenCheck | Deadline::TokenExpiry | Deadline::TunnelEnd => false,
        };
        if upstreams_doing {
            self.report_failure(cx.now.mono);
        }
    }

    /// Whether at least half of the exchange's time went by in waiting for the upstream. Else a client that sends so
    /// slowly that no time is left could let the upstream fail as often as it likes.
    fn upstream_took_most(&self, now: Instant) -> bool {
        let State::Forwarding(forward) = &self.state else { return false };
        if self.waits_for_client() {
            return false;
        }
        let since = match forward.link {
            Link::Asked(since) => since,
            Link::Open { .. } => forward.request_done.unwrap_or(forward.last_progress),
        };
        (now - since) * 2 >= now - self.started
    }

    fn turned(&mut self, transition: Option<Transition>) {
        let State::Forwarding(forward) = &self.state else { return };
        if let Some(transition) = transition {
            self.breaker = Some(Box::new(BreakerTurn { provider: forward.provider.name.clone(), transition }));
        }
    }
}

/// The answers by which a gateway or a server says that it can do nothing at all for now (RFC 9110 sections 15.6.3 to
/// 15.6.5). A 500 may be about one request, a 429 is about one caller.
const fn is_failure(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}
