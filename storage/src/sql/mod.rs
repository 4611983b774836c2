//! Projects and tokens in a SQL database; today SQLite.
//!
//! Reads share a pool. Writes go through one connection, one after the other: SQLite has one writer at a time anyway,
//! and waiting in the pool's queue is fair and wakes at once, where SQLite's own waiting sleeps and polls. Other
//! processes on the same file are waited for by SQLite's busy timeout.
//!
//! What belongs to one database's dialect is in `statements` (the SQL), `migrations` and `open`.

use std::fmt;

use llm_proxy_core::audit::Event;
use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::{ChainId, EventId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, EventFilter, EventPage, Reply};
use llm_proxy_core::time::Timestamp;
use sqlx::Transaction;
use sqlx::sqlite::SqlitePool;

use crate::import::{ImportBatch, ImportReport};
use crate::seal::Sealer;
use crate::store::{ChangeBatch, ChangeError, EventList, ExecuteError, Store, StoreError, StoreFuture, TokenUse};

mod import;
mod migrations;
mod open;
pub(crate) mod original;
mod projects;
pub(crate) mod reseal;
mod rows;
mod statements;
mod temporary;
mod tokens;
mod usage;

pub(crate) use temporary::is_temporary;

/// The database behind the pool: the one place that names it.
type Db = sqlx::Sqlite;

/// A [`Store`] in a SQL database.
pub struct SqlStore {
    readers: SqlitePool,
    writer: SqlitePool,
    sealer: Sealer,
    token_key: TokenKey,
}

impl SqlStore {
    /// A transaction for a consistent read.
    async fn begin_read(&self) -> Result<Transaction<'static, Db>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// A transaction that holds the write lock. It is undone unless committed.
    async fn begin_write(&self) -> Result<Transaction<'static, Db>, StoreError> {
        Ok(self.writer.begin_with(statements::BEGIN_WRITE).await?)
    }

    async fn run(&self, command: Command, at: Timestamp) -> Result<Reply, ExecuteError> {
        match command {
            Command::ListProjects(page) => self.list_projects(page).await,
            Command::CreateProject(new) => self.create_project(new, at).await,
            Command::GetProject(id) => self.get_project(id).await,
            Command::UpdateProject(id, change) => self.update_project(id, change, at).await,
            Command::DeleteProject(id) => self.delete_project(id, at).await,
            Command::RevokeProjectTokens(id) => self.revoke_project_tokens(id).await,
            Command::ListTokens(filter, page) => self.list_tokens(filter, page, at).await,
            Command::CreateToken(new) => self.create_token(new, at).await,
            Command::GetToken(id) => self.get_token(id).await,
            Command::UpdateToken(id, change) => self.update_token(id, change).await,
            Command::RevokeToken(id) => self.revoke_token(id).await,
            // sql: to be written
            Command::ListEvents(..) | Command::GetEvent(_) => Err(to_be_written().into()),
            Command::PurgeCache(_) => Err(CommandError::CacheDisabled.into()),
        }
    }
}

impl Store for SqlStore {
    fn token_key(&self) -> &TokenKey {
        &self.token_key
    }

    fn find_grant(&self, digest: TokenDigest) -> StoreFuture<'_, Result<Option<Grant>, StoreError>> {
        Box::pin(self.read_grant(digest))
    }

    fn spend(&self, token: TokenId, at: Timestamp) -> StoreFuture<'_, Result<Spent, StoreError>> {
        Box::pin(self.spend_one(token, at))
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), StoreError>> {
        Box::pin(self.write_uses(uses))
    }

    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(self.run(command, at))
    }

    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>> {
        // sql: to be written (one transaction, a savepoint a call, the events in it)
        Box::pin(async move {
            let mut results = Vec::with_capacity(batch.calls.len());
            for (command, at) in batch.calls {
                results.push(self.run(command, at).await);
            }
            let events = (batch.seal)(results).await?;
            if events.is_empty() { Ok(()) } else { Err(to_be_written().into()) }
        })
    }

    fn add_events<'a>(&'a self, _events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn list_events(&self, _filter: EventFilter, _page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn get_event(&self, _id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn events_after(&self, _cursor: Option<EventId>, _limit: u32) -> StoreFuture<'_, Result<Vec<Event>, StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn last_event(&self, _chain: Option<ChainId>) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn prune_events<'a>(&'a self, _ids: &'a [EventId]) -> StoreFuture<'a, Result<(), StoreError>> {
        // sql: to be written
        Box::pin(async { Err(to_be_written()) })
    }

    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>> {
        Box::pin(self.import_all(batch))
    }

    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(sqlx::query(statements::PING).execute(&self.readers).await.map(drop)?) })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            // The writer last: the connection that closes last writes the log back into the database file.
            self.readers.close().await;
            self.writer.close().await;
        })
    }
}

fn to_be_written() -> StoreError {
    StoreError::Database(sqlx::Error::Protocol("this store keeps no audit events".to_owned()))
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("readers", &self.readers.size()).finish_non_exhaustive()
    }
}
