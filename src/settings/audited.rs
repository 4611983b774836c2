//! Where audit events are, for the command that verifies them. What is wrong with the other settings is not its concern.

use std::ffi::OsString;
use std::path::PathBuf;

use super::values::Values;
use super::{Problem, SettingsFlags, Sources, StoreSettings, store, table};

/// Where a server with these settings puts its audit events.
#[derive(Debug)]
pub(crate) struct AuditPlaces {
    /// The file, if there is to be one.
    pub(crate) file: Option<PathBuf>,
    /// The database.
    pub(crate) store: StoreSettings,
}

/// Reads where the events are from the environment and the `.env` file, or the one that is named.
///
/// # Errors
/// All that is wrong.
pub(crate) fn audit_places(
    env_file: Option<PathBuf>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<AuditPlaces, Vec<String>> {
    let mut flags = SettingsFlags::default();
    flags.env_file = env_file;
    let sources = Sources::collect(&flags, environment).map_err(|error| vec![error.to_string()])?;
    let mut values = Values::pick(&sources);
    let file = values.read(&table::AUDIT_LOG_FILE);
    let store = store(&mut values);
    match (file, store) {
        (Some(file), Some(store)) if values.problems().is_empty() => Ok(AuditPlaces { file, store }),
        _ => Err(values.problems().iter().map(|Problem { message, .. }| message.clone()).collect()),
    }
}
