//! Why encryption was not brought up to date, in sentences that say what to do. None of them prints a key.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::error::OpenError;
use crate::seal::SealError;

/// Why nothing was sealed or counted.
#[derive(Debug, Error)]
pub enum EncryptError {
    /// The store is in memory.
    #[error("a store in memory keeps nothing that could be encrypted")]
    NothingAtRest,
    /// There is no database.
    #[error("there is no database {path}", path = .path.display())]
    NoDatabase {
        /// Which file.
        path: PathBuf,
        /// Why its path cannot be followed, if that is the reason.
        #[source]
        source: Option<io::Error>,
    },
    /// There is no key to seal under.
    #[error("there is no key to encrypt with: set ENCRYPTION_KEY (make one with: openssl rand -base64 32)")]
    NoKey,
    /// ENCRYPTION_KEY or the key file is no key, or the server cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// ENCRYPTION_KEY_OLD is no key.
    #[error("ENCRYPTION_KEY_OLD must be the base64 of exactly 32 bytes")]
    BadOldKey,
    /// No key that was given opens the database.
    #[error(
        "none of the given keys opens this database, so nothing was changed: set ENCRYPTION_KEY_OLD to the key \
             that it was made with"
    )]
    WrongOldKey,
    /// The database cannot be read or written.
    #[error(
        "the database failed: check that it is one of this program and that no other process holds it, then run \
             this again"
    )]
    Database(#[from] sqlx::Error),
    /// A value could not be sealed.
    #[error("a secret could not be sealed, so nothing was changed")]
    Seal(#[from] SealError),
    /// All is sealed under the new key, but the old key file is still in its place.
    #[error("everything is encrypted under ENCRYPTION_KEY, but the key file {key_file} could not be renamed: move it \
             away", key_file = .key_file.display())]
    KeyFileKept {
        /// Which file.
        key_file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
