//! Those who ask the store about one token take turns. When the grant of a busy token grows too old, or its lease is
//! spent, all its requests miss it at once; the first asks the store, the others wait for that answer and find it in
//! memory.

use std::sync::atomic::AtomicU64;

use async_lock::{Mutex, MutexGuard};
use llm_proxy_core::auth::TokenDigest;
use llm_proxy_core::ids::TokenId;

/// Tokens that meet in one place take turns with each other too: rare among this many, and harmless.
const PLACES: usize = 256;

/// The places where they wait.
#[derive(Debug)]
pub(crate) struct Turns([Mutex<()>; PLACES], [AtomicU64; PLACES]);

impl Turns {
    /// Waits until nobody else looks that token up; the guard ends the turn.
    pub(crate) async fn of_digest(&self, digest: &TokenDigest) -> MutexGuard<'_, ()> {
        // A digest's bytes are evenly spread, and only who has the token key can choose them.
        self.0[usize::from(digest.as_bytes()[0]) % PLACES].lock().await
    }

    /// Waits until nobody else leases of that token; the guard ends the turn.
    pub(crate) async fn of_token(&self, token: TokenId) -> MutexGuard<'_, ()> {
        self.0[place_of(token)].lock().await
    }

    /// How many turns at that token's place have failed: who waited for one that did knows the answer.
    pub(crate) fn failures(&self, token: TokenId) -> &AtomicU64 {
        &self.1[place_of(token)]
    }

    /// Waits until no turn is left under way, and lets none begin.
    pub(crate) async fn all(&self) -> Vec<MutexGuard<'_, ()>> {
        let mut guards = Vec::with_capacity(PLACES);
        for place in &self.0 {
            guards.push(place.lock().await);
        }
        guards
    }
}

/// The end of an id is random.
fn place_of(token: TokenId) -> usize {
    usize::from(token.uuid().as_bytes()[15]) % PLACES
}

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())), std::array::from_fn(|_| AtomicU64::new(0)))
    }
}
