//! Databases as the original wrote them, in its oldest and its newest layout.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;

/// One key column, tokens in plain and without ids, no audit events.
pub(crate) const OLDEST: &str = "
    CREATE TABLE projects (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, openai_api_key TEXT NOT NULL,
        created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE tokens (
        token TEXT PRIMARY KEY, project_id TEXT NOT NULL, expires_at DATETIME,
        is_active BOOLEAN NOT NULL DEFAULT 1, request_count INTEGER NOT NULL DEFAULT 0, max_requests INTEGER,
        created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, last_used_at DATETIME
    );";

/// With ids, digests, dates of deactivation, hits of the cache, and audit events.
pub(crate) const NEWEST: &str = "
    CREATE TABLE projects (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, api_key TEXT NOT NULL,
        is_active BOOLEAN NOT NULL DEFAULT 1, deactivated_at DATETIME,
        created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, project_id TEXT NOT NULL, expires_at DATETIME,
        is_active BOOLEAN NOT NULL DEFAULT 1, deactivated_at DATETIME, request_count INTEGER NOT NULL DEFAULT 0,
        max_requests INTEGER, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, last_used_at DATETIME,
        cache_hit_count INTEGER NOT NULL DEFAULT 0, metadata TEXT
    );
    CREATE TABLE audit_events (
        id TEXT PRIMARY KEY, timestamp DATETIME NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL,
        outcome TEXT NOT NULL
    );";

/// The token for the bytes 0 to 15, and its SHA-256 (Python: hashlib.sha256).
pub(crate) const TOKEN: &str = "sk-AAECAwQFBgcICQoLDA0ODw";
pub(crate) const TOKEN_SHA256: &str = "13ed05a759023af1c097338923363a18faa173cecef2d9e4e8c77f3e0b8652eb";
/// The token for the bytes 16 to 31, and its SHA-256.
pub(crate) const OTHER_TOKEN: &str = "sk-EBESExQVFhcYGRobHB0eHw";
pub(crate) const OTHER_TOKEN_SHA256: &str = "5dbd234c54324e42f4982a8760dec0234155a14812a8f5cd3fb1834717e800c8";

/// `sk-upstream-0123456789abcdef`, sealed as the original does, by another implementation (Python's `cryptography`):
/// key 0..32, nonce 100..112, no associated data.
pub(crate) const SEALED_KEY: &str =
    "enc:v1:ZGVmZ2hpamtsbW5vO3DzEwmaIuxbAzLF6lRYznb3MD2zVZIQxLXJLhBJ7mOxoEBCbGXqw1zWis4=";

/// Ids of two projects and of a token.
pub(crate) const ALPHA: &str = "0b5a1c9e-5f0e-4c1a-9a57-2f6b2b1f0a01";
pub(crate) const BETA: &str = "0b5a1c9e-5f0e-4c1a-9a57-2f6b2b1f0a02";
pub(crate) const TOKEN_ID: &str = "5d0c3a52-93a1-4b0e-8d7c-0f4e6a7b8c01";

/// Where the original's database is in `folder`.
pub(crate) fn old_path(folder: &TempDir) -> PathBuf {
    folder.path().join("old.db")
}

/// Makes a database of that layout with these rows, and leaves it as a program that was stopped does.
pub(crate) async fn original(folder: &TempDir, layout: &'static str, rows: &[&str]) -> PathBuf {
    let path = old_path(folder);
    let mut connection = writer(&path).await;
    sqlx::raw_sql(layout).execute(&mut connection).await.unwrap();
    add(&mut connection, rows).await;
    connection.close().await.unwrap();
    path
}

/// A connection as the original has it.
pub(crate) async fn writer(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.journal_mode(SqliteJournalMode::Wal).connect().await.unwrap()
}

/// Adds rows, each given as what follows INSERT INTO.
pub(crate) async fn add(connection: &mut SqliteConnection, rows: &[&str]) {
    for row in rows {
        sqlx::raw_sql(AssertSqlSafe(format!("INSERT INTO {row}"))).execute(&mut *connection).await.unwrap();
    }
}

/// A project of the oldest layout with a plain key.
pub(crate) fn old_project(id: &str, name: &str) -> String {
    format!("projects (id, name, openai_api_key) VALUES ('{id}', '{name}', 'sk-upstream-0123456789abcdef')")
}

/// A token of the oldest layout that never expires.
pub(crate) fn old_token(token: &str, project: &str) -> String {
    format!("tokens (token, project_id) VALUES ('{token}', '{project}')")
}

/// A project of the newest layout.
pub(crate) fn new_project(id: &str, name: &str, key: &str) -> String {
    format!("projects (id, name, api_key) VALUES ('{id}', '{name}', '{key}')")
}

/// A token of the newest layout that never expires.
pub(crate) fn new_token(id: &str, token: &str, project: &str) -> String {
    format!("tokens (id, token, project_id) VALUES ('{id}', '{token}', '{project}')")
}
