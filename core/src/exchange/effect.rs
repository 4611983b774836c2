//! What an exchange asks of the store, and what comes back. Storage performs all of these in one place, for both
//! runtimes.

use std::net::IpAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::audit::Draft;
use crate::auth::{Grant, TokenDigest};
use crate::ids::TokenId;
use crate::manage::{CallFacts, Command, CommandError, Reply};
use crate::quota::{RateCheck, RateKey, RateLimit, RateVerdict};

/// Something only the store can do.
#[derive(Clone, Debug)]
pub enum StoreEffect {
    /// Find the grant of a token. Storage may answer from memory, within the grant age; or that nobody looks, by
    /// [`StoreOutcome::Rates`].
    FindGrant(GrantQuery),
    /// Find a grant in the store itself, whatever is in memory: for what began with a grant, and lasts.
    FindGrantAnew(TokenDigest),
    /// Take one request off a limited token: from a lease, or in one atomic step of the store.
    Spend(TokenId),
    /// Count one request against all of these rates, or against none. Of what cannot be asked (a limiter that several
    /// instances share), storage says by its own settings whether the request is let in: the exchange never hears of it.
    CheckRates(Box<RateCheck>),
    /// Do what a management call asks, and record its event, which is made of the facts and the result. Whatever becomes
    /// of it, exactly one event is storage's to write, also when nobody waits for the outcome any more.
    Manage(Command, Box<CallFacts>),
    /// Record the event of a management call that was refused before it reached the store.
    Record(Box<Draft>),
    /// Say what works.
    CheckHealth,
}

/// Whose grant is to be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrantQuery {
    /// The token's digest.
    pub digest: TokenDigest,
    /// Failures with that token from that address are counted against that limit. Once it is used up, the store itself is
    /// not asked: guesses must not keep it busy.
    pub failures: Option<(IpAddr, RateLimit)>,
}

impl GrantQuery {
    /// What failures with that token count against.
    #[must_use]
    pub fn failures(&self) -> Option<(RateKey, RateLimit)> {
        self.failures.map(|(client, limit)| (RateKey::failed_auth(client, (&self.digest).into()), limit))
    }
}

impl From<TokenDigest> for GrantQuery {
    fn from(digest: TokenDigest) -> Self {
        Self { digest, failures: None }
    }
}

impl StoreEffect {
    /// Whether it may be broken off when nobody waits for its outcome any more. What changes the store is done to its
    /// end.
    #[must_use]
    pub const fn may_be_given_up(&self) -> bool {
        match self {
            Self::FindGrant(_) | Self::FindGrantAnew(_) | Self::CheckHealth => true,
            Self::Spend(_) | Self::CheckRates(_) | Self::Manage(..) | Self::Record(_) => false,
        }
    }

    /// Whether an event is lost with it, if it is never performed. A driver that goes down performs those that it still
    /// holds.
    #[must_use]
    pub const fn leaves_an_event(&self) -> bool {
        match self {
            Self::Manage(..) | Self::Record(_) => true,
            Self::FindGrant(_) | Self::FindGrantAnew(_) | Self::Spend(_) | Self::CheckRates(_) | Self::CheckHealth => {
                false
            }
        }
    }
}

/// The answer to a [`StoreEffect`], variant for variant.
#[derive(Clone, Debug)]
pub enum StoreOutcome {
    /// The grant; `None` if no token has that digest.
    Grant(Result<Option<Arc<Grant>>, Unavailable>),
    /// Whether a request was left.
    Spent(Result<Spent, Unavailable>),
    /// Whether the rates let the request in; unavailable where they are shared and cannot be asked, and storage is not to
    /// judge without. Instead of a grant: it failed too often from that address.
    Rates(Result<RateVerdict, Unavailable>),
    /// What became of a management call.
    Managed(Result<Reply, CommandError>),
    /// Whether the event is durable.
    Recorded(Result<(), Unavailable>),
    /// What works.
    Health(Health),
}

/// What works of that which an instance needs to do all its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// The store can be reached.
    pub store: Component,
    /// Events can be written wherever they are to be written.
    pub audit: Component,
    /// Redis can be used; `None` if nothing is kept there.
    pub redis: Option<Component>,
}

impl Health {
    /// All works.
    pub const UP: Self = Self { store: Component::Up, audit: Component::Up, redis: None };

    /// Whether all works.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!((self.store, self.audit, self.redis), (Component::Up, Component::Up, None | Some(Component::Up)))
    }
}

/// Whether a part works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Component {
    /// It does.
    Up,
    /// It does not. The cause is in the log, never in an answer.
    Down,
}

impl StoreOutcome {
    /// The token that a request was taken off.
    #[must_use]
    pub const fn spent(&self) -> Option<TokenId> {
        if let Self::Spent(Ok(Spent::Allowed(token))) = self { Some(*token) } else { None }
    }
}

/// What became of an attempt to spend one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spent {
    /// One was left, and is taken off this token. If nobody hears of it, it is to be given back.
    Allowed(TokenId),
    /// None was left; nothing was taken.
    Exhausted,
}

/// The store cannot be reached, or failed. The cause is in the log, never in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the store is not available")]
pub struct Unavailable;
