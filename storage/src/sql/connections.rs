//! The connections to a database, and one that is lent.
//!
//! Beside sqlx's pool, this keeps no more unused connections than it may, and never lends a connection again that was
//! not given back in order. A call that was given up in the middle of a statement leaves a connection that may be dead
//! without anybody knowing: the pool would first ask it, and wait for the answer as long as the network does, with the
//! connection's place taken.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::Pool;
use sqlx::pool::PoolConnection;

use super::dialect::Dialect;

/// The connections to one database.
pub(super) struct Connections<D: Dialect> {
    pub(super) pool: Pool<D>,
    /// How many unused ones are kept.
    max_idle: usize,
    /// How many are lent or waited for.
    wanted: AtomicUsize,
}

impl<D: Dialect> Connections<D> {
    pub(super) const fn new(pool: Pool<D>, max_idle: usize) -> Self {
        Self { pool, max_idle, wanted: AtomicUsize::new(0) }
    }

    /// A connection, as soon as one is free.
    pub(super) async fn lend(&self) -> Result<Lent<'_, D>, sqlx::Error> {
        let wanted = Wanted::one(&self.wanted);
        let connection = self.pool.acquire().await?;
        Ok(Lent { connection, in_order: false, from: self, _wanted: wanted })
    }

    /// Whether one more unused connection is too many. Those that somebody waits for do not become unused.
    fn has_enough(&self) -> bool {
        let unused = (self.pool.size() as usize + 1).saturating_sub(self.wanted.load(Ordering::Relaxed));
        unused > self.max_idle
    }
}

/// A connection on loan.
pub(super) struct Lent<'a, D: Dialect> {
    connection: PoolConnection<D>,
    in_order: bool,
    from: &'a Connections<D>,
    // After the connection: fields are dropped in order.
    _wanted: Wanted<'a>,
}

impl<D: Dialect> Lent<'_, D> {
    /// The last statement was answered, with a result or an error.
    pub(super) fn give_back(mut self) {
        self.in_order = !self.from.has_enough();
    }
}

impl<D: Dialect> Drop for Lent<'_, D> {
    fn drop(&mut self) {
        // A connection to a file cannot be dead.
        if D::IS_SERVER && !self.in_order {
            self.connection.close_on_drop();
        }
    }
}

impl<D: Dialect> Deref for Lent<'_, D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.connection
    }
}

impl<D: Dialect> DerefMut for Lent<'_, D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        &mut self.connection
    }
}

/// Counted for as long as it lives.
struct Wanted<'a>(&'a AtomicUsize);

impl<'a> Wanted<'a> {
    fn one(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
