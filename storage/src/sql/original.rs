//! The SQLite database of the original, read only and as one snapshot. It knows which tables and columns make it one;
//! what the values mean is `import`'s.
//!
//! A file without a log beside it is opened as immutable: SQLite then makes no file beside it, needs no right to, and
//! takes no lock. With a log (the program that writes it runs, or was killed) it is read through the log.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _,
};
use zeroize::Zeroizing;

use crate::files;
use crate::import::ImportError;
use crate::import::cell::{Cell, Record};

const CHECK: &str = "PRAGMA quick_check(1)";
const COLUMNS: &str = "SELECT name FROM pragma_table_info(?1)";
const PROJECTS: &str = "SELECT * FROM projects ORDER BY rowid";
const TOKENS: &str = "SELECT * FROM tokens ORDER BY rowid";
const COUNT_AUDIT_EVENTS: &str = "SELECT count(*) FROM audit_events";

/// The rows of the original.
pub(crate) struct Source {
    pub(crate) projects: Vec<Record>,
    pub(crate) tokens: Vec<Record>,
    pub(crate) audit_events: u64,
}

/// Reads all of the database at `path`.
pub(crate) async fn read(path: &Path) -> Result<Source, ImportError> {
    let mut connection = open(path).await?;
    let source = read_snapshot(path, &mut connection).await;
    connection.close().await.map_err(|error| why(path, error))?;
    source
}

async fn read_snapshot(path: &Path, connection: &mut SqliteConnection) -> Result<Source, ImportError> {
    let failed = |error| why(path, error);
    let mut snapshot = connection.begin().await.map_err(failed)?;
    let check: String = sqlx::query_scalar(CHECK).fetch_one(&mut *snapshot).await.map_err(failed)?;
    if check != "ok" {
        return Err(ImportError::Damaged { path: path.to_owned() });
    }
    check_tables(path, &mut snapshot).await?;
    let source = read_rows(&mut snapshot).await.map_err(failed)?;
    snapshot.rollback().await.map_err(failed)?;
    Ok(source)
}

async fn open(path: &Path) -> Result<SqliteConnection, ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    if !path.exists() {
        return Err(ImportError::NoFile { path: path.to_owned() });
    }
    if !path.is_file() {
        return Err(ImportError::NotSqlite { path: path.to_owned() });
    }
    // A path that begins with `file:` would be a URI to SQLite.
    let path = std::path::absolute(path).map_err(|error| failed(sqlx::Error::Io(error)))?;
    let quiet = !files::beside(&path, "-wal").exists() && !files::beside(&path, "-journal").exists();
    let options = SqliteConnectOptions::new().filename(&path).read_only(true).immutable(quiet);
    options.disable_statement_logging().connect().await.map_err(|error| why(&path, error))
}

async fn check_tables(path: &Path, connection: &mut SqliteConnection) -> Result<(), ImportError> {
    let projects = columns(path, connection, "projects").await?;
    let tokens = columns(path, connection, "tokens").await?;
    let has = |columns: &[String], column: &str| columns.iter().any(|name| name == column);
    if has(&tokens, "digest") && has(&projects, "provider") {
        return Err(ImportError::OwnDatabase { path: path.to_owned() });
    }
    let key = has(&projects, "api_key") || has(&projects, "openai_api_key");
    let missing = [
        (projects.is_empty(), "table projects"),
        (tokens.is_empty(), "table tokens"),
        (!has(&projects, "id"), "column id in projects"),
        (!has(&projects, "name"), "column name in projects"),
        (!key, "column api_key in projects"),
        (!has(&tokens, "token"), "column token in tokens"),
        (!has(&tokens, "project_id"), "column project_id in tokens"),
    ];
    match missing.into_iter().find(|(missing, _)| *missing) {
        Some((_, missing)) => Err(ImportError::Foreign { path: path.to_owned(), missing }),
        None => Ok(()),
    }
}

async fn columns(path: &Path, connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>, ImportError> {
    sqlx::query_scalar(COLUMNS).bind(table).fetch_all(connection).await.map_err(|error| why(path, error))
}

async fn read_rows(connection: &mut SqliteConnection) -> Result<Source, sqlx::Error> {
    let projects = records(&sqlx::query(PROJECTS).fetch_all(&mut *connection).await?)?;
    let tokens = records(&sqlx::query(TOKENS).fetch_all(&mut *connection).await?)?;
    // The oldest layout has no such table.
    let audited: Vec<String> = sqlx::query_scalar(COLUMNS).bind("audit_events").fetch_all(&mut *connection).await?;
    let audit_events = match audited.is_empty() {
        true => 0,
        false => sqlx::query_scalar::<_, i64>(COUNT_AUDIT_EVENTS).fetch_one(connection).await?,
    };
    Ok(Source { projects, tokens, audit_events: audit_events.unsigned_abs() })
}

fn records(rows: &[SqliteRow]) -> Result<Vec<Record>, sqlx::Error> {
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<Record, sqlx::Error> {
    let cells = row.columns().iter().map(|column| Ok((column.name().to_owned(), cell(row, column.ordinal())?)));
    cells.collect::<Result<_, sqlx::Error>>().map(Record::new)
}

/// The value's own type counts, whatever the column is declared as.
fn cell(row: &SqliteRow, at: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    Ok(match value.type_info().name() {
        "INTEGER" => Cell::Integer(row.try_get_unchecked(at)?),
        // Text that is not UTF-8 is no text.
        "TEXT" => row.try_get_unchecked(at).map_or(Cell::Other, |text: String| Cell::Text(Zeroizing::new(text))),
        _ => Cell::Other,
    })
}

/// SQLITE_CORRUPT is 11, SQLITE_NOTADB 26 (<https://www.sqlite.org/rescode.html>).
fn why(path: &Path, source: sqlx::Error) -> ImportError {
    let code = source.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let path = path.to_owned();
    match code.map(|code| code & 0xff) {
        Some(11) => ImportError::Damaged { path },
        Some(26) => ImportError::NotSqlite { path },
        Some(_) | None => ImportError::Read { path, source },
    }
}
