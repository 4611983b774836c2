//! Taking over the SQLite database of the Go program llm-proxy (github.com/sofatutor/llm-proxy), called the original
//! here: its projects, tokens and counters. Tokens go on working with the same string, also where the original kept
//! only their SHA-256.
//!
//! It decides what each row becomes here, and what is left out and why (`convert`), and what is new to a store
//! (`plan`). It brings all of it or, on any failure, nothing, and a second run brings only what was not there. It never
//! changes the original's file, never changes a row that is here already, and never prints a key or a token.
//!
//! What the original writes, by its layout: tokens in plain (`sk-` or, in its oldest versions, `tkn_`, and 22 characters)
//! or as 64 hex digits of their SHA-256; upstream keys in plain or as `enc:v1:` + base64(nonce‖ciphertext‖tag) under its
//! ENCRYPTION_KEY, with no associated data; times and flags as the Go driver for SQLite writes them (`cell`).

use std::path::{Path, PathBuf};

use llm_proxy_core::time::Timestamp;

use crate::config::{Database, StorageConfig};
use crate::key::EncryptionKey;
use crate::opening;
use crate::seal::Sealer;
use crate::sql::original;

pub(crate) mod cell;
mod convert;
mod error;
pub(crate) mod plan;
mod records;
mod report;

pub use error::ImportError;
pub use records::{ImportBatch, ImportedProject, ImportedToken};
pub use report::{Counted, ImportReport, LeftOut, LeftOutReason, NewId, Renamed, Row};

/// What the original's rows do not say.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The provider of all its projects: it knew one.
    pub provider: String,
    /// Now: stands in for times that are missing.
    pub at: Timestamp,
}

/// Brings the original's database at `path` into the store that `config` names. The upstream keys that the original
/// sealed are opened with `config.encryption_key`.
///
/// # Errors
/// With a sentence that says what to do; nothing was brought then.
pub async fn import(config: &StorageConfig, path: &Path, options: &ImportOptions) -> Result<ImportReport, ImportError> {
    refuse_the_same_file(&config.database, path)?;
    let key = config.encryption_key.as_ref().map(EncryptionKey::from_setting).transpose()?;
    let source = original::read(path).await?;
    let batch = convert::convert(&source, key.as_ref().map(Sealer::new).as_ref(), options)?;
    let store = opening::open(config).await?;
    let imported = store.import(batch).await;
    store.close().await;
    Ok(imported?)
}

/// The original's default path is ours too, so this is easy to do by mistake.
fn refuse_the_same_file(database: &Database, path: &Path) -> Result<(), ImportError> {
    let same = match database {
        Database::Sqlite { path: ours, .. } => real(ours) == real(path),
        Database::Server { .. } | Database::Memory => false,
    };
    if same { Err(ImportError::SameFile { path: path.to_owned() }) } else { Ok(()) }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
