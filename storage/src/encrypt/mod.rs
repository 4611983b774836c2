//! Encryption at rest, brought up to the key that counts: `encrypt` seals under ENCRYPTION_KEY what is plain, or what an
//! older key opens; `encrypt_status` only counts.
//!
//! All of it is one transaction. A crash at any moment leaves the database as it was or wholly under the new key, never
//! between, so there is no unfinished state for a server to refuse, and the same command with the same keys can be
//! given again: it finds everything to do or nothing. The only thing outside the transaction is the key file, which is
//! put away after the commit; a second run does that too.
//!
//! Servers that run meanwhile keep the old key: they are to be stopped first. A key that one of them still writes under
//! the old key is found by `encrypt_status` and sealed anew by another run.
//!
//! It never makes a key, never deletes one, and never says what a sealed text holds.

use std::path::{Path, PathBuf};

use llm_proxy_core::secret::Secret;

use crate::config::{Database, StorageConfig};
use crate::files;
use crate::sql::reseal::SealedDatabase;
use crate::sql::url::DatabaseUrl;

mod error;
mod keys;
mod report;
mod sort;

pub use error::EncryptError;
pub use report::{EncryptReport, EncryptStatus, SealedValue};

pub(crate) use keys::Keys;
pub(crate) use sort::{Change, StoredValue, Work, work};

/// Seals everything under the key of `config` (ENCRYPTION_KEY, or a SQLite database's key file where that is not set). `old_key` is
/// ENCRYPTION_KEY_OLD. With ENCRYPTION_KEY set, a key file beside the database is an old key too, and is renamed
/// afterwards.
///
/// # Errors
/// With a sentence that says what to do. Nothing was changed then, but for [`EncryptError::KeyFileKept`].
pub async fn encrypt(config: &StorageConfig, old_key: Option<&Secret>) -> Result<EncryptReport, EncryptError> {
    let place = Place::of(&config.database)?;
    let keys = Keys::gather(place.key_file(), config.encryption_key.as_ref(), old_key)?;
    if !keys.has_current() {
        return Err(EncryptError::NoKey);
    }
    let mut database = SealedDatabase::open(&place).await?;
    let done = database.reseal(&keys).await;
    database.close().await?;
    let done = done?;
    let key_file = keys.outdated_file().map(put_away).transpose()?;
    Ok(EncryptReport { status: done.status, sealed: done.sealed, resealed: done.resealed, key_file })
}

/// Counts what is plain, sealed under the key of `config`, and neither.
///
/// # Errors
/// If the database or the key cannot be read.
pub async fn encrypt_status(config: &StorageConfig) -> Result<EncryptStatus, EncryptError> {
    let place = Place::of(&config.database)?;
    let keys = Keys::gather(place.key_file(), config.encryption_key.as_ref(), None)?;
    let mut database = SealedDatabase::open(&place).await?;
    let values = database.read().await;
    database.close().await?;
    Ok(sort::status(&keys, &values?))
}

/// Where the values are.
pub(crate) enum Place<'c> {
    /// In the file at this absolute path, which is there.
    File(PathBuf),
    Server(&'c DatabaseUrl),
}

impl<'c> Place<'c> {
    fn of(database: &'c Database) -> Result<Self, EncryptError> {
        match database {
            Database::Sqlite { path, .. } if path.is_file() => match std::path::absolute(path) {
                Ok(path) => Ok(Self::File(path)),
                Err(source) => Err(EncryptError::NoDatabase { path: path.clone(), source: Some(source) }),
            },
            Database::Sqlite { path, .. } => Err(EncryptError::NoDatabase { path: path.clone(), source: None }),
            Database::Server { url, .. } => Ok(Self::Server(url)),
            Database::Memory => Err(EncryptError::NothingAtRest),
        }
    }

    /// Where the key file is, if there is one. A server has none: its instances share a key.
    fn key_file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(files::beside(path, ".key")),
            Self::Server(_) => None,
        }
    }
}

/// Renames the key file to a name that is free: what an older backup is sealed under may be needed again.
fn put_away(key_file: &Path) -> Result<PathBuf, EncryptError> {
    let mut away = files::beside(key_file, ".old");
    let mut number = 1_u64;
    while away.exists() {
        number += 1;
        away = files::beside(key_file, &format!(".old{number}"));
    }
    match std::fs::rename(key_file, &away) {
        Ok(()) => Ok(away),
        Err(source) => Err(EncryptError::KeyFileKept { key_file: key_file.to_owned(), source }),
    }
}
