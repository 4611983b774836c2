//! Where the exchange meets origins: the answer to a preflight, the gate's rule, and whose list an answer goes by.
//!
//! Before the token is known, nobody knows the provider either, so a candidate is taken by the path. Where no provider
//! lists origins, nothing here does more than see that.

use std::sync::Arc;

use http::StatusCode;

use super::Exchange;
use super::admission::allowed_methods;
use super::answer::LocalAnswer;
use super::message::{Context, Outcome};
use crate::http1::{Fields, RequestHead};
use crate::proxy::{Cors, is_preflight, preflight_fields};
use crate::reject::Refusal;
use crate::routing::NormalPath;
use crate::rules::Rules;
use crate::settings::{Provider, Providers, Standing};

/// Whose list of origins an answer goes by.
#[derive(Clone, Debug)]
pub(super) enum ListOf {
    /// Nobody's: one of our own routes, or an answer that says all of it already.
    Nobody,
    /// The candidate's: the provider is not known yet.
    Candidate,
    /// The provider's of the token.
    Provider(Arc<Provider>),
}

impl Exchange {
    /// Answers a preflight, which has no token, if the candidate lists origins. Says whether it did. Nothing is told
    /// of paths, only whether the origin is listed.
    pub(super) fn answers_preflight(&mut self, cx: &mut Context<'_>) -> bool {
        let head = &self.request.head;
        if !is_preflight(head.method(), head.fields()) {
            return false;
        }
        let Some(provider) = candidate(&cx.rules.providers.load(), head.path()) else { return false };
        match provider.allowed_origins.as_ref().map(|origins| origins.judge(head.fields())) {
            Some(Standing::Listed(origin)) => {
                let fields = preflight_fields(origin, head.fields(), &allowed_methods(&provider));
                self.list_of = ListOf::Nobody;
                let answer =
                    LocalAnswer { status: StatusCode::NO_CONTENT, content_type: "", fields: &fields, content: b"" };
                self.answer(&answer, Outcome::Completed, cx);
                true
            }
            Some(Standing::NotListed) => {
                self.deny(&Refusal::OriginNotAllowed, cx);
                true
            }
            Some(Standing::NoOrigin) | None => false,
        }
    }
}

impl ListOf {
    /// The list of the provider that the request is for.
    pub(super) fn of(provider: &Arc<Provider>) -> Self {
        if provider.allowed_origins.is_some() { Self::Provider(provider.clone()) } else { Self::Nobody }
    }

    /// What an answer to that request says of origins.
    pub(super) fn cors<'a>(&self, head: &'a RequestHead, rules: &Rules) -> Option<Cors<'a>> {
        match self {
            Self::Nobody => None,
            Self::Candidate => Cors::of(&*candidate(&rules.providers.load(), head.path())?, head.fields()),
            Self::Provider(provider) => Cors::of(provider, head.fields()),
        }
    }
}

/// The rule of the gate: each required field is there and not empty, and the origin, where there is one, is listed. A
/// request without an origin is no browser's, and passes unless `origin` is required.
pub(super) fn check_origin(provider: &Provider, fields: &Fields) -> Result<(), Refusal> {
    for name in &provider.required_headers {
        if fields.get_all(name).all(<[u8]>::is_empty) {
            return Err(if name.eq_ignore_ascii_case("origin") {
                Refusal::OriginRequired
            } else {
                Refusal::HeaderRequired(name.clone())
            });
        }
    }
    match provider.allowed_origins.as_ref().map(|origins| origins.judge(fields)) {
        Some(Standing::NotListed) => Err(Refusal::OriginNotAllowed),
        Some(Standing::Listed(_) | Standing::NoOrigin) | None => Ok(()),
    }
}

/// The provider that a request is probably for: the default one if it has that path, else the only one that has it,
/// else the default one. `None` where no provider lists origins, since then nobody needs to know.
fn candidate(providers: &Providers, path: &str) -> Option<Arc<Provider>> {
    if !providers.by_name.values().any(|provider| provider.allowed_origins.is_some()) {
        return None;
    }
    let default = providers.by_name.get(&providers.default);
    let Ok(path) = NormalPath::parse(path) else { return default.cloned() };
    let has = |provider: &Arc<Provider>| provider.endpoints.iter().any(|endpoint| endpoint.contains(&path));
    if default.is_some_and(has) {
        return default.cloned();
    }
    let mut having = providers.by_name.values().filter(|provider| has(provider));
    match (having.next(), having.next()) {
        (Some(only), None) => Some(only.clone()),
        (_, _) => default.cloned(),
    }
}
