//! The tables' history. A migration that was released is never edited: sqlx refuses a database whose migrations
//! differ from these.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqliteConnection};

use crate::error::OpenError;

/// Version, what it is about, up, down.
type Step = (i64, &'static str, &'static str, &'static str);

const SQLITE: &[Step] = &[
    (
        1,
        "projects and tokens",
        include_str!("../../migrations/sqlite/0001_projects_and_tokens.up.sql"),
        include_str!("../../migrations/sqlite/0001_projects_and_tokens.down.sql"),
    ),
    (
        2,
        "leases",
        include_str!("../../migrations/sqlite/0002_leases.up.sql"),
        include_str!("../../migrations/sqlite/0002_leases.down.sql"),
    ),
];

/// Brings the tables up to date. The caller holds the write lock: SQLite has no other that keeps instances apart here.
///
/// Not by `Migrator::run`: the compiler cannot see through its signature that the future is `Send`.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    migrator(SQLITE).run_direct(None, connection, false).await.map_err(OpenError::Migrate)
}

fn migrator(steps: &[Step]) -> Migrator {
    let both = |&(version, about, up, down): &Step| {
        let step =
            |kind, sql: &'static str| Migration::new(version, Cow::Borrowed(about), kind, sql.into_sql_str(), false);
        [step(MigrationType::ReversibleUp, up), step(MigrationType::ReversibleDown, down)]
    };
    Migrator::with_migrations(steps.iter().flat_map(both).collect())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Row as _};

    use super::*;

    #[tokio::test]
    async fn down_takes_away_all_that_up_made() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run(&mut connection).await.unwrap();
        migrator(SQLITE).undo(&mut connection, 0).await.unwrap();
        let left = sqlx::query("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND name NOT LIKE 'sqlite_autoindex__sqlx%'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(left.get::<i64, _>(0), 0);
    }

    #[tokio::test]
    async fn a_second_run_changes_nothing() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run(&mut connection).await.unwrap();
        run(&mut connection).await.unwrap();
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let later = (9999, "later", "CREATE TABLE later (id INTEGER)", "DROP TABLE later");
        let newer: Vec<Step> = SQLITE.iter().copied().chain([later]).collect();
        migrator(&newer).run(&mut connection).await.unwrap();
        assert!(matches!(run(&mut connection).await, Err(OpenError::Migrate(_))));
    }
}
