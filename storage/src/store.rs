//! What a store can do, and how it fails. Implementations differ in where they keep things, never in what a caller
//! sees: one list of behaviours is run on all of them (`tests/store`).

use std::fmt::Debug;
use std::pin::Pin;

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, Reply};
use llm_proxy_core::time::Timestamp;
use thiserror::Error;

use crate::import::{ImportBatch, ImportReport};
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

    /// Takes one request off a token and notes the time, in one atomic step. Exhausted if its limit is reached; a token
    /// that is not there, or whose project was deleted, has nothing left either.
    fn spend(&self, token: TokenId, at: Timestamp) -> StoreFuture<'_, Result<Spent, StoreError>>;

    /// Adds counted uses, all of them or none. Limits are not looked at, tokens that are not there are passed over.
    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), StoreError>>;

    /// Does what a management call asks, all of it or nothing.
    fn execute(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>>;

    /// Brings records from elsewhere, all that are new or none. What is here already stays as it is.
    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>>;

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
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    NoAnswer,
    /// The store has not been opened.
    #[error("the database is not open yet")]
    NotOpen,
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
