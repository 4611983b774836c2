//! PostgreSQL: rows are locked one by one, and tables are made in transactions.

use std::borrow::Cow;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgArguments;
use sqlx::{Postgres, Row as _};

use super::dialect::{Alone, Dialect, bound, speak};
use super::migrations::{Step, step};
use super::statements::Statement;

bound!(Postgres, PgArguments, escaped);

impl Dialect for Postgres {
    const IS_SERVER: bool = true;
    const BEGIN_READ: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const BEGIN_WRITE: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";
    /// The number is this program's own choice: the lock is one of this database only.
    const ALONE: Alone = Alone::InTransaction {
        begin: Self::BEGIN_WRITE,
        lock: &["SET LOCAL lock_timeout = '20s'", "SELECT pg_advisory_xact_lock(7810779284041659)"],
    };
    const APPLIED: &'static str = "SELECT version, CAST(extract(epoch FROM installed_on) AS BIGINT) AS applied_at \
                                   FROM _sqlx_migrations";
    const STEPS: &'static [Step] = &[
        step!("postgres", 1, "projects and tokens", "0001_projects_and_tokens"),
        step!("postgres", 2, "audit events", "0002_audit_events"),
        step!("postgres", 3, "leases of limited tokens", "0003_leases"),
    ];

    fn pick(statement: &Statement) -> &'static str {
        statement.postgres
    }

    speak!(decode: unescaped);

    fn was_undone(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| UNDONE.contains(&&*code))
    }

    fn is_passing(error: &dyn DatabaseError) -> bool {
        let is_passing = |code: Cow<'_, str>| UNDONE.contains(&&*code) || PASSING.iter().any(|is| code.starts_with(is));
        error.code().is_some_and(is_passing)
    }
}

/// serialization_failure and deadlock_detected (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const UNDONE: [&str; 2] = ["40001", "40P01"];

/// Connection exceptions, too few resources (53300 is too many connections), a server that stops or starts, a lock that
/// others hold, a statement that took too long. Two characters are a class of codes.
const PASSING: [&str; 7] = ["08", "53", "57P01", "57P02", "57P03", "55P03", "57014"];

/// Stands in for the one character that PostgreSQL's text cannot hold, and for itself. It is no character that text
/// could mean anything by.
const ESCAPE: char = '\u{10ffff}';
const ESCAPED_NUL: &str = "\u{10ffff}0";
const ESCAPED_ESCAPE: &str = "\u{10ffff}1";

/// Text as it is stored: the same, but for U+0000.
fn escaped(text: String) -> String {
    if text.contains(['\0', ESCAPE]) { text.replace(ESCAPE, ESCAPED_ESCAPE).replace('\0', ESCAPED_NUL) } else { text }
}

fn unescaped(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut pieces = text.split(ESCAPE).map(Cow::Borrowed);
    let first = pieces.next().unwrap_or_default();
    pieces
        .fold(first, |text, piece| {
            let (stood_for, rest) = match piece.strip_prefix('0') {
                Some(rest) => ('\0', rest),
                None => (ESCAPE, piece.strip_prefix('1').unwrap_or(&piece)),
            };
            Cow::Owned(format!("{text}{stood_for}{rest}"))
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_and_none_is_stored_with_nul() {
        for text in ["", "plain", "a\0b", "\0", "\0\0", "\u{10ffff}", "\u{10ffff}0", "\u{10ffff}1\0\u{10ffff}"] {
            let stored = escaped(text.to_owned());
            assert!(!stored.contains('\0'));
            assert_eq!(unescaped(stored), text);
        }
    }

    #[test]
    fn different_texts_are_stored_differently() {
        assert_ne!(escaped("\0".to_owned()), escaped("\u{10ffff}0".to_owned()));
    }
}
