//! What `migrate` asks of the store: each function opens the database that the settings name, does one thing, and closes
//! it. None prints, and none decides whether it is meant.

use std::path::Path;

use futures_lite::future::block_on;
use llm_proxy_storage::{
    DownTo, EncryptError, EncryptReport, EncryptStatus, ImportError, ImportOptions, ImportReport, MigrationStep,
    OpenError, StorageConfig,
};
use thiserror::Error;

use crate::settings::{MigrateSettings, StoreSettings};
use llm_proxy_runtime_common::clock;

/// Why a step was not done.
#[derive(Debug, Error)]
pub(crate) enum StepError {
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nothing was sealed.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// Nothing was taken over.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// There is no provider for the projects.
    #[error("{0}")]
    Provider(String),
}

/// Brings the tables up to date; the steps as they are then.
///
/// # Errors
/// If the database cannot be used.
pub(crate) fn up(store: &StoreSettings) -> Result<Vec<MigrationStep>, StepError> {
    Ok(block_on(llm_proxy_storage::migrate_up(&store.database))?)
}

/// Takes the newest `steps` steps back, and what was stored by them; the steps as they are then.
///
/// # Errors
/// If the database cannot be used.
pub(crate) fn down(store: &StoreSettings, steps: u32) -> Result<Vec<MigrationStep>, StepError> {
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    Ok(block_on(llm_proxy_storage::migrate_down(&store.database, DownTo::Steps(steps)))?)
}

/// All steps, oldest first. It changes nothing.
///
/// # Errors
/// If the database cannot be used.
pub(crate) fn status(store: &StoreSettings) -> Result<Vec<MigrationStep>, StepError> {
    Ok(block_on(llm_proxy_storage::migration_status(&store.database))?)
}

/// The number of the newest step that the database has; `None` if it has none. It changes nothing.
///
/// # Errors
/// If the database cannot be used.
pub(crate) fn version(store: &StoreSettings) -> Result<Option<i64>, StepError> {
    Ok(block_on(llm_proxy_storage::schema_version(&store.database))?)
}

/// Seals under ENCRYPTION_KEY what is plain or sealed under ENCRYPTION_KEY_OLD.
///
/// # Errors
/// If a key or the database cannot be used.
pub(crate) fn encrypt(settings: &MigrateSettings) -> Result<EncryptReport, StepError> {
    Ok(block_on(llm_proxy_storage::encrypt(&config(&settings.store), settings.old_key.as_ref()))?)
}

/// How the values at rest are sealed. It changes nothing.
///
/// # Errors
/// If the key or the database cannot be used.
pub(crate) fn encrypt_status(store: &StoreSettings) -> Result<EncryptStatus, StepError> {
    Ok(block_on(llm_proxy_storage::encrypt_status(&config(store)))?)
}

/// Takes over the projects and tokens of the original program's SQLite database at `from`.
///
/// # Errors
/// If one of the databases cannot be used.
pub(crate) fn import(settings: &MigrateSettings, from: &Path) -> Result<ImportReport, StepError> {
    let provider = settings.provider.clone().map_err(StepError::Provider)?;
    let options = ImportOptions { provider, at: clock::now().wall };
    Ok(block_on(llm_proxy_storage::import(&config(&settings.store), from, &options))?)
}

fn config(store: &StoreSettings) -> StorageConfig {
    StorageConfig { encryption_key: store.encryption_key.clone(), ..StorageConfig::new(store.database.clone()) }
}
