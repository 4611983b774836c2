//! A batch of management calls and their events, in one transaction.

use llm_proxy_core::audit::Event;
use llm_proxy_core::manage::{Command, Reply};
use llm_proxy_core::time::Timestamp;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::attempts::Attempts;
use super::connections::Lent;
use super::dialect::Dialect;
use super::{SqlStore, events};
use crate::store::{ChangeBatch, ChangeError, ExecuteError, Seal, StoreError};

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
        let mut results = Vec::with_capacity(calls.len());
        for (command, at) in calls {
            let mut savepoint = connection.begin().await?;
            match self.perform(&mut savepoint, command, *at).await {
                Ok(reply) => {
                    savepoint.commit().await?;
                    results.push(Ok(reply));
                }
                Err(ExecuteError::Failed(StoreError::Database(error))) if !is_of_the_call::<D>(&error) => {
                    return Err(error);
                }
                Err(error) => {
                    savepoint.rollback().await?;
                    results.push(Err(error));
                }
            }
        }
        Ok(results)
    }
}

/// Whether only the call that met the error failed, so that the others may go on.
fn is_of_the_call<D: Dialect>(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| !D::was_undone(error) && !D::is_passing(error))
}

async fn finish<D: Dialect>(connection: &mut D::Connection, results: Results, seal: Seal) -> Result<(), ChangeError> {
    let events: Vec<Event> = seal(results).await?;
    Ok(events::insert::<D>(connection, &events).await?)
}
