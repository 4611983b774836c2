//! Leases of limited tokens, and what becomes of them.

use std::num::NonZeroU64;

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::quota::{Lease, Settlement, largest_lease};
use sqlx::{Connection as _, SqlSafeStr as _};

use super::attempts::Attempts;
use super::connections::Lent;
use super::dialect::{self, Dialect, values};
use super::rows::sql_number;
use super::{SqlStore, statements};
use crate::store::{SettleError, StoreError};

/// Of more than one, a lease is at most this part of what remains.
const PART: u64 = 16;

impl<D: Dialect> SqlStore<D> {
    /// Asks for less until it fits: each attempt is one atomic statement, and what is read in between is only a hint.
    pub(super) async fn lease_some(&self, token: TokenId, wanted: NonZeroU64) -> Result<Option<Lease>, StoreError> {
        let mut connection = self.writer.lend().await?;
        let lease = lease_on::<D>(&mut connection, token, wanted).await;
        connection.give_back();
        Ok(lease?)
    }

    /// Until the commit nothing is done: a transaction that is not committed is undone. What became of a commit that
    /// fails is not known.
    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Result<(), SettleError> {
        let mut settlements = settlements.to_vec();
        // In one order, so that two instances do not wait for each other in a circle.
        settlements.sort_unstable_by_key(|settlement| settlement.token);
        let mut connection = self.writer.lend().await?;
        let mut attempts = Attempts::default();
        let settled = loop {
            let settled = settle_on(&mut connection, &settlements).await;
            let error = match &settled {
                Err(SettleError::NotDone(StoreError::Database(error))) => Some(error),
                Err(SettleError::NotDone(_) | SettleError::Unknown(_)) | Ok(()) => None,
            };
            if !attempts.try_again::<D>(error) {
                break settled;
            }
        };
        connection.give_back();
        settled
    }
}

async fn lease_on<D: Dialect>(
    connection: &mut D::Connection,
    token: TokenId,
    wanted: NonZeroU64,
) -> Result<Option<Lease>, sqlx::Error> {
    let (mut count, mut seen) = (wanted, None);
    while !lease_exactly::<D>(connection, token, count).await? {
        // One less each time at least, so that this ends.
        let Some(less) = NonZeroU64::new(count.get() - 1) else { return Ok(None) };
        let Some(remaining) = read_remaining::<D>(connection, token).await? else { return Ok(None) };
        let Some(largest) = largest_lease(remaining) else { return Ok(None) };
        count = largest.min(less);
        seen = Some(remaining);
    }
    Ok(Some(Lease { count, remaining: seen.map(|seen| seen.saturating_sub(count.get())) }))
}

/// Again if the database undid it. Never where it may have been done.
async fn lease_exactly<D: Dialect>(
    connection: &mut D::Connection,
    token: TokenId,
    count: NonZeroU64,
) -> Result<bool, sqlx::Error> {
    let needed = if count == NonZeroU64::MIN { 1 } else { count.get().saturating_mul(PART) };
    let mut attempts = Attempts::default();
    loop {
        let columns = values![sql_number(count.get()), token, sql_number(needed)];
        let changed = dialect::run::<D>(connection, &statements::LEASE, columns).await;
        if !attempts.try_again::<D>(changed.as_ref().err()) {
            return Ok(changed? > 0);
        }
    }
}

/// `None` if there is no such token. A limit that was lifted meanwhile leaves more than anybody wants.
async fn read_remaining<D: Dialect>(
    connection: &mut D::Connection,
    token: TokenId,
) -> Result<Option<u64>, sqlx::Error> {
    let row = dialect::one::<D>(connection, &statements::READ_REMAINING, values![token]).await?;
    let remaining = row.map(|row| D::number(&row, "remaining")).transpose()?;
    Ok(remaining.map(|remaining| remaining.map_or(u64::MAX, |remaining| u64::try_from(remaining).unwrap_or(0))))
}

async fn settle_on<D: Dialect>(connection: &mut Lent<'_, D>, settlements: &[Settlement]) -> Result<(), SettleError> {
    let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
    for settlement in settlements {
        let (spent, returned) = (sql_number(settlement.spent), sql_number(settlement.returned));
        let no_longer = sql_number(settlement.spent.saturating_add(settlement.given_back));
        let used = settlement.last_used_at;
        let columns =
            values![spent, returned, spent, returned, no_longer, no_longer, used, used, used, settlement.token];
        dialect::run::<D>(&mut transaction, &statements::SETTLE, columns).await?;
    }
    transaction.commit().await.map_err(|error| SettleError::Unknown(StoreError::Database(error)))
}
