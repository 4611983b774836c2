//! Tells errors that pass by themselves from those that somebody must mend.

use std::io::ErrorKind;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use sqlx::{MySql, Postgres, Sqlite};

use super::dialect::Dialect;

/// Whether the database cannot be reached now, and the same may go well later.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "sqlx adds kinds; one that is not known here needs somebody to look"
)]
pub(crate) fn passes(error: &sqlx::Error) -> bool {
    match error {
        // A certificate that is not believed is data that is not valid; everything else of the network may pass: nobody
        // listens, no answer, a name that is not found, a socket's file that is not there yet.
        sqlx::Error::Io(error) => {
            !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::PermissionDenied)
        }
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => database_passes(&**error),
        sqlx::Error::Migrate(error) => migrate_passes(error),
        _ => false,
    }
}

/// The same of a migration.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others say that the history is not the one that is known")]
pub(crate) fn migrate_passes(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => passes(error),
        _ => false,
    }
}

fn database_passes(error: &dyn DatabaseError) -> bool {
    if error.try_downcast_ref::<SqliteError>().is_some() {
        Sqlite::is_passing(error)
    } else if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        Postgres::is_passing(error)
    } else if error.try_downcast_ref::<MySqlDatabaseError>().is_some() {
        MySql::is_passing(error)
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_network_that_does_not_answer_passes() {
        for kind in [ErrorKind::ConnectionRefused, ErrorKind::TimedOut, ErrorKind::NotFound, ErrorKind::UnexpectedEof] {
            assert!(passes(&sqlx::Error::Io(kind.into())), "{kind}");
        }
        assert!(passes(&sqlx::Error::Io(io::Error::other("failed to lookup address information"))));
        assert!(passes(&sqlx::Error::PoolTimedOut));
    }

    #[test]
    fn a_certificate_that_is_not_believed_does_not_pass() {
        assert!(!passes(&sqlx::Error::Io(ErrorKind::InvalidData.into())));
        assert!(!passes(&sqlx::Error::Configuration("no".into())));
    }
}
