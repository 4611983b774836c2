//! Rows to records. Each column is read as one stated type, whatever value is in it.

use llm_proxy_core::auth::Grant;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, Project, Token};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use super::dialect::Dialect;
use crate::seal::{SealError, Sealer};
use crate::store::StoreError;

/// A project and its key as it is stored.
pub(super) struct ProjectRow {
    pub(super) project: Project,
    pub(super) sealed_key: Option<String>,
}

/// A key that does not open is shown as such, and logged; it is no failure of the read.
pub(super) fn project<D: Dialect>(row: &D::Row, sealer: &Sealer) -> Result<ProjectRow, StoreError> {
    let row = Columns::<D>(row);
    let id = row.project_id("id")?;
    let sealed_key = row.optional_text("api_key")?;
    let api_key = match open_key(sealer, sealed_key.as_deref(), id) {
        Ok(key) => KeyView::Masked(key.masked()),
        Err(error) => {
            tracing::error!(project_id = %id, %error, "a stored upstream key cannot be opened");
            KeyView::Unreadable
        }
    };
    let project = Project {
        id,
        name: row.text("name")?,
        provider: row.text("provider")?,
        api_key,
        is_active: row.flag("is_active")?,
        deactivated_at: row.optional_time("deactivated_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok(ProjectRow { project, sealed_key })
}

pub(super) fn token<D: Dialect>(row: &D::Row) -> Result<Token, StoreError> {
    let row = Columns::<D>(row);
    Ok(Token {
        id: row.token_id("id")?,
        token: row.text("mask")?,
        project_id: row.project_id("project_id")?,
        expires_at: row.time("expires_at")?,
        is_active: row.flag("is_active")?,
        request_count: row.count("request_count")?,
        leased_count: row.count("leased_count")?,
        max_requests: row.optional_count("max_requests")?,
        requests_per_minute: row.optional_count("requests_per_minute")?,
        created_at: row.time("created_at")?,
        last_used_at: row.optional_time("last_used_at")?,
        cache_hit_count: row.count("cache_hit_count")?,
    })
}

/// Without its key a grant is of no use, so here a key that does not open is a failure.
pub(super) fn grant<D: Dialect>(row: &D::Row, sealer: &Sealer) -> Result<Grant, StoreError> {
    let row = Columns::<D>(row);
    let project_id = row.project_id("project_id")?;
    let sealed_key = row.optional_text("api_key")?;
    Ok(Grant {
        token_id: row.token_id("id")?,
        project_id,
        provider: row.text("provider")?.into(),
        upstream_key: open_key(sealer, sealed_key.as_deref(), project_id)
            .map_err(|_| StoreError::KeyUnreadable(project_id))?,
        token_active: row.flag("is_active")?,
        project_active: row.flag("project_active")?,
        expires_at: row.time("expires_at")?,
        max_requests: row.optional_count("max_requests")?,
        requests_per_minute: row.optional_count("requests_per_minute")?,
    })
}

/// The number of a query that counts.
pub(super) fn total<D: Dialect>(row: Option<&D::Row>) -> Result<u64, StoreError> {
    row.map_or(Err(StoreError::Corrupt("a count")), |row| Columns::<D>(row).count("total"))
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

/// A row whose columns are read.
pub(super) struct Columns<'r, D: Dialect>(pub(super) &'r D::Row);

impl<D: Dialect> Columns<'_, D> {
    pub(super) fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(D::text(self.0, column)?)
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.optional_text(column)?.ok_or(StoreError::Corrupt(column))
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(D::flag(self.0, column)?)
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(D::bytes(self.0, column)?)
    }

    pub(super) fn optional_project_id(&self, column: &'static str) -> Result<Option<ProjectId>, StoreError> {
        let id = self.optional_text(column)?.map(|text| ProjectId::parse(&text).ok_or(StoreError::Corrupt(column)));
        id.transpose()
    }

    pub(super) fn optional_token_id(&self, column: &'static str) -> Result<Option<TokenId>, StoreError> {
        let id = self.optional_text(column)?.map(|text| TokenId::parse(&text).ok_or(StoreError::Corrupt(column)));
        id.transpose()
    }

    pub(super) fn project_id(&self, column: &'static str) -> Result<ProjectId, StoreError> {
        ProjectId::parse(&self.text(column)?).ok_or(StoreError::Corrupt(column))
    }

    pub(super) fn token_id(&self, column: &'static str) -> Result<TokenId, StoreError> {
        TokenId::parse(&self.text(column)?).ok_or(StoreError::Corrupt(column))
    }

    pub(super) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(D::number(self.0, column)?.map(Timestamp::from_micros))
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.optional_time(column)?.ok_or(StoreError::Corrupt(column))
    }

    pub(super) fn optional_count(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        D::number(self.0, column)?.map(u64::try_from).transpose().map_err(|_| StoreError::Corrupt(column))
    }

    fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        self.optional_count(column)?.ok_or(StoreError::Corrupt(column))
    }
}
