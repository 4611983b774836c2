//! The place of the providers, which a reload of their file replaces while requests run. It decides nothing: what is put
//! here counts for every request that is judged from then on, and no request that was judged before is disturbed, since an
//! exchange holds its [`Provider`](super::Provider) itself.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::Providers;

/// Holds the present providers. Clones share one place; looking takes no lock.
#[derive(Clone)]
pub struct ProvidersSlot(Arc<ArcSwap<Providers>>);

impl ProvidersSlot {
    /// The present providers. To be held for one decision only: what is kept longer is a clone of one provider's `Arc`.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Providers>> {
        self.0.load()
    }

    /// Puts others in their place, for all clones at once.
    pub fn replace(&self, providers: Providers) {
        self.0.store(Arc::new(providers));
    }
}

impl From<Providers> for ProvidersSlot {
    fn from(providers: Providers) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(providers)))
    }
}

impl fmt::Debug for ProvidersSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProvidersSlot").field(&*self.load()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ProviderDefaults, parse_providers};
    use super::*;

    fn only(name: &str) -> Providers {
        let file = format!("apis: {{{name}: {{base_url: 'https://up.test', allowed_endpoints: [/v1]}}}}");
        parse_providers(&file, &ProviderDefaults::default()).unwrap()
    }

    #[test]
    fn what_replaces_the_providers_counts_for_all_clones() {
        let slot = ProvidersSlot::from(only("a"));
        let other = slot.clone();
        slot.replace(only("b"));
        assert_eq!(&*other.load().default, "b");
        assert!(!other.load().by_name.contains_key("a"));
    }

    #[test]
    fn a_provider_that_is_held_outlives_its_entry() {
        let slot = ProvidersSlot::from(only("a"));
        let held = slot.load().by_name["a"].clone();
        slot.replace(only("b"));
        assert_eq!(&*held.name, "a");
    }

    #[test]
    fn what_was_loaded_stays_as_it_was() {
        let slot = ProvidersSlot::from(only("a"));
        let before = slot.load();
        slot.replace(only("b"));
        assert_eq!(&*before.default, "a");
    }
}
