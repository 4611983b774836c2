//! What a store can do, and how it fails. Implementations differ in where they keep things, never in what a caller
//! sees: one list of behaviours is run on all of them (`tests/store`).

use std::fmt::Debug;
use std::num::NonZeroU64;
use std::pin::Pin;

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, Reply};
use llm_proxy_core::quota::{Lease, Settlement};
use llm_proxy_core::time::Timestamp;
use thiserror::Error;

use crate::random::NoRandomness;

/// A store's future, boxed so that stores can stand behind `dyn`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps projects and tokens. A change that was answered is durable as far as the store is durable at all.
///
/// Dropping a future before it ends leaves the change either done or not done, never half done.
pub trait Store: Debug + Send + Sync + 'static {
    /// The key of the token digests, the same for all instances on one database.
    fn token_key(&self) -> &TokenKey;

    /// The grant of the token with that digest; `None` if there is none or its project was deleted.
    fn find_grant(&self, digest: TokenDigest) -> StoreFuture<'_, Result<Option<Grant>, StoreError>>;

    /// Leases at most `wanted` (and at least one) of what remains of a token's limit, in one atomic step: what is leased
    /// is added to `leased_count` if the limit has room for it. Where more than [`largest_lease`] is wanted, that is
    /// granted. `None` if nothing remains; of a token that is not there, or whose project was deleted, nothing does. A
    /// token without a limit grants all that is wanted.
    ///
    /// After an error, or a dropped future, the lease may have been made: the caller must not spend it.
    ///
    /// [`largest_lease`]: llm_proxy_core::quota::largest_lease
    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>>;

    /// Writes what became of leases, all of it or nothing. Limits are not looked at, tokens that are not there are passed
    /// over. Neither count falls below zero.
    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>>;

    /// Adds counted uses, all of them or none. Limits are not looked at, tokens that are not there are passed over.
    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), StoreError>>;

    /// Does what a management call asks, all of it or nothing.
    fn execute(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>>;

    /// Whether the store answers.
    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>>;

    /// Lets go of files and connections. Calls after it fail.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// Uses of one token, added up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenUse {
    /// The token.
    pub token: TokenId,
    /// How many requests.
    pub count: u64,
    /// When the latest was.
    pub last_used_at: Timestamp,
}

/// A store failed. Neither this nor its sources print a stored value.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, is busy for too long, is full, or refused a statement.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A stored value is not of the form that this program writes.
    #[error("the database holds an unreadable value in {0}")]
    Corrupt(&'static str),
    /// A project's upstream key does not open under the encryption key.
    #[error("the upstream key of project {0} cannot be opened; set the project's key again")]
    KeyUnreadable(ProjectId),
    /// A key could not be sealed.
    #[error("a secret could not be sealed")]
    Seal(#[source] crate::seal::SealError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// A settlement failed. The difference matters: one that may have been done must not be repeated.
#[derive(Debug, Error)]
pub enum SettleError {
    /// It was certainly not done.
    #[error("nothing was settled")]
    NotDone(#[from] StoreError),
    /// Whether it was done is not known.
    #[error("whether it was settled is not known")]
    Unknown(#[source] StoreError),
}

impl From<sqlx::Error> for SettleError {
    fn from(error: sqlx::Error) -> Self {
        Self::NotDone(StoreError::Database(error))
    }
}

/// A management call was not done.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// The store works and says no.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl From<sqlx::Error> for ExecuteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(StoreError::Database(error))
    }
}
