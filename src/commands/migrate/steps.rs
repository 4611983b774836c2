//! What `migrate` asks of the store, as functions: the one place that knows which of them the store can do.
//!
//! Each opens the store that the settings name, does one thing, and closes it. None prints, and none decides whether it
//! is meant.

use std::path::Path;

use llm_proxy_storage::{OpenError, SqlStore};
use serde::Serialize;
use thiserror::Error;

use crate::settings::StoreSettings;

/// One step of the tables' history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct MigrationStep {
    /// Its number; later steps have greater ones.
    pub(crate) version: i64,
    /// What it is about, in a few words.
    pub(crate) about: String,
    /// Whether the database has it.
    pub(crate) applied: bool,
}

/// How the values at rest are sealed: before a run of `encrypt`, what there is to do; after it, what was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct EncryptReport {
    /// Values that were sealed anew; in a status, that are to be: plain ones and those under ENCRYPTION_KEY_OLD.
    pub(crate) sealed: u64,
    /// Values that ENCRYPTION_KEY opened already.
    pub(crate) already: u64,
    /// Values that no key opens.
    pub(crate) unreadable: u64,
}

/// What came over from a database of the original program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct ImportReport {
    /// Projects that were made.
    pub(crate) projects: u64,
    /// Tokens that were made.
    pub(crate) tokens: u64,
    /// Projects and tokens that were left out, since they are here already or make no sense.
    pub(crate) skipped: u64,
}

/// Why a step was not done.
#[derive(Debug, Error)]
pub(crate) enum StepError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot do it yet.
    #[error("migrate {0} is not supported by this version")]
    Unsupported(&'static str),
}

/// Brings the tables up to date. Gives the steps that this took, oldest first; `None` where the store does not say.
///
/// # Errors
/// If the store cannot be opened.
pub(crate) fn up(store: &StoreSettings) -> Result<Option<Vec<MigrationStep>>, StepError> {
    let key = store.encryption_key.as_ref();
    futures_lite::future::block_on(SqlStore::open(&store.path, store.pool_size.get(), key))?;
    Ok(None)
}

/// Takes the newest `steps` steps back, and what was stored by them. Gives them, newest first.
///
/// # Errors
/// Always, in this version.
pub(crate) fn down(_store: &StoreSettings, _steps: u32) -> Result<Vec<MigrationStep>, StepError> {
    Err(StepError::Unsupported("down"))
}

/// All steps that the program or the database knows, oldest first. It changes nothing.
///
/// # Errors
/// Always, in this version.
pub(crate) fn status(_store: &StoreSettings) -> Result<Vec<MigrationStep>, StepError> {
    Err(StepError::Unsupported("status"))
}

/// The number of the newest step that the database has; `None` if it has none. It changes nothing.
///
/// # Errors
/// Always, in this version.
pub(crate) fn version(_store: &StoreSettings) -> Result<Option<i64>, StepError> {
    Err(StepError::Unsupported("version"))
}

/// Seals under ENCRYPTION_KEY what is plain or sealed under ENCRYPTION_KEY_OLD.
///
/// # Errors
/// Always, in this version.
pub(crate) fn encrypt(_store: &StoreSettings) -> Result<EncryptReport, StepError> {
    Err(StepError::Unsupported("encrypt"))
}

/// What `encrypt` would do. It changes nothing.
///
/// # Errors
/// Always, in this version.
pub(crate) fn encrypt_status(_store: &StoreSettings) -> Result<EncryptReport, StepError> {
    Err(StepError::Unsupported("encrypt-status"))
}

/// Takes over the projects and tokens of the original program's SQLite database at `from`.
///
/// # Errors
/// Always, in this version.
pub(crate) fn import(_store: &StoreSettings, _from: &Path) -> Result<ImportReport, StepError> {
    Err(StepError::Unsupported("import"))
}
