//! Why a store cannot be opened, in sentences that say what to do. None of them prints a key.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::audit::AuditFileError;
use crate::random::NoRandomness;
use crate::seal::SealError;
use crate::sql;

/// Why a store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The audit log's file cannot be used.
    #[error(transparent)]
    AuditFile(#[from] AuditFileError),
    /// The first event cannot be written.
    #[error("the audit log cannot be written: see the log for the cause")]
    AuditLog,
    /// The audit log cannot be read again, or has no thread.
    #[error("the audit log cannot be started")]
    AuditThread(#[source] io::Error),
    /// The database's folder or file cannot be made or protected.
    #[error("cannot prepare the database file {path}: check that its folder is writable", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {path}", path = .path.display())]
    Connect {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("cannot migrate the database; if a newer version of this program made it, use that version")]
    Migrate(#[source] MigrateError),
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
    /// Whether waiting may mend it, because the database is there but cannot be reached just now. Else someone has to
    /// change something: a key, a file, a folder's rights, the version of this program.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { source, .. } => sql::is_temporary(source),
            Self::Migrate(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                sql::is_temporary(source)
            }
            Self::Migrate(_)
            | Self::File { .. }
            | Self::BadEncryptionKey
            | Self::KeyMissing { .. }
            | Self::WrongKey { .. }
            | Self::KeyFile { .. }
            | Self::KeyFileDamaged { .. }
            | Self::AuditFile(_)
            | Self::AuditThread(_)
            | Self::AuditLog
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
