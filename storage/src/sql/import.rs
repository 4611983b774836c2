//! Records from elsewhere, brought in one transaction.

use llm_proxy_core::auth::TokenDigest;
use llm_proxy_core::manage::Token;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::change::WAIT_FOR_BATCHES;
use super::dialect::{self, Dialect, values};
use super::keys::TOKEN_KEY;
use super::rows::{Columns, key_owner, sql_number};
use super::statements::{Statement, as_text, statement, unnumbered};
use super::{SqlStore, statements};
use crate::import::plan::{Existing, Presence, plan};
use crate::import::{ImportBatch, ImportReport, ImportedProject};
use crate::store::StoreError;

const EXISTING_PROJECTS: Statement = statement!("SELECT id, name, deleted_at FROM projects");
const EXISTING_TOKENS: Statement = statement!("SELECT id, digest FROM tokens");

const INSERT_TOKEN: Statement = statement!(
    "INSERT INTO tokens (id, project_id, digest, mask, expires_at, is_active, request_count, max_requests, \
            requests_per_minute, created_at, last_used_at, cache_hit_count) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
);

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn import_all(&self, batch: ImportBatch) -> Result<ImportReport, StoreError> {
        let mut connection = self.writer.lend().await?;
        let imported = self.import_on(&mut connection, batch).await;
        connection.give_back();
        imported
    }

    async fn import_on(&self, connection: &mut D::Connection, batch: ImportBatch) -> Result<ImportReport, StoreError> {
        let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
        // Two imports at the same time would find the same free names.
        dialect::one::<D>(&mut transaction, &WAIT_FOR_BATCHES, values![TOKEN_KEY]).await?;
        let plan = plan(batch, read_existing::<D>(&mut transaction).await?, &self.token_key);
        for project in &plan.projects {
            self.insert_project(&mut transaction, project).await?;
        }
        for (token, digest) in &plan.tokens {
            insert_token::<D>(&mut transaction, token, digest).await?;
        }
        transaction.commit().await?;
        Ok(plan.report)
    }

    async fn insert_project(
        &self,
        connection: &mut D::Connection,
        project: &ImportedProject,
    ) -> Result<(), StoreError> {
        let record = &project.record;
        let sealed =
            self.sealer.seal(project.key.reveal().as_bytes(), &key_owner(record.id)).map_err(StoreError::Seal)?;
        let columns = values![
            &*record.name,
            &*record.provider,
            sealed,
            record.is_active,
            record.deactivated_at,
            record.created_at,
            record.updated_at,
            record.id,
        ];
        Ok(dialect::run::<D>(connection, &statements::INSERT_PROJECT, columns).await.map(drop)?)
    }
}

async fn insert_token<D: Dialect>(
    connection: &mut D::Connection,
    token: &Token,
    digest: &TokenDigest,
) -> Result<(), StoreError> {
    let columns = values![
        token.id,
        token.project_id,
        digest.as_bytes().to_vec(),
        &*token.token,
        token.expires_at,
        token.is_active,
        sql_number(token.request_count),
        token.max_requests.map(sql_number),
        token.requests_per_minute.map(sql_number),
        token.created_at,
        token.last_used_at,
        sql_number(token.cache_hit_count),
    ];
    Ok(dialect::run::<D>(connection, &INSERT_TOKEN, columns).await.map(drop)?)
}

async fn read_existing<D: Dialect>(connection: &mut D::Connection) -> Result<Existing, StoreError> {
    let mut existing = Existing::default();
    for row in dialect::all::<D>(connection, &EXISTING_PROJECTS, vec![]).await? {
        let row = Columns::<D>(&row);
        let deleted = row.optional_time("deleted_at")?.is_some();
        let presence = if deleted { Presence::Deleted } else { Presence::Living };
        existing.projects.insert(row.project_id("id")?, presence);
        if !deleted {
            existing.names.insert(row.text("name")?);
        }
    }
    for row in dialect::all::<D>(connection, &EXISTING_TOKENS, vec![]).await? {
        let row = Columns::<D>(&row);
        let digest = row.bytes("digest")?.try_into().map_err(|_| StoreError::Corrupt("digest"))?;
        existing.digests.insert(TokenDigest::from_bytes(digest));
        existing.token_ids.insert(row.token_id("id")?);
    }
    Ok(existing)
}

#[cfg(test)]
pub(super) const ALL: [Statement; 3] = [EXISTING_PROJECTS, EXISTING_TOKENS, INSERT_TOKEN];
