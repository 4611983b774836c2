//! The place of the token key. Only the store knows the key, and the program answers before the store is open; so the
//! key comes late, once, and until then no token can be judged. It never waits for the key, and never lets it go again.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::TokenKey;

/// Empty until the store is open, then filled for good. Clones share one place; looking costs one atomic load.
#[derive(Clone, Default)]
pub struct TokenKeySlot(Arc<OnceLock<TokenKey>>);

impl TokenKeySlot {
    /// The key; `None` while the store has not been opened, and that is all it means: such a token is neither right nor
    /// wrong.
    #[must_use]
    pub fn get(&self) -> Option<&TokenKey> {
        self.0.get()
    }

    /// Puts the key in its place. The first one stays: a store has one key for its whole life.
    pub fn fill(&self, key: TokenKey) {
        // The key that comes second is dropped, as said.
        drop(self.0.set(key));
    }
}

impl From<TokenKey> for TokenKeySlot {
    fn from(key: TokenKey) -> Self {
        Self(Arc::new(OnceLock::from(key)))
    }
}

impl fmt::Debug for TokenKeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "TokenKeySlot(filled)" } else { "TokenKeySlot(empty)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TokenString;

    #[test]
    fn what_fills_one_clone_fills_all_and_stays() {
        let slot = TokenKeySlot::default();
        let other = slot.clone();
        assert!(other.get().is_none());
        slot.fill(TokenKey::new(&[1; 32]));
        slot.fill(TokenKey::new(&[2; 32]));
        let token = TokenString::from_random(&[9; 16]);
        assert_eq!(other.get().unwrap().digest(&token), TokenKey::new(&[1; 32]).digest(&token));
    }

    #[test]
    fn printing_says_only_whether_there_is_a_key() {
        assert_eq!(format!("{:?}", TokenKeySlot::default()), "TokenKeySlot(empty)");
        assert_eq!(format!("{:?}", TokenKeySlot::from(TokenKey::new(&[7; 32]))), "TokenKeySlot(filled)");
    }
}
