//! Leases of limited tokens, and what becomes of them.

use std::num::NonZeroU64;

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::quota::{Lease, Settlement, largest_lease};
use sqlx::Row as _;

use super::rows::sql_number;
use super::{SqlStore, statements};
use crate::store::{SettleError, StoreError};

impl SqlStore {
    /// Asks for less until it fits: each attempt is one atomic statement, and what is read in between is only a hint.
    pub(super) async fn lease_some(&self, token: TokenId, wanted: NonZeroU64) -> Result<Option<Lease>, StoreError> {
        let (mut count, mut seen) = (wanted, None);
        while !self.lease_exactly(token, count).await? {
            // One less each time at least, so that this ends.
            let Some(less) = NonZeroU64::new(count.get() - 1) else { return Ok(None) };
            let Some(remaining) = self.read_remaining(token).await? else { return Ok(None) };
            let Some(largest) = largest_lease(remaining) else { return Ok(None) };
            count = largest.min(less);
            seen = Some(remaining);
        }
        Ok(Some(Lease { count, remaining: seen.map(|seen| seen.saturating_sub(count.get())) }))
    }

    async fn lease_exactly(&self, token: TokenId, count: NonZeroU64) -> Result<bool, StoreError> {
        let done = sqlx::query(statements::LEASE)
            .bind(token.to_string())
            .bind(sql_number(count.get()))
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// `None` if there is no such token. A limit that was lifted meanwhile leaves more than anybody wants.
    async fn read_remaining(&self, token: TokenId) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(statements::READ_REMAINING).bind(token.to_string()).fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let remaining: Option<i64> = row.try_get("remaining")?;
        Ok(Some(remaining.map_or(u64::MAX, |remaining| u64::try_from(remaining).unwrap_or(0))))
    }

    /// Until the commit nothing is done: a transaction that is not committed is undone. What became of a commit that
    /// fails is not known.
    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Result<(), SettleError> {
        let mut transaction = self.begin_write().await?;
        for settlement in settlements {
            sqlx::query(statements::SETTLE)
                .bind(settlement.token.to_string())
                .bind(sql_number(settlement.spent))
                .bind(sql_number(settlement.returned))
                .bind(sql_number(settlement.spent.saturating_add(settlement.given_back)))
                .bind(settlement.last_used_at.map(|at| at.as_micros()))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await.map_err(|error| SettleError::Unknown(StoreError::Database(error)))
    }
}
