//! What a store can do, and how it fails. Implementations differ in where they keep things, never in what a caller
//! sees: one list of behaviours is run on all of them (`tests/store`).

use std::fmt::{self, Debug};
use std::num::NonZeroU64;
use std::pin::Pin;

use llm_proxy_core::audit::Event;
use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ChainId, EventId, ProjectId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, EventFilter, EventPage, Reply};
use llm_proxy_core::quota::{Lease, Settlement};
use llm_proxy_core::time::Timestamp;
use thiserror::Error;

use crate::import::{ImportBatch, ImportReport};
use crate::random::NoRandomness;

/// A store's future, boxed so that stores can stand behind `dyn`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A page of audit events, how many there are in all, and the page with its `as_of`, as in
/// [`Reply::Events`].
pub type EventList = (Vec<Event>, u64, EventPage);

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
    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), SettleError>>;

    /// Answers a command that [`changes`](is_change) nothing.
    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>>;

    /// Does what a batch of management calls asks, in their order and in one transaction, each call all of it or
    /// nothing. Before the commit it awaits [`ChangeBatch::seal`] and adds the events that it gives. An error means that
    /// nothing was done, or that it is not known: [`ChangeError`].
    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>>;

    /// Adds audit events, all of them or none; those that are there already are passed over.
    fn add_events<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>>;

    /// The events that the filter matches, newest (greatest id) first: the page asked for, how many there are in all,
    /// both up to `page.as_of`. Where that is `None`, up to the newest event there is, whose id is given back in it.
    fn list_events(&self, filter: EventFilter, page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>>;

    /// The event with that id.
    fn get_event(&self, id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>>;

    /// At most `limit` events by id, smallest first, beginning after `cursor`, or with the first one. Within a chain
    /// that is the order of the chain.
    fn events_after(&self, cursor: Option<EventId>, limit: u32) -> StoreFuture<'_, Result<Vec<Event>, StoreError>>;

    /// The event with the greatest id, of that chain or of all.
    fn last_event(&self, chain: Option<ChainId>) -> StoreFuture<'_, Result<Option<Event>, StoreError>>;

    /// Removes the events with these ids, all that are there. The caller has recorded what anchors the rest.
    fn prune_events<'a>(&'a self, ids: &'a [EventId]) -> StoreFuture<'a, Result<(), StoreError>>;

    /// Brings records from elsewhere, all that are new or none. What is here already stays as it is.
    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>>;

    /// Whether the store answers.
    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>>;

    /// Lets go of files and connections. Calls after it fail.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// Management calls that change something, for one transaction.
pub struct ChangeBatch {
    /// The commands, each with its time.
    pub calls: Vec<(Command, Timestamp)>,
    /// Told what became of each call, in order, when all are done and not yet committed: gives the events to add in the
    /// same transaction. If it fails, everything is undone.
    pub seal: Seal,
}

/// See [`ChangeBatch::seal`].
pub type Seal =
    Box<dyn FnOnce(Vec<Result<Reply, ExecuteError>>) -> StoreFuture<'static, Result<Vec<Event>, NotSealed>> + Send>;

impl Debug for ChangeBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeBatch").field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

/// The events of a batch could not be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the audit log does not take the events")]
pub struct NotSealed;

/// A batch was not done.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// Its events could not be recorded. Nothing was changed.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// The store failed. If that was before it asked for the events, nothing was changed; after it, that is not known.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(StoreError::Database(error))
    }
}

/// Whether a command goes to [`Store::change`]; the others go to [`Store::read`].
#[must_use]
pub const fn is_change(command: &Command) -> bool {
    match command {
        Command::CreateProject(_)
        | Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::CreateToken(_)
        | Command::UpdateToken(..)
        | Command::RevokeToken(_) => true,
        Command::ListProjects(_)
        | Command::GetProject(_)
        | Command::ListTokens(..)
        | Command::GetToken(_)
        | Command::ListEvents(..)
        | Command::GetEvent(_)
        | Command::PurgeCache(_) => false,
    }
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
    /// An audit event is not of the form that this program writes.
    #[error("audit event {id:?} was changed: its {column} cannot be read")]
    CorruptEvent {
        /// Its id, as it is stored.
        id: String,
        /// Which column.
        column: &'static str,
    },
    /// A stored value is not of the form that this program writes.
    #[error("the database holds an unreadable value in {0}")]
    Corrupt(&'static str),
    /// A project's upstream key does not open under the encryption key.
    #[error("the upstream key of project {0} cannot be opened; set the project's key again")]
    KeyUnreadable(ProjectId),
    /// A key could not be sealed.
    #[error("a secret could not be sealed")]
    Seal(#[source] crate::seal::SealError),
    /// A read was asked of [`Store::change`], or a change of [`Store::read`].
    #[error("the command was given to the wrong call of the store")]
    WrongCall,
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// What is added up was not written. The difference matters: one that may have been done must not be repeated.
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
