//! What a proxied request asks: the grant, and counted uses.

use llm_proxy_core::auth::{Grant, TokenDigest};

use super::rows::{self, sql_number};
use super::{SqlStore, statements};
use crate::store::{StoreError, TokenUse};

impl SqlStore {
    pub(super) async fn read_grant(&self, digest: TokenDigest) -> Result<Option<Grant>, StoreError> {
        let row =
            sqlx::query(statements::FIND_GRANT).bind(digest.as_bytes().to_vec()).fetch_optional(&self.readers).await?;
        row.map(|row| rows::grant(&row, &self.sealer)).transpose()
    }

    pub(super) async fn write_uses(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        let mut transaction = self.begin_write().await?;
        for uses in uses {
            sqlx::query(statements::ADD_USES)
                .bind(uses.token.to_string())
                .bind(uses.last_used_at.as_micros())
                .bind(sql_number(uses.count))
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}
