//! Why a store cannot be opened, in sentences that say what to do. None of them prints a key or a password.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::audit::AuditFileError;
use crate::random::NoRandomness;
use crate::seal::SealError;
use crate::sql::trouble;

/// Why a store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The audit log's file cannot be used.
    #[error(transparent)]
    AuditFile(#[from] AuditFileError),
    /// The first event cannot be written.
    #[error(
        "the audit log cannot be written (the log says why): if its disk is full, make room, or set AUDIT_LOG_FILE to another path"
    )]
    AuditLog,
    /// The audit log cannot be read again, or has no thread.
    #[error("the audit log cannot be started")]
    AuditThread(#[source] io::Error),
    /// There can be no thread for Redis.
    #[error("cannot start the thread that speaks with Redis")]
    RedisThread(#[source] io::Error),
    /// The database's folder or file cannot be made or protected.
    #[error("cannot prepare the database file {path}: check that its folder is writable", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened or reached.
    #[error("cannot open the database {database}")]
    Connect {
        /// Which: a file, or a server's address without the password.
        database: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Another instance works on the tables for longer than this one waits.
    #[error("another instance is migrating the database {database}")]
    Locked {
        /// Which.
        database: String,
    },
    /// A step of the tables' history failed.
    #[error("cannot migrate the database")]
    Migrate(#[source] MigrateError),
    /// The tables were made by a version that is newer than this.
    #[error(
        "a newer version of this program made the database (step {found} of its tables; this version knows {known}): \
             use that version, or let it migrate down first"
    )]
    NewerSchema {
        /// The first step that is not known.
        found: i64,
        /// The last step that is.
        known: i64,
    },
    /// The tables were made by something else.
    #[error(
        "step {version} of the database's tables is not the one that this program knows: is it this program's \
             database?"
    )]
    ChangedMigration {
        /// Which step.
        version: i64,
    },
    /// A step was broken off, and the database cannot undo it.
    #[error(
        "step {version} of the database's tables was broken off half way: put back a copy of the database, or begin \
             with an empty one"
    )]
    HalfMigrated {
        /// Which step.
        version: i64,
    },
    /// The keys cannot be read or written.
    #[error("cannot read or write the database's keys")]
    Keys(#[source] sqlx::Error),
    /// What is stored as the token key is none.
    #[error("the database's token key is damaged: put back a copy of the database")]
    TokenKeyDamaged,
    /// A server needs a key that all instances share.
    #[error(
        "{database} needs ENCRYPTION_KEY, the same for all instances: set it to the base64 of 32 bytes (make one with: \
             openssl rand -base64 32)"
    )]
    KeyRequired {
        /// Which kind of database.
        database: &'static str,
    },
    /// The setting is no key.
    #[error("ENCRYPTION_KEY must be the base64 of exactly 32 bytes (make one with: openssl rand -base64 32)")]
    BadEncryptionKey,
    /// There are sealed values, and nothing to open them with.
    #[error("the database holds encrypted values, but there is no key: set ENCRYPTION_KEY to the key that it was \
             made with, or put back the key file {key_file}", key_file = .key_file.display())]
    KeyMissing {
        /// Where the key file would be.
        key_file: PathBuf,
    },
    /// The key that is there does not open what the database holds.
    #[error(
        "the key in {origin} does not open this database: give it the key that it was made with, or \
             change the database to this key with: llm-proxy migrate encrypt"
    )]
    WrongKey {
        /// Where the key came from.
        origin: String,
    },
    /// The key file cannot be read or made.
    #[error("cannot read or make the key file {path}", path = .path.display())]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("the key file {path} is damaged: it must hold the base64 of 32 bytes; put back a copy of it",
            path = .path.display())]
    KeyFileDamaged {
        /// Which file.
        path: PathBuf,
    },
    /// The first secret could not be sealed.
    #[error("cannot seal the token key")]
    Seal(#[source] SealError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl OpenError {
    /// Whether waiting may mend it: the database cannot be reached now, starts, or is busy. Everything else needs
    /// somebody to change something.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { source, .. } | Self::Keys(source) => trouble::passes(source),
            Self::Migrate(error) => trouble::migrate_passes(error),
            Self::Locked { .. } => true,
            Self::File { .. }
            | Self::NewerSchema { .. }
            | Self::ChangedMigration { .. }
            | Self::HalfMigrated { .. }
            | Self::TokenKeyDamaged
            | Self::KeyRequired { .. }
            | Self::BadEncryptionKey
            | Self::KeyMissing { .. }
            | Self::WrongKey { .. }
            | Self::KeyFile { .. }
            | Self::KeyFileDamaged { .. }
            | Self::AuditFile(_)
            | Self::AuditThread(_)
            | Self::AuditLog
            | Self::RedisThread(_)
            | Self::Seal(_)
            | Self::Random(_) => false,
        }
    }
}

/// An error and its causes in one line; a cause that is in the text before it is not repeated.
#[must_use]
pub fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
