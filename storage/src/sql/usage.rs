//! What a proxied request asks: the grant, and counted uses.

use llm_proxy_core::auth::{Grant, TokenDigest};
use sqlx::{Connection as _, SqlSafeStr as _};

use super::attempts::Attempts;
use super::dialect::{self, Dialect, values};
use super::rows::{self, sql_number};
use super::{SqlStore, statements};
use crate::store::{SettleError, StoreError, TokenUse};

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn read_grant(&self, digest: TokenDigest) -> Result<Option<Grant>, StoreError> {
        let mut connection = self.readers.lend().await?;
        let found =
            dialect::one::<D>(&mut connection, &statements::FIND_GRANT, values![digest.as_bytes().to_vec()]).await;
        connection.give_back();
        found?.map(|row| rows::grant::<D>(&row, &self.sealer)).transpose()
    }

    /// What became of a commit that fails is not known.
    pub(super) async fn write_uses(&self, uses: &[TokenUse]) -> Result<(), SettleError> {
        let mut uses = uses.to_vec();
        // In one order, so that two instances do not wait for each other in a circle.
        uses.sort_unstable_by_key(|uses| uses.token);
        let mut connection = self.writer.lend().await?;
        let mut attempts = Attempts::default();
        let written = loop {
            let written = add_all::<D>(&mut connection, &uses).await;
            let error = match &written {
                Err(SettleError::NotDone(StoreError::Database(error))) => Some(error),
                Err(SettleError::NotDone(_) | SettleError::Unknown(_)) | Ok(()) => None,
            };
            if !attempts.try_again::<D>(error) {
                break written;
            }
        };
        connection.give_back();
        written
    }
}

async fn add_all<D: Dialect>(connection: &mut D::Connection, uses: &[TokenUse]) -> Result<(), SettleError> {
    let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
    if uses.is_empty() {
        // Whoever asks for nothing asks whether changes are done: so something is written.
        dialect::run::<D>(&mut transaction, &statements::TOUCH, vec![]).await?;
    }
    for TokenUse { token, count, last_used_at: at } in uses {
        let columns = values![sql_number(*count), *at, *at, *token];
        dialect::run::<D>(&mut transaction, &statements::ADD_USES, columns).await?;
    }
    transaction.commit().await.map_err(|error| SettleError::Unknown(StoreError::Database(error)))
}
