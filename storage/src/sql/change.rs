//! A batch of management calls and their events, in one transaction.

use llm_proxy_core::audit::Event;
use llm_proxy_core::manage::{Command, Reply};
use llm_proxy_core::time::Timestamp;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::attempts::Attempts;
use super::connections::Lent;
use super::dialect::{self, Dialect, values};
use super::keys::TOKEN_KEY;
use super::statements::{Statement, as_text, statement, unnumbered};
use super::{SqlStore, events};
use crate::store::{ChangeBatch, ChangeError, ExecuteError, Seal, StoreError, is_change};

/// So that of batches of several calls, and of imports, one is made after the other. They would wait for each other in a
/// circle, whatever they lock and in whatever order, be undone, and meet again. A call alone does not wait for a batch
/// about something else.
pub(super) const WAIT_FOR_BATCHES: Statement =
    statement!("SELECT name FROM secrets WHERE name = $1"; lock "FOR UPDATE");

// sqlx has savepoints too, but what it queues for one that was dropped fails in MySQL after a deadlock, which leaves
// no savepoint, and then the connection waits for an answer that never comes.
const BEGIN_CALL: &str = "SAVEPOINT call_of_batch";
const KEEP_CALL: &str = "RELEASE SAVEPOINT call_of_batch";
const UNDO_CALL: &str = "ROLLBACK TO SAVEPOINT call_of_batch; RELEASE SAVEPOINT call_of_batch";

/// What became of each call.
type Results = Vec<Result<Reply, ExecuteError>>;

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn change_all(&self, batch: ChangeBatch) -> Result<(), ChangeError> {
        let mut connection = self.writer.lend().await?;
        let changed = self.change_on(&mut connection, batch).await;
        connection.give_back();
        changed
    }

    /// Does the calls again if the database undid them; once the events are asked for, never.
    async fn change_on(
        &self,
        connection: &mut Lent<'_, D>,
        ChangeBatch { calls, seal }: ChangeBatch,
    ) -> Result<(), ChangeError> {
        let mut attempts = Attempts::default();
        loop {
            let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
            let error = match self.perform_all(&mut transaction, &calls).await {
                Ok(results) => match finish::<D>(&mut transaction, results, seal).await {
                    Ok(()) => return Ok(transaction.commit().await?),
                    Err(error) => {
                        // What failed is the thing to tell; a transaction that cannot be undone goes with its connection.
                        let _ = transaction.rollback().await;
                        return Err(error);
                    }
                },
                Err(error) => error,
            };
            let _ = transaction.rollback().await;
            if !attempts.try_again::<D>(Some(&error)) {
                return Err(error.into());
            }
        }
    }

    /// Performs the calls, each all of it or nothing. An error is one of the whole transaction.
    async fn perform_all(
        &self,
        connection: &mut D::Connection,
        calls: &[(Command, Timestamp)],
    ) -> Result<Results, sqlx::Error> {
        if calls.len() > 1 {
            dialect::one::<D>(connection, &WAIT_FOR_BATCHES, values![TOKEN_KEY]).await?;
        }
        let mut results = Vec::with_capacity(calls.len());
        for (command, at) in calls {
            results.push(self.perform_one(connection, command, *at).await?);
        }
        Ok(results)
    }

    async fn perform_one(
        &self,
        connection: &mut D::Connection,
        command: &Command,
        at: Timestamp,
    ) -> Result<Result<Reply, ExecuteError>, sqlx::Error> {
        if !is_change(command) {
            return Ok(Err(StoreError::WrongCall.into()));
        }
        D::control(connection, BEGIN_CALL).await?;
        match self.perform(connection, command, at).await {
            Ok(reply) => D::control(connection, KEEP_CALL).await.map(|()| Ok(reply)),
            Err(ExecuteError::Failed(StoreError::Database(error))) => {
                if !is_of_the_call::<D>(&error) || D::control(connection, UNDO_CALL).await.is_err() {
                    return Err(error);
                }
                Ok(Err(error.into()))
            }
            Err(error) => D::control(connection, UNDO_CALL).await.map(|()| Err(error)),
        }
    }
}

/// Whether only the call that met the error failed, so that the others may go on. Where the database undid more, there
/// is no savepoint any more either.
fn is_of_the_call<D: Dialect>(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| !D::was_undone(error) && !D::is_passing(error))
}

async fn finish<D: Dialect>(connection: &mut D::Connection, results: Results, seal: Seal) -> Result<(), ChangeError> {
    let events: Vec<Event> = seal(results).await?;
    Ok(events::insert::<D>(connection, &events).await?)
}

#[cfg(test)]
pub(super) const ALL: [Statement; 1] = [WAIT_FOR_BATCHES];
