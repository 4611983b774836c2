//! The sealed values of a database, read and replaced without opening it as a store: a store does not open under a new
//! key. Its statements are here, not in `statements`: nothing else uses them.

use std::path::Path;

use llm_proxy_core::ids::ProjectId;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, Sqlite, SqliteConnection};
use zeroize::Zeroizing;

use super::dialect::Dialect as _;
use super::keys::{TOKEN_KEY, TOKEN_KEY_OWNER};
use super::rows::key_owner;
use super::sqlite_file::connect_options;
use crate::encrypt::{Change, EncryptError, Keys, SealedValue, StoredValue, Work, work};

const SECRETS: &str = "SELECT name, sealed FROM secrets";
const PROJECT_KEYS: &str = "SELECT id, api_key FROM projects WHERE api_key IS NOT NULL";
const UPDATE_SECRET: &str = "UPDATE secrets SET sealed = ?2 WHERE name = ?1";
const UPDATE_PROJECT_KEY: &str = "UPDATE projects SET api_key = ?2 WHERE id = ?1";
/// What was plain shall not stay behind in the log.
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// A database, looked at for what is sealed in it.
pub(crate) struct SealedDatabase(SqliteConnection);

impl SealedDatabase {
    /// Opens the database at the absolute `path`, which is there.
    pub(crate) async fn open(path: &Path) -> Result<Self, EncryptError> {
        Ok(Self(connect_options(path).connect().await?))
    }

    /// All values, as of one moment.
    pub(crate) async fn read(&mut self) -> Result<Vec<StoredValue>, EncryptError> {
        let mut transaction = self.0.begin().await?;
        let values = read_all(&mut transaction).await?;
        transaction.rollback().await?;
        Ok(values)
    }

    /// Replaces all that is to be sealed anew, or nothing. Nobody writes in between.
    pub(crate) async fn reseal(&mut self, keys: &Keys) -> Result<Work, EncryptError> {
        let mut transaction = self.0.begin_with(Sqlite::BEGIN_WRITE).await?;
        let work = work(keys, &read_all(&mut transaction).await?)?;
        for change in &work.changes {
            replace(&mut transaction, change).await?;
        }
        transaction.commit().await?;
        if let Err(error) = sqlx::query(EMPTY_LOG).execute(&mut self.0).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database's log could not be emptied");
        }
        Ok(work)
    }

    pub(crate) async fn close(self) -> Result<(), EncryptError> {
        Ok(self.0.close().await?)
    }
}

async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<StoredValue>, sqlx::Error> {
    let mut values = Vec::new();
    for row in sqlx::query(SECRETS).fetch_all(&mut *connection).await? {
        let name: String = row.try_get("name")?;
        let owner = (name == TOKEN_KEY).then(|| TOKEN_KEY_OWNER.to_owned());
        let stored = Zeroizing::new(row.try_get("sealed")?);
        values.push(StoredValue { value: SealedValue::Secret(name), owner, stored });
    }
    for row in sqlx::query(PROJECT_KEYS).fetch_all(connection).await? {
        let id: String = row.try_get("id")?;
        let owner = ProjectId::parse(&id).map(key_owner);
        let stored = Zeroizing::new(row.try_get("api_key")?);
        values.push(StoredValue { value: SealedValue::ProjectKey(id), owner, stored });
    }
    Ok(values)
}

async fn replace(connection: &mut SqliteConnection, change: &Change) -> Result<(), sqlx::Error> {
    let (statement, name) = match &change.value {
        SealedValue::Secret(name) => (UPDATE_SECRET, name),
        SealedValue::ProjectKey(id) => (UPDATE_PROJECT_KEY, id),
    };
    sqlx::query(statement).bind(name).bind(&change.sealed).execute(connection).await.map(drop)
}
