//! The gate of the proxy: a straight list from a head to a grant, or to the first reason against it.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;

use super::effect::{Spent, StoreEffect, Unavailable};
use super::forward::Forward;
use super::message::{ConnectRequest, Context, Effect, NewRequest, Payer};
use super::origins::{ListOf, check_origin};
use super::{Exchange, State};
use crate::audit::Action;
use crate::auth::{Denial, Grant, TokenDigest, TokenString, client_credential, decide};
use crate::http1::{Framing, RequestHead};
use crate::reject::Refusal;
use crate::routing::NormalPath;
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::Timestamp;

impl Exchange {
    pub(super) fn begin_admission(&mut self, cx: &mut Context<'_>) {
        if self.answers_preflight(cx) {
            return;
        }
        match identify(&self.request.head, cx.rules) {
            Ok(digest) => {
                self.ask(StoreEffect::FindGrant(self.grant_query(digest, cx.rules)));
                self.state = State::Admitting { since: cx.now.mono };
            }
            Err(Refusal::Denied(denial)) => self.deny_credential(denial, cx),
            Err(refusal) => self.deny(&refusal, cx),
        }
    }

    pub(super) fn on_grant(&mut self, grant: Result<Option<Arc<Grant>>, Unavailable>, cx: &mut Context<'_>) {
        let grant = match grant {
            Ok(Some(grant)) => grant,
            Ok(None) => return self.deny_credential(Denial::InvalidToken, cx),
            Err(Unavailable) => return self.deny(&Refusal::StoreUnavailable, cx),
        };
        self.payer = Some(Payer { token: grant.token_id, project: grant.project_id });
        let Some(provider) = cx.rules.providers.load().by_name.get(&grant.provider).cloned() else {
            return self.deny_with(grant, &Refusal::EndpointNotFound, cx);
        };
        self.dialect = Some(provider.dialect);
        self.list_of = ListOf::of(&provider);
        match admit(&self.request, &grant, &provider, cx.rules, cx.now.wall) {
            Ok(Admitted { content_limit, rewritten_path }) => {
                self.content_limit = content_limit;
                self.rewritten_path = rewritten_path;
            }
            Err(Refusal::Denied(denial)) => {
                self.denied_grant = Some(grant);
                return self.deny_credential(denial, cx);
            }
            Err(refusal) => return self.deny_with(grant, &refusal, cx),
        }
        self.running = cx.rules.concurrency.enter();
        if self.running.is_none() {
            return self.deny(&Refusal::Overloaded, cx);
        }
        self.rate_token(grant, provider, cx);
    }

    /// The last steps before the upstream.
    pub(super) fn spend(&mut self, grant: Arc<Grant>, provider: Arc<Provider>, cx: &mut Context<'_>) {
        if let Err(refusal) = self.pass_breaker(&provider, cx) {
            return self.deny(&refusal, cx);
        }
        if grant.max_requests.is_some() {
            self.ask(StoreEffect::Spend(grant.token_id));
            self.state = State::Spending { since: cx.now.mono, grant, provider };
        } else {
            self.connect(grant, provider, cx);
        }
    }

    pub(super) fn on_spent(
        &mut self,
        spent: Result<Spent, Unavailable>,
        grant: Arc<Grant>,
        provider: Arc<Provider>,
        cx: &mut Context<'_>,
    ) {
        match spent {
            Ok(Spent::Allowed(_)) => {
                self.spent = true;
                self.connect(grant, provider, cx);
            }
            Ok(Spent::Exhausted) => self.deny_with(grant, &Refusal::Denied(Denial::QuotaExceeded), cx),
            Err(Unavailable) => self.deny(&Refusal::StoreUnavailable, cx),
        }
    }

    fn connect(&mut self, grant: Arc<Grant>, provider: Arc<Provider>, cx: &Context<'_>) {
        let counts = grant.max_requests.is_none().then_some(grant.token_id);
        self.effect = Some(Effect::Connect(ConnectRequest { provider: provider.clone(), fresh: false, counts }));
        self.state = State::Forwarding(Box::new(Forward::new(grant, provider, cx.now.mono)));
    }

    /// Refuses a request of that grant.
    pub(super) fn deny_with(&mut self, grant: Arc<Grant>, refusal: &Refusal, cx: &mut Context<'_>) {
        self.denied_grant = Some(grant);
        self.deny(refusal, cx);
    }

    /// Refuses. Where policy is the reason, an event of it is handed on; what is merely down, busy or too large leaves
    /// none.
    pub(super) fn deny(&mut self, refusal: &Refusal, cx: &mut Context<'_>) {
        if is_denial(refusal) {
            self.refuse_and_note(refusal, self.voice(), (Action::ProxyRequest, None), cx);
        } else {
            self.refuse(refusal, self.voice(), cx);
        }
    }
}

/// Whether that is a "no" to this caller. An ambiguous path is one too: it is how an endpoint list is tried.
pub(super) const fn is_denial(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Denied(_)
        | Refusal::Path(_)
        | Refusal::EndpointNotFound
        | Refusal::MethodNotAllowed(_)
        | Refusal::ParamNotAllowed(_)
        | Refusal::NotInspectable(_)
        | Refusal::HeaderRequired(_)
        | Refusal::OriginRequired
        | Refusal::OriginNotAllowed
        | Refusal::RateLimited(_) => true,
        Refusal::Malformed(_)
        | Refusal::BadRequest(_)
        | Refusal::NotFound(_)
        | Refusal::ProjectNameTaken
        | Refusal::RequestTimeout(_)
        | Refusal::RequestTooLarge(_)
        | Refusal::Upstream(_)
        | Refusal::CircuitOpen(_)
        | Refusal::StoreUnavailable
        | Refusal::AuditUnavailable
        | Refusal::CacheDisabled
        | Refusal::Draining
        | Refusal::Overloaded => false,
    }
}

/// Who asks, as far as the head can say. Without the key of the digests nobody is told that a token is wrong.
pub(super) fn identify(head: &RequestHead, rules: &Rules) -> Result<TokenDigest, Refusal> {
    let key = rules.token_key.get().ok_or(Refusal::StoreUnavailable)?;
    let credential = client_credential(head.fields(), head.asks_for_websocket()).map_err(Refusal::Denied)?;
    let token = TokenString::parse(credential.bytes).ok_or(Refusal::Denied(Denial::InvalidToken))?;
    Ok(key.digest(&token))
}

/// What admission found out.
struct Admitted {
    /// How many bytes of content the request may have.
    content_limit: u64,
    /// The path that must go upstream, where the client's own could be read as another (see [`NormalPath`]).
    rewritten_path: Option<Box<str>>,
}

/// Whether that grant allows that request at that provider. Top to bottom, in the contract's order.
fn admit(
    request: &NewRequest,
    grant: &Grant,
    provider: &Provider,
    rules: &Rules,
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    let head = &request.head;
    decide(grant, now, rules.enforce_project_active).map_err(Refusal::Denied)?;
    let path = NormalPath::parse(head.path()).map_err(Refusal::Path)?;
    if !provider.endpoints.iter().any(|endpoint| endpoint.contains(&path)) {
        return Err(Refusal::EndpointNotFound);
    }
    if !provider.allows_method(head.method()) {
        return Err(Refusal::MethodNotAllowed(allowed_methods(provider)));
    }
    let limit = provider.max_request_size_for(&path);
    match request.framing {
        Framing::Length(bytes) if bytes > limit => Err(Refusal::RequestTooLarge(limit)),
        Framing::Length(_) | Framing::Empty | Framing::Chunked | Framing::UntilClose => {
            check_origin(provider, head.fields())?;
            let rewritten_path = match path.upstream_path() {
                Cow::Borrowed(_) => None,
                Cow::Owned(path) => Some(path.into_boxed_str()),
            };
            Ok(Admitted { content_limit: limit, rewritten_path })
        }
    }
}

/// For `Allow`: what the provider's entry lists, and `HEAD` where `GET` is.
pub(super) fn allowed_methods(provider: &Provider) -> Vec<Method> {
    let mut methods = provider.methods.clone();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        methods.push(Method::HEAD);
    }
    methods
}
