//! Look-ups of one token take turns. When the grant of a busy token grows too old, all its requests miss it at once;
//! the first asks the store, the others wait for that answer and find it in the cache.

use async_lock::{Mutex, MutexGuard};
use llm_proxy_core::auth::TokenDigest;

/// Tokens whose digests meet in one place take turns with each other too: rare among this many, and harmless.
const PLACES: usize = 256;

/// The places where look-ups wait.
#[derive(Debug)]
pub(crate) struct Turns([Mutex<()>; PLACES]);

impl Turns {
    /// Waits until no other look-up of that token is under way; the guard ends the turn.
    pub(crate) async fn turn(&self, digest: &TokenDigest) -> MutexGuard<'_, ()> {
        // A digest's bytes are evenly spread, and only who has the token key can choose them.
        self.0[usize::from(digest.as_bytes()[0]) % PLACES].lock().await
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}
