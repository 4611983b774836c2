//! Keeps other instances out while one makes what is made once: tables and keys. Other instances wait for it.

use std::ops::{Deref, DerefMut};

use sqlx::{Connection as _, SqlSafeStr as _, Transaction};

use super::dialect::{self, Dialect};
use crate::error::OpenError;

/// A connection that is alone until [`Self::finish`]. Dropped before, in a database that can undo tables, all is undone.
pub(super) struct Alone<'c, D: Dialect>(Kept<'c, D>);

enum Kept<'c, D: Dialect> {
    Transaction(Transaction<'c, D>),
    Session { connection: &'c mut D::Connection, unlock: &'static str },
}

impl<'c, D: Dialect> Alone<'c, D> {
    pub(super) async fn begin(connection: &'c mut D::Connection, what: &str) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Connect { database: what.to_owned(), source };
        match D::ALONE {
            dialect::Alone::InTransaction { begin, lock } => {
                let mut transaction = connection.begin_with(begin.into_sql_str()).await.map_err(failed)?;
                for statement in lock {
                    D::run(&mut transaction, statement, vec![]).await.map_err(failed)?;
                }
                Ok(Self(Kept::Transaction(transaction)))
            }
            dialect::Alone::BySession { lock, unlock } => {
                let rows = D::query(connection, lock, vec![]).await.map_err(failed)?;
                let locked = rows.first().map(|row| D::number(row, "locked")).transpose().map_err(failed)?;
                if locked.flatten() == Some(1) {
                    Ok(Self(Kept::Session { connection, unlock }))
                } else {
                    Err(OpenError::Locked { database: what.to_owned() })
                }
            }
        }
    }

    /// Keeps what was made, and lets others in.
    pub(super) async fn finish(self) -> Result<(), sqlx::Error> {
        match self.0 {
            Kept::Transaction(transaction) => transaction.commit().await,
            Kept::Session { connection, unlock } => D::query(connection, unlock, vec![]).await.map(drop),
        }
    }
}

impl<D: Dialect> Deref for Alone<'_, D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        match &self.0 {
            Kept::Transaction(transaction) => transaction,
            Kept::Session { connection, .. } => connection,
        }
    }
}

impl<D: Dialect> DerefMut for Alone<'_, D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        match &mut self.0 {
            Kept::Transaction(transaction) => transaction,
            Kept::Session { connection, .. } => connection,
        }
    }
}
