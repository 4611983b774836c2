//! Why nothing was brought, in sentences that say what to do. None of them prints a stored value.

use std::path::PathBuf;

use thiserror::Error;

use crate::error::OpenError;
use crate::store::StoreError;

/// Why an import was not done. Nothing was changed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is the one that the import would go to.
    #[error("{path} is the database to import into: move the old file to another place first", path = .path.display())]
    SameFile {
        /// Which file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("there is no file {path} to import from", path = .path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a SQLite database", path = .path.display())]
    NotSqlite {
        /// Which file.
        path: PathBuf,
    },
    /// The file is a SQLite database, or was one.
    #[error("the database {path} is damaged: import from a backup of it, or from what `sqlite3 {path} .recover` saves",
            path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The file is a database of this program.
    #[error("{path} is already a database of this version: set DATABASE_PATH to it instead of importing it",
            path = .path.display())]
    OwnDatabase {
        /// Which file.
        path: PathBuf,
    },
    /// The file has other tables.
    #[error("{path} is not a database of llm-proxy: it has no {missing}", path = .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is not there.
        missing: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the database {path}: check that it is readable, and that the program that wrote it is stopped",
            path = .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// There are sealed upstream keys and no key.
    #[error(
        "{projects} projects have an encrypted upstream key: set ENCRYPTION_KEY to the key that the old \
             installation used"
    )]
    KeyNeeded {
        /// How many.
        projects: usize,
    },
    /// The key opens none of them.
    #[error(
        "ENCRYPTION_KEY opens none of the {projects} encrypted upstream keys: set it to the key that the old \
             installation used"
    )]
    WrongKey {
        /// How many.
        projects: usize,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store did not take it.
    #[error("nothing was imported")]
    Store(#[from] StoreError),
}
