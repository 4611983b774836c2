//! SQLite: one writer at a time, waited for at the start of a transaction.

use std::convert::identity;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row as _, Sqlite};

use super::dialect::{Alone, Dialect, bound, speak};
use super::migrations::{Step, step};
use super::statements::Statement;

bound!(Sqlite, SqliteArguments, identity);

impl Dialect for Sqlite {
    const IS_SERVER: bool = false;
    const BEGIN_READ: &'static str = "BEGIN";
    /// Takes the write lock at the start: a transaction that reads first and then writes could find the lock taken, and
    /// SQLite lets that one fail without waiting.
    const BEGIN_WRITE: &'static str = "BEGIN IMMEDIATE";
    const ALONE: Alone = Alone::InTransaction { begin: Self::BEGIN_WRITE, lock: &[] };
    const APPLIED: &'static str =
        "SELECT version, CAST(strftime('%s', installed_on) AS INTEGER) AS applied_at FROM _sqlx_migrations";
    const STEPS: &'static [Step] = &[
        step!("sqlite", 1, "projects and tokens", "0001_projects_and_tokens"),
        step!("sqlite", 2, "audit events", "0002_audit_events"),
        step!("sqlite", 3, "leases of limited tokens", "0003_leases"),
    ];

    fn pick(statement: &Statement) -> &'static str {
        statement.sqlite
    }

    speak!(decode: identity);

    /// With one writer at a time there is nothing to collide with.
    fn was_undone(_error: &dyn DatabaseError) -> bool {
        false
    }

    fn is_passing(error: &dyn DatabaseError) -> bool {
        is_busy(error)
    }
}

/// SQLITE_BUSY is 5, SQLITE_LOCKED 6; the extended codes have them in their low byte
/// (<https://www.sqlite.org/rescode.html>).
pub(super) fn is_busy(error: &dyn DatabaseError) -> bool {
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
}
