//! How often something is done again that a database undid because of others at the same time.

use super::dialect::Dialect;

/// A transaction is rarely undone twice: who was waited for is done by then.
const AGAIN: u32 = 5;

/// Counts attempts.
#[derive(Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// Whether what ended with `error` is done again. Never if it may have been done.
    pub(super) fn try_again<D: Dialect>(&mut self, error: Option<&sqlx::Error>) -> bool {
        let undone = error.and_then(sqlx::Error::as_database_error).is_some_and(D::was_undone);
        self.0 += 1;
        undone && self.0 <= AGAIN
    }
}
