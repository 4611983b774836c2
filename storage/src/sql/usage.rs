//! What a proxied request asks: the grant, one request off a limited token, counted uses.

use llm_proxy_core::auth::{Grant, TokenDigest};
use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Timestamp;

use super::rows::{self, sql_number};
use super::{SqlStore, statements};
use crate::store::{StoreError, TokenUse};

impl SqlStore {
    pub(super) async fn read_grant(&self, digest: TokenDigest) -> Result<Option<Grant>, StoreError> {
        let row =
            sqlx::query(statements::FIND_GRANT).bind(digest.as_bytes().to_vec()).fetch_optional(&self.readers).await?;
        row.map(|row| rows::grant(&row, &self.sealer)).transpose()
    }

    pub(super) async fn spend_one(&self, token: TokenId, at: Timestamp) -> Result<Spent, StoreError> {
        let done =
            sqlx::query(statements::SPEND).bind(token.to_string()).bind(at.as_micros()).execute(&self.writer).await?;
        Ok(if done.rows_affected() == 0 { Spent::Exhausted } else { Spent::Allowed })
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
