//! Opening a SQLite database: private files, write-ahead log, migrations, and the keys. Safe for several instances that
//! open one new database at the same time: all that is made once is made under SQLite's write lock.

use std::future::ready;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::secret::Secret;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, Sqlite, SqliteConnection};

use super::alone::Alone;
use super::connections::Connections;
use super::dialect::Dialect as _;
use super::{SqlStore, keys, migrations, trouble};
use crate::error::OpenError;
use crate::files;
use crate::key::EncryptionKey;
use crate::seal::Sealer;

/// How long a statement waits for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_millis(2500);
/// How long a call waits for a free connection. Together with the other, this is less than a caller waits for the store,
/// so that what is answered as not done is not done a moment later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);

const USE_WAL: &str = "PRAGMA journal_mode = WAL";
/// The switch to the write-ahead log is lost at most once to each instance that starts at the same time.
const WAL_ATTEMPTS: usize = 100;

impl SqlStore<Sqlite> {
    /// Opens the SQLite database at `path`, makes what is missing, and migrates it. `pool_size` is how many connections
    /// may read at the same time. Without `encryption_key` the key comes from the file `<path>.key`, which is made if
    /// the database is new.
    ///
    /// # Errors
    /// If files or tables cannot be made, or there is no key or a wrong key for what the database holds.
    pub async fn open(path: &Path, pool_size: u32, encryption_key: Option<&Secret>) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        // A relative path would change its meaning with the working directory, and one that begins with `file:` is a
        // URI to SQLite.
        let path = std::path::absolute(path).map_err(failed)?;
        files::prepare_database(&path).map_err(failed)?;
        let options = connect_options(&path);
        let (sealer, token_key) = prepare(&path, &options, encryption_key).await?;
        let pool = |size| pool_options(size).connect_lazy_with(options.clone());
        let connections = |size| Arc::new(Connections::new(pool(size), usize::MAX));
        Ok(Self { readers: connections(pool_size.max(1)), writer: connections(1), sealer, token_key })
    }
}

pub(super) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // A commit is on the disk before it is answered; the log's default may lose the last ones to a power cut.
        .synchronous(SqliteSynchronous::Full)
        // An erased key is overwritten, not only unlinked.
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

fn pool_options(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale; without these the pool needs no task of its own.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // When a disk is full, SQLite undoes a transaction on its own account, and sqlx still counts it as open: such a
        // connection could never begin one again.
        .before_acquire(|connection, _| Box::pin(ready(Ok(!connection.is_in_transaction()))))
}

async fn prepare(
    path: &Path,
    options: &SqliteConnectOptions,
    encryption_key: Option<&Secret>,
) -> Result<(Sealer, TokenKey), OpenError> {
    let failed = |source| OpenError::Connect { database: name(path), source };
    let mut connection = options.connect().await.map_err(failed)?;
    use_wal(&mut connection).await.map_err(failed)?;
    let mut alone = Alone::<Sqlite>::begin(&mut connection, &name(path)).await?;
    migrations::up::<Sqlite>(&mut alone, Sqlite::STEPS).await?;
    let keys = agree_on_keys(path, &mut alone, encryption_key).await?;
    alone.finish().await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    Ok(keys)
}

pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}

/// Turns the write-ahead log on, for good. SQLite does not wait here when another instance holds a lock, so this
/// waits by taking the write lock, for which SQLite does wait, and tries again.
async fn use_wal(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for _ in 1..WAL_ATTEMPTS {
        match sqlx::query(USE_WAL).execute(&mut *connection).await {
            Err(error) if trouble::passes(&error) => {}
            other => return other.map(drop),
        }
        connection.begin_with(Sqlite::BEGIN_WRITE.into_sql_str()).await?.rollback().await?;
    }
    sqlx::query(USE_WAL).execute(connection).await.map(drop)
}

async fn agree_on_keys(
    path: &Path,
    connection: &mut SqliteConnection,
    setting: Option<&Secret>,
) -> Result<(Sealer, TokenKey), OpenError> {
    let stored = keys::sealed_token_key::<Sqlite>(connection).await?;
    let key_file = files::beside(path, ".key");
    let (key, origin) = match setting {
        Some(setting) => (EncryptionKey::from_setting(setting)?, setting_origin(&key_file)),
        None => (key_from_file(&key_file, stored.is_some())?, format!("the file {}", key_file.display())),
    };
    keys::agree::<Sqlite>(connection, stored, &key, origin).await
}

/// Whoever sets a key for a database that began with a key file should hear of that file.
fn setting_origin(key_file: &Path) -> String {
    if key_file.exists() {
        format!("ENCRYPTION_KEY (there is also the key file {})", key_file.display())
    } else {
        "ENCRYPTION_KEY".to_owned()
    }
}

fn key_from_file(key_file: &Path, database_is_sealed: bool) -> Result<EncryptionKey, OpenError> {
    match EncryptionKey::from_file(key_file)? {
        Some(key) => Ok(key),
        None if database_is_sealed => Err(OpenError::KeyMissing { key_file: key_file.to_owned() }),
        None => EncryptionKey::make_file(key_file),
    }
}

#[cfg(test)]
mod tests {
    use llm_proxy_core::manage::{Command, NewProject, ProjectChange, Reply};
    use llm_proxy_core::time::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::store::{ChangeBatch, ChangeError, StoreError};

    async fn change(store: &SqlStore, command: &Command) -> Result<Reply, ChangeError> {
        let (told, results) = async_channel::bounded(1);
        let calls = vec![(command.clone(), Timestamp::default())];
        let seal = Box::new(move |mut results: Vec<_>| {
            told.try_send(results.remove(0)).unwrap();
            Box::pin(async { Ok(Vec::new()) }) as crate::store::StoreFuture<'static, _>
        });
        store.change_all(ChangeBatch { calls, seal }).await?;
        Ok(results.try_recv().unwrap().unwrap())
    }

    #[tokio::test]
    async fn every_connection_is_durable_and_strict() {
        let folder = TempDir::new().unwrap();
        let store = SqlStore::open(&folder.path().join("test.db"), 1, None).await.unwrap();
        for pool in [&store.readers.pool, &store.writer.pool] {
            let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            assert_eq!(journal, "wal");
            // 2 is FULL (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
            for (pragma, value) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA secure_delete", 1)]
            {
                assert_eq!(sqlx::query_scalar::<_, i64>(pragma).fetch_one(pool).await.unwrap(), value, "{pragma}");
            }
        }
    }

    #[tokio::test]
    async fn a_lock_held_elsewhere_is_told_apart_from_other_failures() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        let store = SqlStore::open(&path, 1, None).await.unwrap();
        let _lock = store.writer.pool.begin_with(Sqlite::BEGIN_WRITE).await.unwrap();
        let mut other =
            SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::ZERO).connect().await.unwrap();
        let busy = sqlx::query(Sqlite::BEGIN_WRITE).execute(&mut other).await.unwrap_err();
        assert!(trouble::passes(&busy), "{busy}");
        let broken = sqlx::query("SELECT nothing").execute(&mut other).await.unwrap_err();
        assert!(!trouble::passes(&broken), "{broken}");
    }

    #[tokio::test]
    async fn the_switch_to_the_log_waits_for_an_instance_that_writes() {
        let folder = TempDir::new().unwrap();
        let options = connect_options(&folder.path().join("test.db")).create_if_missing(true);
        let (mut writing, mut starting) = (options.connect().await.unwrap(), options.connect().await.unwrap());
        let lock = writing.begin_with(Sqlite::BEGIN_WRITE).await.unwrap();
        let refused = sqlx::query(USE_WAL).execute(&mut starting).await.unwrap_err();
        assert!(trouble::passes(&refused), "SQLite itself does not wait: {refused}");
        let mut switch = Box::pin(use_wal(&mut starting));
        tokio::time::timeout(Duration::from_millis(100), &mut switch).await.expect_err("it waits");
        lock.rollback().await.unwrap();
        switch.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_refuses_a_change_and_is_recovered_from_without_a_restart() {
        let folder = TempDir::new().unwrap();
        let store = SqlStore::open(&folder.path().join("test.db"), 1, None).await.unwrap();
        let new = NewProject { name: "alpha".into(), api_key: Secret::new("key".into()), provider: "openai".into() };
        let made = change(&store, &Command::CreateProject(new)).await.unwrap();
        let Reply::ProjectCreated(project) = made else { panic!("no project") };
        let name = ProjectChange { name: Some("n".repeat(20_000)), ..ProjectChange::default() };
        let growing = Command::UpdateProject(project.id, name);
        let grow = || change(&store, &growing);
        // No more pages than there are: to this connection the disk is full, and SQLite undoes the transaction itself.
        sqlx::query("PRAGMA max_page_count = 1").execute(&store.writer.pool).await.unwrap();
        let full = grow().await.unwrap_err();
        // SQLITE_FULL, not that there was nothing left to roll back.
        let code = |error: &sqlx::Error| error.as_database_error().unwrap().code().unwrap().into_owned();
        assert!(matches!(&full, ChangeError::Failed(StoreError::Database(error)) if code(error) == "13"), "{full:?}");
        let read = store.answer(&Command::GetProject(project.id), Timestamp::default()).await.unwrap();
        assert!(matches!(read, Reply::Project(read) if read == project));
        assert!(matches!(grow().await, Ok(Reply::Project(_))));
    }
}
