//! Where in the file the database is: found once after the start, by looking from the end backwards in growing steps.
//! From there on the file is given to the database, which passes over what it has.
//!
//! - Each run gives the database what stands before its own `server.start` before it gives that. So a start that the
//!   database has says that it has all before it, of every instance that writes the file.
//! - After that start the database has a beginning of each chain. Where there is one chain only, an event of it that the
//!   database has says that it has all before it.

use llm_proxy_core::ids::ChainId;

use super::journal::Stretch;
use super::thread::JournalLink;
use crate::store::{Store, StoreError};

/// The first step back, in bytes: a few events.
const FIRST_STEP: u64 = 4 << 10;

/// Tells the journal what the database has of the file.
///
/// # Errors
/// If the store fails; then nothing was told.
pub(crate) async fn find(journal: &JournalLink, store: &dyn Store) -> Result<(), StoreError> {
    let end = journal.file_length().await;
    let (mut place, mut step) = (end, FIRST_STEP);
    let mut of_one_chain = None;
    while place > 0 {
        place = end.saturating_sub(step);
        step = step.saturating_mul(2);
        let stretch = match journal.stretch(place).await {
            Ok(stretch) => stretch,
            Err(error) => {
                tracing::error!(%error, "the audit log cannot be read: the database is given all of it");
                return Ok(());
            }
        };
        if of_one_chain.is_none() && has_first(store, &stretch).await? {
            of_one_chain = Some(place);
        }
        if let Some(chains) = after_a_start(store, &stretch).await? {
            let is_one = chains.windows(2).all(|pair| pair.first() == pair.last());
            let known = if is_one { of_one_chain } else { None };
            journal.skip_to(known.unwrap_or(place)).await;
            return Ok(());
        }
    }
    Ok(())
}

async fn has_first(store: &dyn Store, stretch: &Stretch) -> Result<bool, StoreError> {
    match stretch.first {
        Some(first) => Ok(store.get_event(first).await?.is_some()),
        None => Ok(false),
    }
}

/// The chains from the last start on that the database has.
async fn after_a_start<'a>(store: &dyn Store, stretch: &'a Stretch) -> Result<Option<&'a [ChainId]>, StoreError> {
    for (start, chains) in stretch.starts.iter().rev() {
        if store.get_event(*start).await?.is_some() {
            return Ok(stretch.chains.get(chains.saturating_sub(1)..));
        }
    }
    Ok(None)
}
