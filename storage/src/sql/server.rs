//! Opening a database on a server: the tables and keys, made once under a lock, and a pool whose connections are checked
//! and whose calls end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::secret::Secret;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{ConnectOptions, Connection, MySql, Pool, Postgres};

use super::alone::Alone;
use super::connections::Connections;
use super::dialect::{Answer, Dialect};
use super::{SqlStore, keys, migrations};
use crate::config::PoolLimits;
use crate::error::OpenError;
use crate::key::EncryptionKey;
use crate::seal::Sealer;

/// How long a call waits for a connection: a free place, the check of an old connection, or a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long opening tries to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Networks forget connections that nothing was sent on for longer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How one connects to a server of the kind `D`.
pub(super) type Options<D> = <<D as sqlx::Database>::Connection as Connection>::Options;

/// A database on a server.
pub trait Server: Dialect {
    /// Sets a new session up: how long a statement may take (2 s, so that together with [`ACQUIRE_TIMEOUT`] it is less
    /// than a caller waits), and what the server's own settings could have otherwise.
    fn set_up(connection: &mut Self::Connection) -> Answer<'_, ()>;

    /// Where that is, in a form that may be shown: without the password.
    fn describe(options: &Options<Self>) -> String;
}

impl<D: Server> SqlStore<D>
where
    Options<D>: Clone,
{
    /// Opens the database, migrates it, and makes its keys if it is new.
    ///
    /// # Errors
    /// If the database cannot be reached or used, or there is no key or a wrong key.
    pub async fn connect(
        options: &Options<D>,
        limits: PoolLimits,
        encryption_key: Option<&Secret>,
    ) -> Result<Self, OpenError> {
        let setting = encryption_key.ok_or(OpenError::KeyRequired { database: D::NAME })?;
        let key = EncryptionKey::from_setting(setting)?;
        let options = options.clone().disable_statement_logging();
        let what = D::describe(&options);
        let mut opening = Opening::<D>::connect(&options, &what).await?;
        let prepared = prepare::<D>(&mut opening.connection, &what, &key).await;
        opening.close().await;
        let (sealer, token_key) = prepared?;
        let connections = Arc::new(Connections::new(pool::<D>(&options, limits), limits.max_idle as usize));
        Ok(Self { readers: Arc::clone(&connections), writer: connections, sealer, token_key })
    }
}

async fn prepare<D: Dialect>(
    connection: &mut D::Connection,
    what: &str,
    key: &EncryptionKey,
) -> Result<(Sealer, TokenKey), OpenError> {
    let mut alone = Alone::<D>::begin(connection, what).await?;
    migrations::up::<D>(&mut alone, D::STEPS).await?;
    let stored = keys::sealed_token_key::<D>(&mut alone).await?;
    let keys = keys::agree::<D>(&mut alone, stored, key, "ENCRYPTION_KEY".to_owned()).await?;
    alone.finish().await.map_err(|source| OpenError::Connect { database: what.to_owned(), source })?;
    Ok(keys)
}

fn pool<D: Server>(options: &Options<D>, limits: PoolLimits) -> Pool<D>
where
    Options<D>: Clone,
{
    PoolOptions::new()
        .max_connections(limits.size.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(limits.max_lifetime)
        // One round trip for each call, which a server that was restarted is worth: calls are not made for each request
        // that is proxied.
        .test_before_acquire(true)
        .after_connect(|connection, _| D::set_up(connection))
        .connect_lazy_with(options.clone())
}

/// The one connection over which a database is opened or migrated. Its statements may take their time.
pub(super) struct Opening<D: Dialect> {
    pub(super) connection: PoolConnection<D>,
    pool: Pool<D>,
}

impl<D: Server> Opening<D> {
    pub(super) async fn connect(options: &Options<D>, what: &str) -> Result<Self, OpenError>
    where
        Options<D>: Clone,
    {
        let failed = |source| OpenError::Connect { database: what.to_owned(), source };
        let pool = one_connection::<D>(options);
        match pool.acquire().await {
            Ok(connection) => Ok(Self { connection, pool }),
            Err(sqlx::Error::PoolTimedOut) => Err(failed(reason::<D>(options).await)),
            Err(source) => Err(failed(source)),
        }
    }

    pub(super) async fn close(self) {
        drop(self.connection);
        self.pool.close().await;
    }
}

/// A pool, because it gives up in time, on whichever runtime this is.
fn one_connection<D: Server>(options: &Options<D>) -> Pool<D>
where
    Options<D>: Clone,
{
    PoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options.clone())
}

/// Why a pool found no connection in time: it tries again where nobody listens, and does not say so in the end.
async fn reason<D: Server>(options: &Options<D>) -> sqlx::Error
where
    Options<D>: Clone,
{
    let pool = one_connection::<D>(options);
    let (mut attempt, mut limit) = (pin!(options.connect()), pin!(pool.acquire()));
    poll_fn(|cx| match attempt.as_mut().poll(cx) {
        Poll::Ready(attempt) => Poll::Ready(attempt.err().unwrap_or(sqlx::Error::PoolTimedOut)),
        Poll::Pending => limit.as_mut().poll(cx).map(|limit| limit.err().unwrap_or(sqlx::Error::PoolTimedOut)),
    })
    .await
}

impl Server for Postgres {
    /// A session that stopped in the middle of a transaction lets go of its rows.
    fn set_up(connection: &mut Self::Connection) -> Answer<'_, ()> {
        let settings = "SELECT set_config('statement_timeout', '2s', false), \
                               set_config('idle_in_transaction_session_timeout', '10s', false)";
        Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
    }

    fn describe(options: &Options<Self>) -> String {
        let place = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        let database = options.get_database().unwrap_or_default();
        format!("{database:?} of user {:?} at {place}", options.get_username())
    }
}

impl Server for MySql {
    fn set_up(connection: &mut Self::Connection) -> Answer<'_, ()> {
        // What stands in the comment is read by MariaDB only.
        let settings = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                        SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), innodb_lock_wait_timeout = 2 \
                                    /*M! , max_statement_time = 2, idle_transaction_timeout = 10 */";
        Box::pin(async move {
            sqlx::raw_sql(settings).execute(&mut *connection).await?;
            // MySQL's own limit, which MariaDB does not know.
            match sqlx::raw_sql("SET SESSION max_execution_time = 2000").execute(connection).await {
                Err(error) if is_unknown_variable(&error) => Ok(()),
                other => other.map(drop),
            }
        })
    }

    fn describe(options: &Options<Self>) -> String {
        let place = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        let database = options.get_database().unwrap_or_default();
        format!("{database:?} of user {:?} at {place}", options.get_username())
    }
}

/// ER_UNKNOWN_SYSTEM_VARIABLE.
fn is_unknown_variable(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>());
    error.is_some_and(|error| error.number() == 1193)
}
