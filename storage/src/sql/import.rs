//! Records from elsewhere, brought in one transaction. Its statements are here, not in `statements`: nothing else uses
//! them.

use llm_proxy_core::auth::TokenDigest;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::Token;
use llm_proxy_core::time::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::SqlStore;
use super::rows::{key_owner, sql_number};
use crate::import::plan::{Existing, Presence, plan};
use crate::import::{ImportBatch, ImportReport, ImportedProject};
use crate::store::StoreError;

const EXISTING_PROJECTS: &str = "SELECT id, name, deleted_at IS NOT NULL AS deleted FROM projects";
const EXISTING_TOKENS: &str = "SELECT id, digest FROM tokens";

const INSERT_PROJECT: &str = "\
    INSERT INTO projects (id, name, provider, api_key, is_active, deactivated_at, created_at, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const INSERT_TOKEN: &str = "\
    INSERT INTO tokens (id, project_id, digest, mask, expires_at, is_active, request_count, max_requests, \
           requests_per_minute, created_at, last_used_at, cache_hit_count) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

impl SqlStore {
    pub(super) async fn import_all(&self, batch: ImportBatch) -> Result<ImportReport, StoreError> {
        let mut transaction = self.begin_write().await?;
        let plan = plan(batch, read_existing(&mut transaction).await?, &self.token_key);
        for project in &plan.projects {
            self.insert_project(&mut transaction, project).await?;
        }
        for (token, digest) in &plan.tokens {
            insert_token(&mut transaction, token, digest).await?;
        }
        transaction.commit().await?;
        Ok(plan.report)
    }

    async fn insert_project(
        &self,
        connection: &mut SqliteConnection,
        project: &ImportedProject,
    ) -> Result<(), StoreError> {
        let record = &project.record;
        let sealed =
            self.sealer.seal(project.key.reveal().as_bytes(), &key_owner(record.id)).map_err(StoreError::Seal)?;
        sqlx::query(INSERT_PROJECT)
            .bind(record.id.to_string())
            .bind(&record.name)
            .bind(&record.provider)
            .bind(sealed)
            .bind(record.is_active)
            .bind(record.deactivated_at.map(Timestamp::as_micros))
            .bind(record.created_at.as_micros())
            .bind(record.updated_at.as_micros())
            .execute(connection)
            .await?;
        Ok(())
    }
}

async fn insert_token(
    connection: &mut SqliteConnection,
    token: &Token,
    digest: &TokenDigest,
) -> Result<(), StoreError> {
    sqlx::query(INSERT_TOKEN)
        .bind(token.id.to_string())
        .bind(token.project_id.to_string())
        .bind(digest.as_bytes().to_vec())
        .bind(&token.token)
        .bind(token.expires_at.as_micros())
        .bind(token.is_active)
        .bind(sql_number(token.request_count))
        .bind(token.max_requests.map(sql_number))
        .bind(token.requests_per_minute.map(sql_number))
        .bind(token.created_at.as_micros())
        .bind(token.last_used_at.map(Timestamp::as_micros))
        .bind(sql_number(token.cache_hit_count))
        .execute(connection)
        .await?;
    Ok(())
}

async fn read_existing(connection: &mut SqliteConnection) -> Result<Existing, StoreError> {
    let mut existing = Existing::default();
    for row in sqlx::query(EXISTING_PROJECTS).fetch_all(&mut *connection).await? {
        let id = ProjectId::parse(row.try_get("id")?).ok_or(StoreError::Corrupt("id"))?;
        let deleted: bool = row.try_get("deleted")?;
        existing.projects.insert(id, if deleted { Presence::Deleted } else { Presence::Living });
        if !deleted {
            existing.names.insert(row.try_get("name")?);
        }
    }
    for row in sqlx::query(EXISTING_TOKENS).fetch_all(connection).await? {
        let digest = row.try_get::<&[u8], _>("digest")?.try_into().map_err(|_| StoreError::Corrupt("digest"))?;
        existing.digests.insert(TokenDigest::from_bytes(digest));
        existing.token_ids.insert(TokenId::parse(row.try_get("id")?).ok_or(StoreError::Corrupt("id"))?);
    }
    Ok(existing)
}
