//! What the databases do differently, and the few things that are asked of a connection. Everything else of
//! [`SqlStore`](super::SqlStore) is the same code for all of them.
//!
//! sqlx's own traits could be bounds of that code, but each function would repeat a dozen of them; here each database
//! says once that it meets them.

use std::future::Future;
use std::pin::Pin;

use llm_proxy_core::ids::{ChainId, EventId, ProjectId, TokenId};
use llm_proxy_core::time::Timestamp;
use sqlx::Database;
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrate;

use super::statements::Statement;

/// What a database answers.
pub(super) type Answer<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// A value to be bound. NULL has a type, too: PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, or NULL.
    Text(Option<String>),
    /// A number, or NULL.
    Number(Option<i64>),
    /// Yes or no.
    Flag(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// How instances are kept apart while one makes what is made once: tables and keys.
#[derive(Clone, Copy, Debug)]
pub enum Alone {
    /// By a transaction, which everything is in.
    InTransaction {
        /// What begins it.
        begin: &'static str,
        /// What makes it wait for others, if beginning it does not.
        lock: &'static [&'static str],
    },
    /// By a lock of the session, where a table cannot be made in a transaction.
    BySession {
        /// Answers 1 in the column `locked` once the lock is taken, and something else if that takes too long.
        lock: &'static str,
        /// Gives it back.
        unlock: &'static str,
    },
}

/// One kind of database. Implemented here, for those that there are; it is public only as the bound of a public type.
pub trait Dialect: Database<Connection: Migrate> {
    /// Whether it is at the other end of a network.
    const IS_SERVER: bool;
    /// Begins a transaction in which all reads see one state.
    const BEGIN_READ: &'static str;
    /// Begins a transaction that writes.
    const BEGIN_WRITE: &'static str;
    /// How instances are kept apart.
    const ALONE: Alone;
    /// When each migration was done: columns `version`, and `applied_at` in seconds since 1970.
    const APPLIED: &'static str;
    /// The tables' history.
    const STEPS: &'static [super::migrations::Step];

    /// The statement as this database takes it.
    fn pick(statement: &Statement) -> &'static str;

    /// Runs a statement; how many rows it changed (or left as they were because they were so already).
    fn run<'c>(connection: &'c mut Self::Connection, sql: &'static str, values: Vec<Value>) -> Answer<'c, u64>;

    /// Runs a query.
    fn query<'c>(
        connection: &'c mut Self::Connection,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Answer<'c, Vec<Self::Row>>;

    /// Runs statements that control a transaction: MySQL does not prepare them, so they take no values.
    fn control<'c>(connection: &'c mut Self::Connection, sql: &'static str) -> Answer<'c, ()>;

    /// Reads a column of text.
    fn text(row: &Self::Row, column: &'static str) -> Result<Option<String>, sqlx::Error>;

    /// Reads a column of numbers.
    fn number(row: &Self::Row, column: &'static str) -> Result<Option<i64>, sqlx::Error>;

    /// Reads a column of bytes.
    fn bytes(row: &Self::Row, column: &'static str) -> Result<Vec<u8>, sqlx::Error>;

    /// Reads a column of flags.
    fn flag(row: &Self::Row, column: &'static str) -> Result<bool, sqlx::Error>;

    /// Whether a transaction was undone because of others at the same time, so that doing it again may go well.
    fn was_undone(error: &dyn DatabaseError) -> bool;

    /// Whether it is an error that passes by itself: a server that starts, too many connections, a lock.
    fn is_passing(error: &dyn DatabaseError) -> bool;
}

/// Runs a statement; how many rows it found and set.
pub(super) async fn run<D: Dialect>(
    connection: &mut D::Connection,
    statement: &Statement,
    values: Vec<Value>,
) -> Result<u64, sqlx::Error> {
    D::run(connection, D::pick(statement), values).await
}

/// All rows of a query.
pub(super) async fn all<D: Dialect>(
    connection: &mut D::Connection,
    statement: &Statement,
    values: Vec<Value>,
) -> Result<Vec<D::Row>, sqlx::Error> {
    D::query(connection, D::pick(statement), values).await
}

/// The row of a query that finds one at most.
pub(super) async fn one<D: Dialect>(
    connection: &mut D::Connection,
    statement: &Statement,
    values: Vec<Value>,
) -> Result<Option<D::Row>, sqlx::Error> {
    Ok(all::<D>(connection, statement, values).await?.pop())
}

/// Makes `bound`: a query of the database `$db` with its values.
macro_rules! bound {
    ($db:ty, $arguments:ty, $encode:path) => {
        fn bound(
            sql: &'static str,
            values: Vec<$crate::sql::dialect::Value>,
        ) -> sqlx::query::Query<'static, $db, $arguments> {
            use $crate::sql::dialect::Value;
            values.into_iter().fold(sqlx::query(sql), |query, value| match value {
                Value::Text(text) => query.bind(text.map($encode)),
                Value::Number(number) => query.bind(number),
                Value::Flag(flag) => query.bind(flag),
                Value::Bytes(bytes) => query.bind(bytes),
            })
        }
    };
}

/// The functions of a [`Dialect`] that differ in their types only. `decode` changes text on its way.
macro_rules! speak {
    (decode: $decode:path) => {
        fn run<'c>(
            connection: &'c mut Self::Connection,
            sql: &'static str,
            values: Vec<$crate::sql::dialect::Value>,
        ) -> $crate::sql::dialect::Answer<'c, u64> {
            Box::pin(async move { Ok(bound(sql, values).execute(connection).await?.rows_affected()) })
        }

        fn query<'c>(
            connection: &'c mut Self::Connection,
            sql: &'static str,
            values: Vec<$crate::sql::dialect::Value>,
        ) -> $crate::sql::dialect::Answer<'c, Vec<Self::Row>> {
            Box::pin(async move { bound(sql, values).fetch_all(connection).await })
        }

        fn control<'c>(
            connection: &'c mut Self::Connection,
            sql: &'static str,
        ) -> $crate::sql::dialect::Answer<'c, ()> {
            Box::pin(async move { sqlx::raw_sql(sql).execute(connection).await.map(drop) })
        }

        fn text(row: &Self::Row, column: &'static str) -> Result<Option<String>, sqlx::Error> {
            Ok(row.try_get::<Option<String>, _>(column)?.map($decode))
        }

        fn number(row: &Self::Row, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
            row.try_get(column)
        }

        fn bytes(row: &Self::Row, column: &'static str) -> Result<Vec<u8>, sqlx::Error> {
            row.try_get(column)
        }

        fn flag(row: &Self::Row, column: &'static str) -> Result<bool, sqlx::Error> {
            row.try_get(column)
        }
    };
}

pub(super) use {bound, speak};

macro_rules! value_from {
    ($($type:ty: $value:ident => $made:expr;)+) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })+
    };
}

value_from! {
    &str: text => Self::Text(Some(text.to_owned()));
    String: text => Self::Text(Some(text));
    Option<String>: text => Self::Text(text);
    i64: number => Self::Number(Some(number));
    Option<i64>: number => Self::Number(number);
    bool: flag => Self::Flag(flag);
    Vec<u8>: bytes => Self::Bytes(bytes);
    Timestamp: time => Self::Number(Some(time.as_micros()));
    Option<Timestamp>: time => Self::Number(time.map(Timestamp::as_micros));
    ProjectId: id => Self::Text(Some(id.to_string()));
    Option<ProjectId>: id => Self::Text(id.map(|id| id.to_string()));
    TokenId: id => Self::Text(Some(id.to_string()));
    Option<TokenId>: id => Self::Text(id.map(|id| id.to_string()));
    EventId: id => Self::Text(Some(id.to_string()));
    ChainId: id => Self::Text(Some(id.to_string()));
}

/// Values to be bound, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::sql::dialect::Value::from($value)),*]
    };
}

pub(super) use values;
