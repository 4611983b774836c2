//! The rates that a request is counted against, and what becomes of it: of everyone and of its address when it comes, of
//! its token at the end of admission, and of failures when its credential is wrong. Where no limit is set nothing is
//! asked. The counts are storage's; a limiter that does not answer is judged there too.

use std::sync::Arc;

use smallvec::SmallVec;

use super::admission::is_denial;
use super::auditing::CLIENT_GONE;
use super::effect::{GrantQuery, StoreEffect, Unavailable};
use super::message::{Context, Effect, Outcome};
use super::origins::ListOf;
use super::{Exchange, State, Voice};
use crate::audit::{self, Action, Actor, Draft};
use crate::auth::{Denial, Grant, TokenDigest, client_credential};
use crate::manage;
use crate::quota::{RateCheck, RateKey, RateLimit, RateVerdict};
use crate::reject::{Refusal, RetryAfter};
use crate::routing::ManageRoute;
use crate::rules::Rules;
use crate::settings::{Provider, client_ip};

/// What a rate is asked for.
pub(super) enum Rated {
    /// A request for a provider comes.
    Proxied,
    /// A management call comes.
    Managed(ManageRoute),
    /// A request was admitted.
    Token(Arc<Grant>, Arc<Provider>),
    /// A request's credential is wrong.
    FailedAuth(Denial),
    /// A management call's credential is wrong.
    FailedManagement(Denial, ManageRoute),
}

impl Rated {
    pub(super) const fn is_proxied(&self) -> bool {
        match self {
            Self::Proxied | Self::Token(..) | Self::FailedAuth(_) => true,
            Self::Managed(_) | Self::FailedManagement(..) => false,
        }
    }
}

impl Exchange {
    /// A request comes. The address is the last that counts, so that one client's refusals cost all others nothing.
    pub(super) fn arrive(&mut self, rated: Rated, cx: &mut Context<'_>) {
        if rated.is_proxied() {
            self.list_of = ListOf::Candidate;
        }
        let rates = cx.rules.rates;
        let everyone = rates.everyone.map(|limit| (RateKey::Everyone, limit));
        let address = rates.address.map(|limit| (RateKey::address(self.client_ip(cx.rules)), limit));
        let limits: SmallVec<_> = everyone.into_iter().chain(address).collect();
        if limits.is_empty() {
            self.let_in(rated, cx);
        } else {
            self.rate(RateCheck { limits }, rated, cx);
        }
    }

    /// The token's own rate, where it has one, else that of all such tokens.
    pub(super) fn rate_token(&mut self, grant: Arc<Grant>, provider: Arc<Provider>, cx: &mut Context<'_>) {
        let own = grant.requests_per_minute.and_then(RateLimit::per_minute);
        match own.or(cx.rules.rates.other_tokens) {
            Some(limit) => {
                let check = RateCheck::one(RateKey::Token(grant.token_id), limit);
                self.rate(check, Rated::Token(grant, provider), cx);
            }
            None => self.look_at_params(grant, provider, cx),
        }
    }

    /// Whose grant is to be found, and what failures count against.
    pub(super) fn grant_query(&self, digest: TokenDigest, rules: &Rules) -> GrantQuery {
        GrantQuery { digest, failures: rules.rates.failures.map(|limit| (self.client_ip(rules), limit)) }
    }

    /// Refuses a request by its credential. A wrong one counts, and says so no more once there were too many.
    pub(super) fn deny_credential(&mut self, denial: Denial, cx: &mut Context<'_>) {
        let check = cx.rules.rates.failures.zip(self.failed_credential(denial, cx.rules));
        match check {
            Some((limit, key)) => self.rate(RateCheck::one(key, limit), Rated::FailedAuth(denial), cx),
            None => self.deny(&Refusal::Denied(denial), cx),
        }
    }

    /// Refuses a management call by its credential, and counts likewise. The right one is never counted.
    pub(super) fn deny_call(&mut self, denial: Denial, route: ManageRoute, cx: &mut Context<'_>) {
        match cx.rules.rates.failures.filter(|_| denial == Denial::InvalidToken) {
            Some(limit) => {
                let key = RateKey::failed_management(self.client_ip(cx.rules));
                self.rate(RateCheck::one(key, limit), Rated::FailedManagement(denial, route), cx);
            }
            None => self.refuse_call(&Refusal::Denied(denial), route, cx),
        }
    }

    pub(super) fn on_rates(&mut self, verdict: Result<RateVerdict, Unavailable>, cx: &mut Context<'_>) {
        let Ok(verdict) = verdict else {
            if let Some(rated) = self.take_rated(cx) {
                self.turn_away(rated, &Refusal::StoreUnavailable, cx);
            }
            return;
        };
        let (RateVerdict::Allowed { remaining } | RateVerdict::Refused { remaining, .. }) = verdict;
        let Some(rated) = self.take_rated(cx) else { return };
        if let Rated::Token(..) = rated {
            self.rate = remaining;
        }
        match verdict {
            RateVerdict::Allowed { .. } => self.let_in(rated, cx),
            RateVerdict::Refused { retry_after, .. } => {
                self.turn_away(rated, &Refusal::RateLimited(RetryAfter(retry_after)), cx);
            }
        }
    }

    /// The rate's answer did not come, or the request broke off before. Who it is about stays refused as it was.
    pub(super) fn cut_rating(&mut self, refusal: &Refusal, outcome: Outcome, cx: &mut Context<'_>) {
        match self.take_rated(cx) {
            Some(rated @ (Rated::FailedAuth(_) | Rated::FailedManagement(..))) => self.let_in(rated, cx),
            Some(rated) => self.turn_away(rated, refusal, cx),
            None => return,
        }
        let event = self.effect.take();
        self.end(outcome, cx.now);
        self.effect = event;
    }

    /// The event of a request whose client left before the rate's answer was there; `None` where it leaves none.
    pub(super) fn abandoned_rating(&self, cx: &Context<'_>) -> Option<Box<Draft>> {
        let State::Rating { rated, .. } = &self.state else { return None };
        let denied = |denial: Denial| audit::Outcome::of_refusal(&Refusal::Denied(denial));
        let (named, result) = match **rated {
            Rated::Proxied | Rated::Token(..) => return None,
            Rated::Managed(route) => (self.call(route), (audit::Outcome::Failure, CLIENT_GONE)),
            Rated::FailedAuth(denial) => ((Action::ProxyRequest, None), denied(denial)),
            Rated::FailedManagement(denial, route) => (self.call(route), denied(denial)),
        };
        Some(self.event(Actor::Anonymous, named, result, cx))
    }

    fn rate(&mut self, check: RateCheck, rated: Rated, cx: &Context<'_>) {
        self.ask(StoreEffect::CheckRates(Box::new(check)));
        self.state = State::Rating { since: cx.now.mono, rated: Box::new(rated) };
    }

    /// What the rate was asked for. Each caller goes on to another state at once.
    fn take_rated(&mut self, cx: &Context<'_>) -> Option<Rated> {
        let State::Rating { rated, .. } = &mut self.state else { return None };
        let rated = std::mem::replace(&mut **rated, Rated::Proxied);
        self.state = State::Admitting { since: cx.now.mono };
        Some(rated)
    }

    /// The rates have nothing against it; so a wrong credential is answered as what it is.
    fn let_in(&mut self, rated: Rated, cx: &mut Context<'_>) {
        match rated {
            Rated::Proxied => self.begin_admission(cx),
            Rated::Managed(route) => self.begin_managing(route, cx),
            Rated::Token(grant, provider) => self.look_at_params(grant, provider, cx),
            Rated::FailedAuth(denial) => self.deny(&Refusal::Denied(denial), cx),
            Rated::FailedManagement(denial, route) => self.refuse_call(&Refusal::Denied(denial), route, cx),
        }
    }

    fn turn_away(&mut self, rated: Rated, refusal: &Refusal, cx: &mut Context<'_>) {
        match rated {
            Rated::Proxied | Rated::FailedAuth(_) => self.deny(refusal, cx),
            Rated::Token(grant, _) => self.deny_with(grant, refusal, cx),
            Rated::Managed(route) | Rated::FailedManagement(_, route) => self.refuse_call(refusal, route, cx),
        }
    }

    fn refuse_call(&mut self, refusal: &Refusal, route: ManageRoute, cx: &mut Context<'_>) {
        if is_denial(refusal) {
            return self.refuse_and_note(refusal, Voice::Own, self.call(route), cx);
        }
        let event = self.event(Actor::Anonymous, self.call(route), audit::Outcome::of_refusal(refusal), cx);
        self.refuse(refusal, Voice::Own, cx);
        self.effect = Some(Effect::Audit(event));
    }

    fn call(&self, route: ManageRoute) -> (Action, Option<ManageRoute>) {
        (manage::action_of(route, self.request.head.method()), Some(route))
    }

    /// What a failure with this request's credential counts against; `None` if that is not what is wrong.
    fn failed_credential(&self, denial: Denial, rules: &Rules) -> Option<RateKey> {
        match denial {
            Denial::InvalidToken | Denial::TokenInactive | Denial::TokenExpired => {}
            Denial::MissingToken | Denial::ConflictingCredentials | Denial::ProjectInactive | Denial::QuotaExceeded => {
                return None;
            }
        }
        let head = &self.request.head;
        let credential = client_credential(head.fields(), head.asks_for_websocket()).ok()?;
        let digest = rules.token_key.get()?.digest_of_any(credential.bytes);
        Some(RateKey::failed_auth(self.client_ip(rules), (&digest).into()))
    }

    fn client_ip(&self, rules: &Rules) -> std::net::IpAddr {
        client_ip(self.request.peer, self.request.head.fields(), &rules.trusted_proxies)
    }
}
