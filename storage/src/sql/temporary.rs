//! Which failures of a database waiting can mend: another process that holds it, today. It decides nothing about how
//! long to wait.

/// Result codes of SQLite (<https://www.sqlite.org/rescode.html>).
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const PROTOCOL: u32 = 15;

/// Whether it may work later although nothing is changed here. A file that is no database, is damaged or cannot be
/// written stays so.
pub(crate) fn is_temporary(error: &sqlx::Error) -> bool {
    // Protocol: the file locks of others went on changing while SQLite tried to begin.
    matches!(primary_code(error), Some(BUSY | LOCKED | PROTOCOL))
}

/// Whether another process holds the lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(BUSY)
}

/// SQLite's result code; the extended ones have it in their low byte.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}
