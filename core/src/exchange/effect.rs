//! What an exchange asks of the store, and what comes back. Storage performs all of these in one place, for both
//! runtimes.

use std::sync::Arc;

use thiserror::Error;

use crate::auth::{Grant, TokenDigest};
use crate::ids::TokenId;
use crate::manage::{Command, CommandError, Reply};

/// Something only the store can do.
#[derive(Clone, Debug)]
pub enum StoreEffect {
    /// Find the grant of the token with that digest. Storage may answer from memory, within the grant age.
    FindGrant(TokenDigest),
    /// Take one request off a limited token: from a lease, or in one atomic step of the store.
    Spend(TokenId),
    /// Do what a management call asks.
    Manage(Command),
    /// Say whether the store can be reached.
    CheckHealth,
}

impl StoreEffect {
    /// Whether it may be broken off when nobody waits for its outcome any more. What changes the store is done to its
    /// end.
    #[must_use]
    pub const fn may_be_given_up(&self) -> bool {
        match self {
            Self::FindGrant(_) | Self::CheckHealth => true,
            Self::Spend(_) | Self::Manage(_) => false,
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
    /// What became of a management call.
    Managed(Result<Reply, CommandError>),
    /// Whether the store can be reached.
    Health(Result<(), Unavailable>),
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
