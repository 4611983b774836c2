//! Verifying a file or a database from its beginning to its end, a piece at a time. What is right is the core's to say
//! ([`Verifier`]); here it is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use llm_proxy_core::audit::{Fault, Source, Verified, Verifier};
use thiserror::Error;

use crate::config::{Database, StorageConfig};
use crate::opening;
use crate::store::{Store, StoreError};

/// How much of a line is read. No event has as much; what is longer has no end.
const LONGEST_LINE: u64 = 1 << 20;
/// Events that are read from a database at once.
const EVENTS_AT_ONCE: u32 = 500;

/// Verifying came to no good end.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It was read, and something is wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The file cannot be read.
    #[error("the audit log cannot be read: {0}")]
    File(#[from] io::Error),
    /// An event of the database was changed so that it cannot be read as one.
    #[error(transparent)]
    Changed(StoreError),
    /// There is no database.
    #[error("there is no database {path}", path = .0.display())]
    NoDatabase(std::path::PathBuf),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] crate::error::OpenError),
    /// The database cannot be read.
    #[error("the database cannot be read")]
    Store(#[source] StoreError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::CorruptEvent { .. }) { Self::Changed(error) } else { Self::Store(error) }
    }
}

/// Verifies an audit log. It may be in use: lines that come meanwhile are verified too.
///
/// # Errors
/// The first fault, or why it cannot be read.
pub fn verify_file(path: &Path) -> Result<Verified, VerifyError> {
    let mut file = BufReader::with_capacity(256 << 10, File::open(path)?);
    let mut verifier = Verifier::of(Source::File);
    let mut line = Vec::new();
    loop {
        line.clear();
        file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(verifier.finish()?);
        }
        if !line.ends_with(b"\n") {
            read_rest(&mut file, &mut line)?;
        }
        verifier.line(&line)?;
    }
}

/// The end of a line that may be being written just now: who writes holds the file's lock until it is whole.
fn read_rest(file: &mut BufReader<File>, line: &mut Vec<u8>) -> io::Result<()> {
    file.get_ref().lock_shared()?;
    let rest = file.by_ref().take(LONGEST_LINE).read_until(b'\n', line);
    file.get_ref().unlock()?;
    rest.map(drop)
}

/// Verifies the events of a database.
///
/// # Errors
/// The first fault, or why it cannot be read.
pub async fn verify_database(config: &StorageConfig) -> Result<Verified, VerifyError> {
    match &config.database {
        // Opening would make one.
        Database::Sqlite { path, .. } if !path.try_exists()? => Err(VerifyError::NoDatabase(path.clone())),
        Database::Sqlite { .. } | Database::Server { .. } | Database::Memory => {
            let store = opening::open(config).await?;
            let verified = verify_store(&*store).await;
            store.close().await;
            verified
        }
    }
}

/// Verifies the events of a store.
pub(crate) async fn verify_store(store: &dyn Store) -> Result<Verified, VerifyError> {
    let mut verifier = Verifier::of(Source::Database);
    let mut cursor = None;
    loop {
        let events = store.events_after(cursor, EVENTS_AT_ONCE).await?;
        let Some(last) = events.last() else { return Ok(verifier.finish()?) };
        cursor = Some(last.id);
        for event in &events {
            // An event is made of text, numbers and maps, all of which JSON has.
            verifier.event(&serde_json::to_value(event).unwrap_or_default())?;
        }
    }
}
