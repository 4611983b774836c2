//! Where in the file the database is: found once after the start, by looking from the end backwards in growing steps
//! for an event that the database has. From there on the file is given to the database, which passes over what it has.
//!
//! Another instance may have gone on in the same file after one that crashed, so the look goes back for a stretch more:
//! what the crashed one did not give to the database is before what the other did.

use super::thread::JournalLink;
use crate::store::{Store, StoreError};

/// The first step back, in bytes: a few events.
const FIRST_STEP: u64 = 4 << 10;

/// How much of the file is given to the database again, for the sake of other instances: about a thousand events.
const STRETCH: u64 = 512 << 10;

/// Tells the journal what the database has of the file.
///
/// # Errors
/// If the store fails; then nothing was told.
pub(crate) async fn find(journal: &JournalLink, store: &dyn Store) -> Result<(), StoreError> {
    let end = journal.file_length().await;
    let mut step = FIRST_STEP;
    let mut place = end;
    while place > 0 {
        place = end.saturating_sub(step);
        step = step.saturating_mul(2);
        let event = match journal.event_at(place).await {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "the audit log cannot be read: the database is given all of it");
                return Ok(());
            }
        };
        let Some(event) = event else { continue };
        if store.get_event(event).await?.is_some() {
            journal.skip_to(place.min(end.saturating_sub(STRETCH))).await;
            return Ok(());
        }
    }
    Ok(())
}
