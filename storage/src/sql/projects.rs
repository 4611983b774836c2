//! Management calls on projects. Each takes a connection; one that changes something takes one within a transaction
//! that its caller began, and leaves it half done where it fails.

use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{CommandError, NewProject, Page, ProjectChange, Reply, RevokedCounts, Subject};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use super::SqlStore;
use super::dialect::{self, Dialect, Value, values};
use super::rows::{self, ProjectRow, key_owner, sql_number};
use super::statements::{self, Statement};
use crate::changes;
use crate::random;
use crate::store::{ExecuteError, StoreError};

const NO_PROJECT: CommandError = CommandError::NotFound(Subject::Project);

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn list_projects(
        &self,
        connection: &mut D::Connection,
        page: Page,
    ) -> Result<Reply, ExecuteError> {
        let total = dialect::one::<D>(connection, &statements::COUNT_PROJECTS, vec![]).await?;
        let window = values![page.limit.map_or(i64::MAX, sql_number), sql_number(page.offset)];
        let found = dialect::all::<D>(connection, &statements::LIST_PROJECTS, window).await?;
        let projects: Result<_, StoreError> =
            found.iter().map(|row| Ok(rows::project::<D>(row, &self.sealer)?.project)).collect();
        Ok(Reply::Projects(projects?, rows::total::<D>(total.as_ref())?))
    }

    pub(super) async fn create_project(
        &self,
        connection: &mut D::Connection,
        new: &NewProject,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let id = ProjectId::new(at, &random::id_seed().map_err(StoreError::from)?);
        let sealed_key = Some(self.seal_key(id, &new.api_key)?);
        let row = ProjectRow { project: changes::new_project(id, new, at), sealed_key };
        write_project::<D>(connection, &statements::INSERT_PROJECT, &row).await?;
        Ok(Reply::ProjectCreated(row.project))
    }

    pub(super) async fn get_project(
        &self,
        connection: &mut D::Connection,
        id: ProjectId,
    ) -> Result<Reply, ExecuteError> {
        Ok(Reply::Project(self.read_project(connection, &statements::READ_PROJECT, id).await?.project))
    }

    pub(super) async fn update_project(
        &self,
        connection: &mut D::Connection,
        (id, change): (ProjectId, &ProjectChange),
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let mut row = self.read_project(connection, &statements::READ_PROJECT_TO_CHANGE, id).await?;
        changes::change_project(&mut row.project, change, at);
        if let Some(key) = &change.api_key {
            row.sealed_key = Some(self.seal_key(id, key)?);
        }
        write_project::<D>(connection, &statements::UPDATE_PROJECT, &row).await?;
        if change.revoke_tokens {
            switch_tokens_off::<D>(connection, id).await?;
        }
        Ok(Reply::Project(row.project))
    }

    pub(super) async fn delete_project(
        &self,
        connection: &mut D::Connection,
        id: ProjectId,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let deleted = dialect::run::<D>(connection, &statements::DELETE_PROJECT, values![at, at, id]).await?;
        if deleted == 0 {
            return Err(NO_PROJECT.into());
        }
        switch_tokens_off::<D>(connection, id).await?;
        Ok(Reply::Gone)
    }

    pub(super) async fn revoke_project_tokens(
        &self,
        connection: &mut D::Connection,
        id: ProjectId,
    ) -> Result<Reply, ExecuteError> {
        self.read_project(connection, &statements::READ_PROJECT_TO_CHANGE, id).await?;
        let total = dialect::one::<D>(connection, &statements::COUNT_TOKENS_OF_PROJECT, values![id]).await?;
        let total_tokens = rows::total::<D>(total.as_ref())?;
        let revoked_count = switch_tokens_off::<D>(connection, id).await?;
        let already_revoked_count = total_tokens.saturating_sub(revoked_count);
        Ok(Reply::Revoked(RevokedCounts { revoked_count, already_revoked_count, total_tokens }))
    }

    /// The project that `statement` finds for `id`.
    pub(super) async fn read_project(
        &self,
        connection: &mut D::Connection,
        statement: &Statement,
        id: impl Into<Value>,
    ) -> Result<ProjectRow, ExecuteError> {
        let row = dialect::one::<D>(connection, statement, vec![id.into()]).await?;
        Ok(rows::project::<D>(&row.ok_or(NO_PROJECT)?, &self.sealer)?)
    }

    fn seal_key(&self, id: ProjectId, key: &Secret) -> Result<String, StoreError> {
        self.sealer.seal(key.reveal().as_bytes(), &key_owner(id)).map_err(StoreError::Seal)
    }
}

/// Inserts or updates: both statements take all columns, in the same order.
async fn write_project<D: Dialect>(
    connection: &mut D::Connection,
    statement: &Statement,
    row: &ProjectRow,
) -> Result<(), ExecuteError> {
    let project = &row.project;
    let columns = values![
        &*project.name,
        &*project.provider,
        row.sealed_key.clone(),
        project.is_active,
        project.deactivated_at,
        project.created_at,
        project.updated_at,
        project.id,
    ];
    dialect::run::<D>(connection, statement, columns).await.map(drop).map_err(name_taken)
}

/// How many were on.
async fn switch_tokens_off<D: Dialect>(connection: &mut D::Connection, id: ProjectId) -> Result<u64, StoreError> {
    Ok(dialect::run::<D>(connection, &statements::REVOKE_TOKENS_OF_PROJECT, values![id]).await?)
}

/// The only unique value that a caller chooses is the name.
fn name_taken(error: sqlx::Error) -> ExecuteError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => CommandError::ProjectNameTaken.into(),
        Some(_) | None => error.into(),
    }
}
