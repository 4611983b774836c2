//! The tables' history, and walking it up and down. A migration that was released is never edited: a database whose
//! migrations differ from these is refused.
//!
//! Nothing here locks: whoever walks holds the lock that keeps other instances out (`alone`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{AppliedMigration, Migrate, Migration, MigrationType};

use super::dialect::Dialect;
use crate::error::OpenError;

/// The table in which sqlx keeps what was done.
const TABLE: &str = "_sqlx_migrations";

/// One step of the tables' history.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its number; they go up.
    pub(super) version: i64,
    /// What it is about.
    pub(super) about: &'static str,
    /// Takes it.
    pub(super) up: &'static str,
    /// Takes it back.
    pub(super) down: &'static str,
}

/// A step from the files of its name.
macro_rules! step {
    ($folder:literal, $version:literal, $about:literal, $file:literal) => {
        Step {
            version: $version,
            about: $about,
            up: include_str!(concat!("../../migrations/", $folder, "/", $file, ".up.sql")),
            down: include_str!(concat!("../../migrations/", $folder, "/", $file, ".down.sql")),
        }
    };
}

pub(super) use step;

impl Step {
    fn migration(&self, kind: MigrationType) -> Migration {
        let sql = if kind.is_down_migration() { self.down } else { self.up };
        Migration::new(self.version, Cow::Borrowed(self.about), kind, sql.into_sql_str(), false)
    }
}

/// Takes all steps that were not taken; gives those that it took.
pub(super) async fn up<D: Dialect>(
    connection: &mut D::Connection,
    steps: &'static [Step],
) -> Result<Vec<&'static Step>, OpenError> {
    let applied = applied(connection, steps).await?;
    let mut taken = Vec::new();
    for step in steps.iter().filter(|step| !applied.contains_key(&step.version)) {
        let migration = step.migration(MigrationType::ReversibleUp);
        connection.apply(TABLE, &migration).await.map_err(OpenError::Migrate)?;
        taken.push(step);
    }
    Ok(taken)
}

/// Takes back all steps above `target`, the latest first; gives those that it took back.
pub(super) async fn down<D: Dialect>(
    connection: &mut D::Connection,
    steps: &'static [Step],
    target: i64,
) -> Result<Vec<&'static Step>, OpenError> {
    let applied = applied(connection, steps).await?;
    let mut taken = Vec::new();
    let undone = steps.iter().rev().filter(|step| step.version > target && applied.contains_key(&step.version));
    for step in undone {
        let migration = step.migration(MigrationType::ReversibleDown);
        connection.revert(TABLE, &migration).await.map_err(OpenError::Migrate)?;
        taken.push(step);
    }
    Ok(taken)
}

/// The steps that were taken, by version: only such as are known, unchanged and whole.
pub(super) async fn applied(
    connection: &mut impl Migrate,
    steps: &[Step],
) -> Result<BTreeMap<i64, AppliedMigration>, OpenError> {
    connection.ensure_migrations_table(TABLE).await.map_err(OpenError::Migrate)?;
    if let Some(version) = connection.dirty_version(TABLE).await.map_err(OpenError::Migrate)? {
        return Err(OpenError::HalfMigrated { version });
    }
    let applied = connection.list_applied_migrations(TABLE).await.map_err(OpenError::Migrate)?;
    let known = steps.last().map_or(0, |step| step.version);
    for done in &applied {
        let Some(step) = steps.iter().find(|step| step.version == done.version) else {
            return Err(OpenError::NewerSchema { found: done.version, known });
        };
        if step.migration(MigrationType::ReversibleUp).checksum != done.checksum {
            return Err(OpenError::ChangedMigration { version: done.version });
        }
    }
    Ok(applied.into_iter().map(|done| (done.version, done)).collect())
}
