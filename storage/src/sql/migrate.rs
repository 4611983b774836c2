//! Migrations by hand: what the command line offers. Starting migrates up by itself.

use std::path::Path;

use llm_proxy_core::time::Timestamp;
use sqlx::{ConnectOptions as _, Connection as _, MySql, Postgres, Sqlite};

use super::alone::Alone;
use super::dialect::Dialect;
use super::migrations::{self, Step};
use super::server::{Opening, Options, Server};
use super::sqlite_file;
use super::url::Address;
use crate::config::Database;
use crate::error::OpenError;
use crate::files;

/// One step of the tables' history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MigrationStep {
    /// Its number; they go up.
    pub version: i64,
    /// What it is about.
    pub about: &'static str,
    /// When the database took it, to the second; `None` if it did not.
    pub applied_at: Option<Timestamp>,
}

/// How far to migrate down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownTo {
    /// Takes back so many of the steps that were taken last.
    Steps(usize),
    /// Takes back all steps above this one; 0 is all.
    Version(i64),
}

/// What is asked of a database.
#[derive(Clone, Copy)]
enum Task {
    Status,
    Up,
    Down(DownTo),
}

/// All steps that this version knows, in order, and which of them the database has taken.
///
/// # Errors
/// If the database cannot be used, or is of a newer version.
pub async fn migration_status(database: &Database) -> Result<Vec<MigrationStep>, OpenError> {
    perform(database, Task::Status).await
}

/// Takes all steps that were not taken; gives the steps as they are then.
///
/// # Errors
/// If the database cannot be used, or is of a newer version.
pub async fn migrate_up(database: &Database) -> Result<Vec<MigrationStep>, OpenError> {
    perform(database, Task::Up).await
}

/// Takes steps back, with all that their tables hold; gives the steps as they are then.
///
/// # Errors
/// If the database cannot be used, or is of a newer version.
pub async fn migrate_down(database: &Database, to: DownTo) -> Result<Vec<MigrationStep>, OpenError> {
    perform(database, Task::Down(to)).await
}

/// The number of the last step that the database took; `None` if it took none.
///
/// # Errors
/// If the database cannot be used, or is of a newer version.
pub async fn schema_version(database: &Database) -> Result<Option<i64>, OpenError> {
    let steps = migration_status(database).await?;
    Ok(steps.iter().filter(|step| step.applied_at.is_some()).map(|step| step.version).max())
}

async fn perform(database: &Database, task: Task) -> Result<Vec<MigrationStep>, OpenError> {
    match database {
        Database::Sqlite { path, .. } => in_file(path, task).await,
        Database::Server { url, .. } => match &url.0 {
            Address::Postgres(options) => on_server::<Postgres>(options, task).await,
            Address::MySql(options) => on_server::<MySql>(options, task).await,
        },
        // There is nothing to migrate.
        Database::Memory => Ok(Vec::new()),
    }
}

async fn in_file(path: &Path, task: Task) -> Result<Vec<MigrationStep>, OpenError> {
    if !path.exists() && !matches!(task, Task::Up) {
        // A look makes no file.
        return Ok(Sqlite::STEPS.iter().map(|step| shown(step, None)).collect());
    }
    let unprepared = |source| OpenError::File { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(unprepared)?;
    files::prepare_database(&path).map_err(|source| OpenError::File { path: path.clone(), source })?;
    let what = sqlite_file::name(&path);
    let failed = |source| OpenError::Connect { database: what.clone(), source };
    let mut connection = sqlite_file::connect_options(&path).connect().await.map_err(failed)?;
    let done = on_connection::<Sqlite>(&mut connection, &what, task).await;
    connection.close().await.map_err(failed)?;
    done
}

async fn on_server<D: Server>(options: &Options<D>, task: Task) -> Result<Vec<MigrationStep>, OpenError>
where
    Options<D>: Clone,
{
    let options = options.clone().disable_statement_logging();
    let what = D::describe(&options);
    let mut opening = Opening::<D>::connect(&options, &what).await?;
    let done = on_connection::<D>(&mut opening.connection, &what, task).await;
    opening.close().await;
    done
}

async fn on_connection<D: Dialect>(
    connection: &mut D::Connection,
    what: &str,
    task: Task,
) -> Result<Vec<MigrationStep>, OpenError> {
    let failed = |source| OpenError::Connect { database: what.to_owned(), source };
    let mut alone = Alone::<D>::begin(connection, what).await?;
    match task {
        Task::Status => {}
        Task::Up => drop(migrations::up::<D>(&mut alone, D::STEPS).await?),
        Task::Down(to) => {
            let applied = migrations::applied(&mut *alone, D::STEPS).await?;
            let target = match to {
                DownTo::Version(version) => version,
                DownTo::Steps(steps) => applied.keys().rev().nth(steps).copied().unwrap_or(0),
            };
            migrations::down::<D>(&mut alone, D::STEPS, target).await?;
        }
    }
    let steps = status::<D>(&mut alone, what).await?;
    alone.finish().await.map_err(failed)?;
    Ok(steps)
}

async fn status<D: Dialect>(connection: &mut D::Connection, what: &str) -> Result<Vec<MigrationStep>, OpenError> {
    let failed = |source| OpenError::Connect { database: what.to_owned(), source };
    migrations::applied(connection, D::STEPS).await?;
    let rows = D::query(connection, D::APPLIED, vec![]).await.map_err(failed)?;
    let mut times = Vec::with_capacity(rows.len());
    for row in &rows {
        times.push((D::number(row, "version").map_err(failed)?, D::number(row, "applied_at").map_err(failed)?));
    }
    let time_of = |step: &Step| times.iter().find(|(version, _)| *version == Some(step.version));
    Ok(D::STEPS.iter().map(|step| shown(step, time_of(step).and_then(|(_, seconds)| *seconds))).collect())
}

fn shown(step: &Step, seconds: Option<i64>) -> MigrationStep {
    let applied_at = seconds.map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)));
    MigrationStep { version: step.version, about: step.about, applied_at }
}
