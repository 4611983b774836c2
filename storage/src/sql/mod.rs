//! Projects and tokens in a SQL database; today SQLite.
//!
//! Reads share a pool. Writes go through one connection, one after the other: SQLite has one writer at a time anyway,
//! and waiting in the pool's queue is fair and wakes at once, where SQLite's own waiting sleeps and polls. Other
//! processes on the same file are waited for by SQLite's busy timeout.
//!
//! What belongs to one database's dialect is in `statements` (the SQL), `migrations` and `open`.

use std::fmt;
use std::num::NonZeroU64;

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{Command, Reply};
use llm_proxy_core::quota::{Lease, Settlement};
use llm_proxy_core::time::Timestamp;
use sqlx::Transaction;
use sqlx::sqlite::SqlitePool;

use crate::seal::Sealer;
use crate::store::{ExecuteError, SettleError, Store, StoreError, StoreFuture, TokenUse};

mod leases;
mod migrations;
mod open;
mod projects;
mod rows;
mod statements;
mod tokens;
mod usage;

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

    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>> {
        Box::pin(self.lease_some(token, wanted))
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>> {
        Box::pin(self.settle_all(settlements))
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), StoreError>> {
        Box::pin(self.write_uses(uses))
    }

    fn execute(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(self.run(command, at))
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

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("readers", &self.readers.size()).finish_non_exhaustive()
    }
}
