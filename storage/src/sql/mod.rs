//! Projects and tokens in a SQL database: SQLite, PostgreSQL, MySQL or MariaDB.
//!
//! One code for all. What they do differently is in [`dialect`] and the module of each, and beside the other statements
//! in `statements`.
//!
//! On SQLite, reads share a pool, and writes go through one connection, one after the other: SQLite has one writer at a
//! time anyway, and waiting in the pool's queue is fair and wakes at once, where SQLite's own waiting sleeps and polls.
//! Other processes on the same file are waited for by SQLite's busy timeout. On a server there is one pool; a
//! transaction that reads what it then writes locks the rows, and one that the database undid is done again.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use llm_proxy_core::audit::Event;
use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ChainId, EventId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, EventFilter, EventPage, Reply, Subject};
use llm_proxy_core::quota::{Lease, Settlement};
use llm_proxy_core::time::Timestamp;
use sqlx::{Connection as _, SqlSafeStr as _, Sqlite};

use crate::import::{ImportBatch, ImportReport};
use crate::seal::Sealer;
use crate::store::{
    ChangeBatch, ChangeError, EventList, ExecuteError, SettleError, Store, StoreError, StoreFuture, TokenUse, is_change,
};

mod alone;
mod attempts;
mod change;
mod connections;
mod dialect;
mod event_statements;
mod events;
mod import;
mod keys;
mod leases;
pub(crate) mod migrate;
mod migrations;
mod mysql;
pub(crate) mod original;
mod postgres;
mod projects;
pub(crate) mod reseal;
mod rows;
mod server;
mod sqlite;
mod sqlite_file;
mod statements;
mod tokens;
pub(crate) mod trouble;
pub(crate) mod url;
mod usage;

use connections::Connections;
use dialect::Dialect;

/// A [`Store`] in a SQL database of the kind `D`.
pub struct SqlStore<D: Dialect = Sqlite> {
    readers: Arc<Connections<D>>,
    /// On a server the same.
    writer: Arc<Connections<D>>,
    sealer: Sealer,
    token_key: TokenKey,
}

impl<D: Dialect> SqlStore<D> {
    /// Answers a command that changes nothing.
    async fn answer(&self, command: &Command, at: Timestamp) -> Result<Reply, ExecuteError> {
        if is_change(command) {
            return Err(StoreError::WrongCall.into());
        }
        let mut connection = self.readers.lend().await?;
        let reply = if is_one_read(command) {
            self.perform(&mut connection, command, at).await
        } else {
            self.perform_in_one_state(&mut connection, command, at).await
        };
        connection.give_back();
        reply
    }

    /// Performs a command all of whose reads must see one state.
    async fn perform_in_one_state(
        &self,
        connection: &mut D::Connection,
        command: &Command,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let mut transaction = connection.begin_with(D::BEGIN_READ.into_sql_str()).await?;
        let reply = self.perform(&mut transaction, command, at).await?;
        transaction.commit().await?;
        Ok(reply)
    }

    /// Does what a command asks. The connection is in a transaction, but for [one read](is_one_read).
    async fn perform(
        &self,
        connection: &mut D::Connection,
        command: &Command,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        match command {
            Command::ListProjects(page) => self.list_projects(connection, *page).await,
            Command::CreateProject(new) => self.create_project(connection, new, at).await,
            Command::GetProject(id) => self.get_project(connection, *id).await,
            Command::UpdateProject(id, change) => self.update_project(connection, (*id, change), at).await,
            Command::DeleteProject(id) => self.delete_project(connection, *id, at).await,
            Command::RevokeProjectTokens(id) => self.revoke_project_tokens(connection, *id).await,
            Command::ListTokens(filter, page) => self.list_tokens(connection, (filter, *page), at).await,
            Command::CreateToken(new) => self.create_token(connection, new, at).await,
            Command::GetToken(id) => self.get_token(connection, *id).await,
            Command::UpdateToken(id, change) => self.update_token(connection, (*id, change)).await,
            Command::RevokeToken(id) => self.revoke_token(connection, *id).await,
            Command::ListEvents(filter, page) => {
                let (events, total, page) = events::list::<D>(connection, filter, *page).await?;
                Ok(Reply::Events(events, total, page))
            }
            Command::GetEvent(id) => {
                let event = events::read::<D>(connection, *id).await?;
                Ok(Reply::Event(Box::new(event.ok_or(CommandError::NotFound(Subject::Event))?)))
            }
            Command::PurgeCache(_) => Err(CommandError::CacheDisabled.into()),
        }
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let mut connection = self.readers.lend().await?;
        let answer = dialect::one::<D>(&mut connection, &statements::PING, vec![]).await;
        connection.give_back();
        Ok(answer.map(drop)?)
    }
}

/// Whether one statement answers the command.
const fn is_one_read(command: &Command) -> bool {
    matches!(command, Command::GetProject(_) | Command::GetToken(_) | Command::GetEvent(_))
}

impl<D: Dialect> Store for SqlStore<D> {
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

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), SettleError>> {
        Box::pin(self.write_uses(uses))
    }

    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(async move { self.answer(&command, at).await })
    }

    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>> {
        Box::pin(self.change_all(batch))
    }

    fn add_events<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>> {
        Box::pin(self.write_events(events))
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>> {
        Box::pin(async move { self.read_event_page(&filter, page).await })
    }

    fn get_event(&self, id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        Box::pin(self.read_event(id))
    }

    fn events_after(&self, cursor: Option<EventId>, limit: u32) -> StoreFuture<'_, Result<Vec<Event>, StoreError>> {
        Box::pin(self.read_events_after(cursor, limit))
    }

    fn last_event(&self, chain: Option<ChainId>) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        Box::pin(self.read_last_event(chain))
    }

    fn prune_events<'a>(&'a self, ids: &'a [EventId]) -> StoreFuture<'a, Result<(), StoreError>> {
        Box::pin(self.delete_events(ids))
    }

    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>> {
        Box::pin(self.import_all(batch))
    }

    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask())
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            // The writer last: the connection to SQLite that closes last writes the log back into the database file.
            self.readers.pool.close().await;
            self.writer.pool.close().await;
        })
    }
}

impl<D: Dialect> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("kind", &D::NAME).finish_non_exhaustive()
    }
}
