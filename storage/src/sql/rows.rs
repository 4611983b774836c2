//! Rows to records. Each column is read as one stated type, whatever value is in it.

use llm_proxy_core::auth::Grant;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, Project, Token};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::seal::{SealError, Sealer};
use crate::store::StoreError;

/// A project and its key as it is stored.
pub(super) struct ProjectRow {
    pub(super) project: Project,
    pub(super) sealed_key: Option<String>,
}

/// A key that does not open is shown as such, and logged; it is no failure of the read.
pub(super) fn project(row: &SqliteRow, sealer: &Sealer) -> Result<ProjectRow, StoreError> {
    let id = project_id(row, "id")?;
    let sealed_key: Option<String> = row.try_get("api_key")?;
    let api_key = match open_key(sealer, sealed_key.as_deref(), id) {
        Ok(key) => KeyView::Masked(key.masked()),
        Err(error) => {
            tracing::error!(project_id = %id, %error, "a stored upstream key cannot be opened");
            KeyView::Unreadable
        }
    };
    let project = Project {
        id,
        name: row.try_get("name")?,
        provider: row.try_get("provider")?,
        api_key,
        is_active: row.try_get("is_active")?,
        deactivated_at: optional_time(row, "deactivated_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    };
    Ok(ProjectRow { project, sealed_key })
}

pub(super) fn token(row: &SqliteRow) -> Result<Token, StoreError> {
    Ok(Token {
        id: token_id(row, "id")?,
        token: row.try_get("mask")?,
        project_id: project_id(row, "project_id")?,
        expires_at: time(row, "expires_at")?,
        is_active: row.try_get("is_active")?,
        request_count: number(row, "request_count")?,
        leased_count: number(row, "leased_count")?,
        max_requests: optional_number(row, "max_requests")?,
        requests_per_minute: optional_number(row, "requests_per_minute")?,
        created_at: time(row, "created_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
        cache_hit_count: number(row, "cache_hit_count")?,
    })
}

/// Without its key a grant is of no use, so here a key that does not open is a failure.
pub(super) fn grant(row: &SqliteRow, sealer: &Sealer) -> Result<Grant, StoreError> {
    let project_id = project_id(row, "project_id")?;
    let sealed_key: Option<String> = row.try_get("api_key")?;
    Ok(Grant {
        token_id: token_id(row, "id")?,
        project_id,
        provider: row.try_get::<String, _>("provider")?.into(),
        upstream_key: open_key(sealer, sealed_key.as_deref(), project_id)
            .map_err(|_| StoreError::KeyUnreadable(project_id))?,
        token_active: row.try_get("is_active")?,
        project_active: row.try_get("project_active")?,
        expires_at: time(row, "expires_at")?,
        max_requests: optional_number(row, "max_requests")?,
        requests_per_minute: optional_number(row, "requests_per_minute")?,
    })
}

/// What a project's key is sealed for: its id in the hyphenated form.
pub(super) fn key_owner(id: ProjectId) -> String {
    id.to_string()
}

/// Counts beyond SQL's integers are as good as the largest of these.
pub(super) fn sql_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn open_key(sealer: &Sealer, sealed: Option<&str>, id: ProjectId) -> Result<Secret, SealError> {
    let bytes = sealer.open(sealed.ok_or(SealError::Unopened)?, &key_owner(id))?;
    let text = str::from_utf8(&bytes).map_err(|_| SealError::Unopened)?;
    Ok(Secret::new(text.to_owned()))
}

fn project_id(row: &SqliteRow, column: &'static str) -> Result<ProjectId, StoreError> {
    ProjectId::parse(row.try_get(column)?).ok_or(StoreError::Corrupt(column))
}

fn token_id(row: &SqliteRow, column: &'static str) -> Result<TokenId, StoreError> {
    TokenId::parse(row.try_get(column)?).ok_or(StoreError::Corrupt(column))
}

fn time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_micros(row.try_get(column)?))
}

fn optional_time(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
}

fn number(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn optional_number(row: &SqliteRow, column: &'static str) -> Result<Option<u64>, StoreError> {
    let number: Option<i64> = row.try_get(column)?;
    number.map(u64::try_from).transpose().map_err(|_| StoreError::Corrupt(column))
}

/// The one number of a `count(*)`.
pub(super) fn count(row: &SqliteRow) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| StoreError::Corrupt("a count"))
}
