//! The sealed values of a database, read and replaced without opening it as a store: a store does not open under a new
//! key. Its statements are here, not in `statements`: nothing else uses them.

use llm_proxy_core::ids::ProjectId;
use sqlx::{ConnectOptions as _, Connection as _, MySql, Postgres, SqlSafeStr as _, Sqlite, SqliteConnection};
use zeroize::Zeroizing;

use super::dialect::{self, Dialect, values};
use super::keys::{TOKEN_KEY, TOKEN_KEY_OWNER};
use super::rows::key_owner;
use super::server::{Opening, Options, Server};
use super::sqlite_file;
use super::statements::{Statement, as_text, statement, unnumbered};
use super::url::Address;
use crate::encrypt::{Change, EncryptError, Keys, Place, SealedValue, StoredValue, Work, work};

macro_rules! secrets {
    () => {
        "SELECT name, sealed FROM secrets ORDER BY name"
    };
}

macro_rules! project_keys {
    () => {
        "SELECT id, api_key FROM projects WHERE api_key IS NOT NULL ORDER BY id"
    };
}

const SECRETS: Statement = statement!(secrets!());
const SECRETS_TO_CHANGE: Statement = statement!(secrets!(); lock "FOR UPDATE");
const PROJECT_KEYS: Statement = statement!(project_keys!());
const PROJECT_KEYS_TO_CHANGE: Statement = statement!(project_keys!(); lock "FOR UPDATE");
const UPDATE_SECRET: Statement = statement!("UPDATE secrets SET sealed = $1 WHERE name = $2");
const UPDATE_PROJECT_KEY: Statement = statement!("UPDATE projects SET api_key = $1 WHERE id = $2");
/// What was plain shall not stay behind in SQLite's log.
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// A database, looked at for what is sealed in it.
pub(crate) struct SealedDatabase(Connected);

enum Connected {
    File(SqliteConnection),
    Postgres(Opening<Postgres>),
    MySql(Opening<MySql>),
}

impl SealedDatabase {
    /// Connects to a database that is there.
    pub(crate) async fn open(place: &Place<'_>) -> Result<Self, EncryptError> {
        Ok(Self(match place {
            Place::File(path) => Connected::File(sqlite_file::connect_options(path).connect().await?),
            Place::Server(url) => match &url.0 {
                Address::Postgres(options) => Connected::Postgres(connect::<Postgres>(options).await?),
                Address::MySql(options) => Connected::MySql(connect::<MySql>(options).await?),
            },
        }))
    }

    /// All values, as of one moment.
    pub(crate) async fn read(&mut self) -> Result<Vec<StoredValue>, EncryptError> {
        match &mut self.0 {
            Connected::File(connection) => read::<Sqlite>(connection).await,
            Connected::Postgres(opening) => read::<Postgres>(&mut opening.connection).await,
            Connected::MySql(opening) => read::<MySql>(&mut opening.connection).await,
        }
    }

    /// Replaces all that is to be sealed anew, or nothing. Nobody changes it in between.
    pub(crate) async fn reseal(&mut self, keys: &Keys) -> Result<Work, EncryptError> {
        match &mut self.0 {
            Connected::File(connection) => {
                let work = reseal::<Sqlite>(connection, keys).await?;
                if let Err(error) = sqlx::query(EMPTY_LOG).execute(connection).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the database's log could not be emptied");
                }
                Ok(work)
            }
            Connected::Postgres(opening) => reseal::<Postgres>(&mut opening.connection, keys).await,
            Connected::MySql(opening) => reseal::<MySql>(&mut opening.connection, keys).await,
        }
    }

    pub(crate) async fn close(self) -> Result<(), EncryptError> {
        match self.0 {
            Connected::File(connection) => connection.close().await?,
            Connected::Postgres(opening) => opening.close().await,
            Connected::MySql(opening) => opening.close().await,
        }
        Ok(())
    }
}

async fn connect<D: Server>(options: &Options<D>) -> Result<Opening<D>, EncryptError>
where
    Options<D>: Clone,
{
    let options = options.clone().disable_statement_logging();
    let what = D::describe(&options);
    Ok(Opening::connect(&options, &what).await?)
}

async fn read<D: Dialect>(connection: &mut D::Connection) -> Result<Vec<StoredValue>, EncryptError> {
    let mut transaction = connection.begin_with(D::BEGIN_READ.into_sql_str()).await?;
    let values = read_all::<D>(&mut transaction, &SECRETS, &PROJECT_KEYS).await?;
    transaction.rollback().await?;
    Ok(values)
}

async fn reseal<D: Dialect>(connection: &mut D::Connection, keys: &Keys) -> Result<Work, EncryptError> {
    let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
    let values = read_all::<D>(&mut transaction, &SECRETS_TO_CHANGE, &PROJECT_KEYS_TO_CHANGE).await?;
    let work = work(keys, &values)?;
    for change in &work.changes {
        replace::<D>(&mut transaction, change).await?;
    }
    transaction.commit().await?;
    Ok(work)
}

async fn read_all<D: Dialect>(
    connection: &mut D::Connection,
    secrets: &Statement,
    project_keys: &Statement,
) -> Result<Vec<StoredValue>, sqlx::Error> {
    let mut values = Vec::new();
    for row in dialect::all::<D>(connection, secrets, vec![]).await? {
        let name = D::text(&row, "name")?.unwrap_or_default();
        let owner = (name == TOKEN_KEY).then(|| TOKEN_KEY_OWNER.to_owned());
        let stored = Zeroizing::new(D::text(&row, "sealed")?.unwrap_or_default());
        values.push(StoredValue { value: SealedValue::Secret(name), owner, stored });
    }
    for row in dialect::all::<D>(connection, project_keys, vec![]).await? {
        let id = D::text(&row, "id")?.unwrap_or_default();
        let owner = ProjectId::parse(&id).map(key_owner);
        let stored = Zeroizing::new(D::text(&row, "api_key")?.unwrap_or_default());
        values.push(StoredValue { value: SealedValue::ProjectKey(id), owner, stored });
    }
    Ok(values)
}

async fn replace<D: Dialect>(connection: &mut D::Connection, change: &Change) -> Result<(), sqlx::Error> {
    let (statement, name) = match &change.value {
        SealedValue::Secret(name) => (UPDATE_SECRET, name),
        SealedValue::ProjectKey(id) => (UPDATE_PROJECT_KEY, id),
    };
    dialect::run::<D>(connection, &statement, values![&*change.sealed, &**name]).await.map(drop)
}

#[cfg(test)]
pub(super) const ALL: [Statement; 6] =
    [SECRETS, SECRETS_TO_CHANGE, PROJECT_KEYS, PROJECT_KEYS_TO_CHANGE, UPDATE_SECRET, UPDATE_PROJECT_KEY];
