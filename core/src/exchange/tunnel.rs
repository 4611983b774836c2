//! A WebSocket after its 101: opaque bytes both ways, until one side ends, breaks or falls silent, or until the token may
//! no longer be used. It never looks into the bytes, and adds none of its own.
//!
//! The token is looked at again as often as the grant age says, and at the moment at which it expires. A store that
//! cannot answer cuts nothing: it is asked again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::admission::identify;
use super::effect::{StoreEffect, Unavailable};
use super::message::{Context, Effect, FromUpstream, Misuse, Outcome, ToClient, ToUpstream};
use super::{Exchange, State};
use crate::audit::{self, Action, Actor};
use crate::auth::{Denial, Grant, decide};
use crate::deadline::Deadline;
use crate::http1::{Fields, Framing, ResponseHead};
use crate::proxy::{ResponsePlan, Timing, write_switch_head};
use crate::reject::{Refusal, UpstreamFault};
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::{Instant, Now, Timestamp};

/// A token is not looked at more often, however short the grant age is: each look may cost a query.
const SHORTEST_AGE: Duration = Duration::from_millis(100);

/// How many times an upstream that goes on sending is waited for after the client's end.
const MOST_LINGERS: u32 = 15;

/// The state of a tunnel.
#[derive(Debug)]
pub(super) struct Tunnel {
    provider: Arc<Provider>,
    grant: Arc<Grant>,
    /// When a byte last moved, in either direction.
    last_progress: Instant,
    /// When the token is to be looked at again.
    check_at: Instant,
    /// The store has been asked, and has not answered.
    checking: bool,
    /// When the grant ends, as far as the clock then said.
    expires: Instant,
    /// Since when the client has ended, and all that it sent is written.
    client_ended: Option<Instant>,
}

impl Tunnel {
    pub(super) const fn progress(&mut self, now: Instant) {
        self.last_progress = now;
    }

    pub(super) const fn takes_content(&self) -> bool {
        self.client_ended.is_none()
    }

    /// The nearest of its limits. There is none in all.
    pub(super) fn timeout(&self, rules: &Rules) -> (Instant, Deadline) {
        let linger = rules.patience.linger;
        let quiet = match self.client_ended {
            Some(since) => {
                let quiet = since.max(self.last_progress) + linger;
                (quiet.min(since + linger * MOST_LINGERS), Deadline::TunnelEnd)
            }
            None => (self.last_progress + self.provider.timeouts.stream_idle, Deadline::StreamIdle),
        };
        let token = [(self.check_at, Deadline::TokenCheck), (self.expires, Deadline::TokenExpiry)];
        token.into_iter().fold(quiet, |nearest, other| if other.0 < nearest.0 { other } else { nearest })
    }
}

/// When `at` will be, as far as the clock says now.
fn instant_of(at: Timestamp, now: Now) -> Instant {
    let left = at.as_micros().saturating_sub(now.wall.as_micros());
    now.mono + Duration::from_micros(u64::try_from(left).unwrap_or(0))
}

impl Exchange {
    /// The upstream grants what was asked for: from here on there is no HTTP.
    pub(super) fn on_switched(&mut self, head: &ResponseHead, cx: &mut Context<'_>) {
        self.report_answer(head.status(), cx.now.mono);
        let State::Forwarding(forward) = &self.state else { return };
        let upstream = cx.now.mono - forward.asked_upstream;
        let plan = ResponsePlan {
            method: self.request.head.method(),
            client: self.request.head.version(),
            framing: Framing::UntilClose,
            close: true,
            ids: &self.ids,
            key: &forward.grant.upstream_key,
            timing: Timing { proxy: (cx.now.mono - self.started).saturating_sub(upstream), upstream },
            // Browsers apply CORS to no WebSocket; the gate has judged its origin.
            cors: None,
            rate: self.rate.as_ref(),
            now: cx.now.wall,
        };
        write_switch_head(head, plan, cx.scratch);
        let tunnel = Tunnel {
            provider: forward.provider.clone(),
            grant: forward.grant.clone(),
            last_progress: cx.now.mono,
            check_at: cx.now.mono + cx.rules.grant_max_age.max(SHORTEST_AGE),
            checking: false,
            expires: instant_of(forward.grant.expires_at, cx.now),
            client_ended: None,
        };
        self.close = true;
        self.status = Some(head.status());
        self.to_client = Some(ToClient::Switched(cx.scratch.split().freeze()));
        self.state = State::Tunneling(Box::new(tunnel));
    }

    pub(super) fn on_tunnel(&mut self, message: FromUpstream, cx: &Context<'_>) -> Result<(), Misuse> {
        let State::Tunneling(tunnel) = &mut self.state else { return Err(Misuse::NoUpstream) };
        tunnel.progress(cx.now.mono);
        match message {
            FromUpstream::Content(content) => {
                self.bytes.1 += content.len() as u64;
                self.to_client = Some(ToClient::Content(content));
            }
            FromUpstream::End(_) => self.close_tunnel(Outcome::Completed, cx),
            FromUpstream::Failed(_) => {
                self.to_client = Some(ToClient::Abort);
                self.end(Outcome::UpstreamBroke, cx.now);
            }
            FromUpstream::Interim(_) | FromUpstream::Head(..) | FromUpstream::Switched(_) => {
                return Err(Misuse::NoUpstream);
            }
        }
        Ok(())
    }

    pub(super) fn tunnel_content(&mut self, content: Bytes, cx: &Context<'_>) {
        if let State::Tunneling(tunnel) = &mut self.state {
            tunnel.progress(cx.now.mono);
            self.to_upstream = Some(ToUpstream::Content(content));
        }
    }

    /// The client has ended, and what it sent is written: the upstream's last bytes get a moment.
    pub(super) fn tunnel_client_end(&mut self, cx: &Context<'_>) {
        if let State::Tunneling(tunnel) = &mut self.state {
            tunnel.client_ended = Some(cx.now.mono);
        }
    }

    pub(super) fn on_tunnel_deadline(&mut self, reason: Deadline, cx: &Context<'_>) {
        match reason {
            Deadline::TunnelEnd => self.close_tunnel(Outcome::Completed, cx),
            Deadline::StreamIdle => {
                self.deadline = Some(reason);
                self.code = Some(Refusal::Upstream(UpstreamFault::ExchangeTimeout).answer().code);
                self.close_tunnel(Outcome::TimedOut, cx);
            }
            Deadline::TokenCheck => self.check_token(cx),
            Deadline::TokenExpiry => {
                let State::Tunneling(tunnel) = &self.state else { return };
                let grant = tunnel.grant.clone();
                self.decide_anew(grant, cx);
            }
            Deadline::ClientHead
            | Deadline::ClientBody
            | Deadline::ClientWrite
            | Deadline::KeepAlive
            | Deadline::Linger
            | Deadline::Store
            | Deadline::Connect
            | Deadline::ResponseHead
            | Deadline::Exchange => {}
        }
    }

    fn check_token(&mut self, cx: &Context<'_>) {
        let State::Tunneling(tunnel) = &mut self.state else { return };
        // An answer brings the next look forward.
        tunnel.check_at = cx.now.mono + cx.rules.grant_max_age.max(cx.rules.patience.store);
        if let Ok(digest) = identify(&self.request.head, cx.rules) {
            tunnel.checking = true;
            self.ask(StoreEffect::FindGrantAnew(digest));
        }
    }

    /// The store's answer about the token of a tunnel.
    pub(super) fn on_grant_anew(
        &mut self,
        grant: Result<Option<Arc<Grant>>, Unavailable>,
        cx: &Context<'_>,
    ) -> Result<(), Misuse> {
        let State::Tunneling(tunnel) = &mut self.state else { return Err(Misuse::UnaskedOutcome) };
        if !std::mem::replace(&mut tunnel.checking, false) {
            return Err(Misuse::UnaskedOutcome);
        }
        tunnel.check_at = cx.now.mono + cx.rules.grant_max_age.max(SHORTEST_AGE);
        match grant {
            Ok(Some(grant)) => self.decide_anew(grant, cx),
            Ok(None) => self.deny_tunnel(Denial::InvalidToken, cx),
            Err(Unavailable) => {}
        }
        Ok(())
    }

    fn decide_anew(&mut self, grant: Arc<Grant>, cx: &Context<'_>) {
        let State::Tunneling(tunnel) = &mut self.state else { return };
        tunnel.expires = instant_of(grant.expires_at, cx.now);
        tunnel.grant = grant;
        if let Err(denial) = decide(&tunnel.grant, cx.now.wall, cx.rules.enforce_project_active) {
            self.deny_tunnel(denial, cx);
        }
    }

    fn deny_tunnel(&mut self, denial: Denial, cx: &Context<'_>) {
        let State::Tunneling(tunnel) = &self.state else { return };
        self.denied_grant = Some(tunnel.grant.clone());
        let code = Refusal::Denied(denial).answer().code;
        let named = (Action::ProxyRequest, None);
        let event = self.event(Actor::Anonymous, named, (audit::Outcome::Denied, code), cx);
        self.code = Some(code);
        self.close_tunnel(Outcome::Refused, cx);
        self.effect = Some(Effect::Audit(event));
    }

    /// Both sides are closed; what the client has not taken yet is still written.
    fn close_tunnel(&mut self, outcome: Outcome, cx: &Context<'_>) {
        self.to_client = Some(ToClient::End(Fields::default()));
        self.end(outcome, cx.now);
    }
}
