//! Management calls on projects.

use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{CommandError, NewProject, Page, ProjectChange, Reply, RevokedCounts, Subject};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::rows::{self, ProjectRow, key_owner, sql_number};
use super::{Db, SqlStore, statements};
use crate::changes;
use crate::random;
use crate::store::{ExecuteError, StoreError};

const NO_PROJECT: CommandError = CommandError::NotFound(Subject::Project);

impl SqlStore {
    pub(super) async fn list_projects(&self, page: Page) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_read().await?;
        let total = sqlx::query(statements::COUNT_PROJECTS).fetch_one(&mut *transaction).await?;
        let found = sqlx::query(statements::LIST_PROJECTS)
            .bind(page.limit.map_or(i64::MAX, sql_number))
            .bind(sql_number(page.offset))
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let projects: Result<_, StoreError> =
            found.iter().map(|row| Ok(rows::project(row, &self.sealer)?.project)).collect();
        Ok(Reply::Projects(projects?, rows::count(&total)?))
    }

    pub(super) async fn create_project(&self, new: NewProject, at: Timestamp) -> Result<Reply, ExecuteError> {
        let id = ProjectId::new(at, &random::id_seed().map_err(StoreError::from)?);
        let sealed_key = Some(self.seal_key(id, &new.api_key)?);
        let row = ProjectRow { project: changes::new_project(id, &new, at), sealed_key };
        bind_project(statements::INSERT_PROJECT, &row).execute(&self.writer).await.map_err(name_taken)?;
        Ok(Reply::ProjectCreated(row.project))
    }

    pub(super) async fn get_project(&self, id: ProjectId) -> Result<Reply, ExecuteError> {
        let mut connection = self.readers.acquire().await?;
        Ok(Reply::Project(self.read_project(&mut connection, id).await?.project))
    }

    pub(super) async fn update_project(
        &self,
        id: ProjectId,
        change: ProjectChange,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_write().await?;
        let mut row = self.read_project(&mut transaction, id).await?;
        changes::change_project(&mut row.project, &change, at);
        if let Some(key) = &change.api_key {
            row.sealed_key = Some(self.seal_key(id, key)?);
        }
        bind_project(statements::UPDATE_PROJECT, &row).execute(&mut *transaction).await.map_err(name_taken)?;
        if change.revoke_tokens {
            switch_tokens_off(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        Ok(Reply::Project(row.project))
    }

    pub(super) async fn delete_project(&self, id: ProjectId, at: Timestamp) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_write().await?;
        let deleted = sqlx::query(statements::DELETE_PROJECT)
            .bind(id.to_string())
            .bind(at.as_micros())
            .execute(&mut *transaction)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(NO_PROJECT.into());
        }
        switch_tokens_off(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(Reply::Gone)
    }

    pub(super) async fn revoke_project_tokens(&self, id: ProjectId) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_write().await?;
        self.read_project(&mut transaction, id).await?;
        let total =
            sqlx::query(statements::COUNT_TOKENS_OF_PROJECT).bind(id.to_string()).fetch_one(&mut *transaction).await?;
        let total_tokens = rows::count(&total)?;
        let revoked_count = switch_tokens_off(&mut transaction, id).await?;
        transaction.commit().await?;
        let already_revoked_count = total_tokens.saturating_sub(revoked_count);
        Ok(Reply::Revoked(RevokedCounts { revoked_count, already_revoked_count, total_tokens }))
    }

    pub(super) async fn read_project(
        &self,
        connection: &mut SqliteConnection,
        id: ProjectId,
    ) -> Result<ProjectRow, ExecuteError> {
        let row = sqlx::query(statements::READ_PROJECT).bind(id.to_string()).fetch_optional(connection).await?;
        Ok(rows::project(&row.ok_or(NO_PROJECT)?, &self.sealer)?)
    }

    fn seal_key(&self, id: ProjectId, key: &Secret) -> Result<String, StoreError> {
        self.sealer.seal(key.reveal().as_bytes(), &key_owner(id)).map_err(StoreError::Seal)
    }
}

/// Both statements take all columns, in the same order.
fn bind_project<'q>(statement: &'static str, row: &'q ProjectRow) -> Query<'q, Db, SqliteArguments> {
    let project = &row.project;
    sqlx::query(statement)
        .bind(project.id.to_string())
        .bind(&project.name)
        .bind(&project.provider)
        .bind(&row.sealed_key)
        .bind(project.is_active)
        .bind(project.deactivated_at.map(Timestamp::as_micros))
        .bind(project.created_at.as_micros())
        .bind(project.updated_at.as_micros())
}

/// How many were on.
async fn switch_tokens_off(connection: &mut SqliteConnection, id: ProjectId) -> Result<u64, StoreError> {
    let done = sqlx::query(statements::REVOKE_TOKENS_OF_PROJECT).bind(id.to_string()).execute(connection).await?;
    Ok(done.rows_affected())
}

/// The only unique value that a caller chooses is the name.
fn name_taken(error: sqlx::Error) -> ExecuteError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => CommandError::ProjectNameTaken.into(),
        Some(_) | None => error.into(),
    }
}
