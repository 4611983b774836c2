//! Which providers share a circuit breaker: those of one origin (RFC 6454 section 4), since what fails is a server and
//! not a path on it. It makes and moves breakers, and never asks or changes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BaseUrl, Provider, Providers, Scheme};
use crate::proxy::{Breaker, BreakerState};
use crate::time::Instant;

/// What two base URLs have in common that reach the same server.
type Origin<'a> = (Scheme, &'a str, u16);

fn origin(base: &BaseUrl) -> Origin<'_> {
    (base.scheme, &base.host, base.port)
}

impl Providers {
    /// Lets providers of one origin have one breaker: that of the first by name.
    pub(super) fn share_breakers(&mut self) {
        let first = self.clone();
        self.take_breakers(first.by_name.values().rev());
    }

    /// Goes on with the breakers of `old` where an origin is the same, so that an upstream that is left alone stays so
    /// when the providers file is read anew. All else keeps its own.
    pub fn adopt_breakers(&mut self, old: &Self) {
        self.take_breakers(old.by_name.values());
    }

    /// The state of each provider's breaker, by name.
    pub fn breakers(&self, now: Instant) -> impl Iterator<Item = (&Arc<str>, BreakerState)> {
        self.by_name.iter().map(move |(name, provider)| (name, provider.breaker.state(now)))
    }

    /// Of several givers with one origin, the last one's counts.
    fn take_breakers<'a>(&mut self, givers: impl Iterator<Item = &'a Arc<Provider>>) {
        let by_origin: BTreeMap<Origin<'a>, &Arc<Breaker>> =
            givers.map(|giver| (origin(&giver.base), &giver.breaker)).collect();
        for provider in self.by_name.values_mut() {
            if let Some(breaker) = by_origin.get(&origin(&provider.base))
                && !Arc::ptr_eq(breaker, &provider.breaker)
            {
                Arc::make_mut(provider).breaker = Arc::clone(breaker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{ProviderDefaults, parse_providers};

    use super::*;

    /// Providers of those names and base URLs; the first is the default.
    fn providers(entries: &[(&str, &str)]) -> Providers {
        let entry =
            |(name, base): &(&str, &str)| format!("  {name}: {{base_url: '{base}', allowed_endpoints: [/v1]}}\n");
        let file = format!("default_api: {}\napis:\n{}", entries[0].0, entries.iter().map(entry).collect::<String>());
        parse_providers(&file, &ProviderDefaults::default()).unwrap()
    }

    fn breaker<'a>(providers: &'a Providers, name: &str) -> &'a Arc<Breaker> {
        &providers.by_name[name].breaker
    }

    fn shared(providers: &Providers, one: &str, other: &str) -> bool {
        Arc::ptr_eq(breaker(providers, one), breaker(providers, other))
    }

    #[test]
    fn providers_of_one_origin_share_a_breaker_whatever_their_paths() {
        let providers = providers(&[
            ("a", "https://one.test/v1"),
            ("b", "https://ONE.test:443/other"),
            ("c", "http://one.test"),
            ("d", "https://one.test:8443"),
            ("e", "https://two.test"),
        ]);
        assert!(shared(&providers, "a", "b"));
        for (one, other) in [("a", "c"), ("a", "d"), ("a", "e"), ("c", "d"), ("d", "e")] {
            assert!(!shared(&providers, one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_provider_that_moves_leaves_its_breaker_and_shares_the_new_origins() {
        let mut providers =
            providers(&[("a", "https://one.test"), ("b", "https://one.test/x"), ("c", "https://two.test")]);
        providers.set_base("b", BaseUrl::parse("https://two.test/y").unwrap()).unwrap();
        assert!(!shared(&providers, "a", "b") && shared(&providers, "b", "c"));
    }

    #[test]
    fn a_file_that_is_read_anew_keeps_breakers_by_origin_and_not_by_name() {
        let old = providers(&[("a", "https://one.test/v1"), ("b", "https://two.test")]);
        let mut new = providers(&[
            ("a", "https://three.test"),
            ("renamed", "https://one.test/v2"),
            ("third", "https://one.test"),
            ("b", "https://two.test"),
        ]);
        new.adopt_breakers(&old);
        for (name, of) in [("renamed", "a"), ("third", "a"), ("b", "b")] {
            assert!(Arc::ptr_eq(breaker(&new, name), breaker(&old, of)), "{name}");
        }
        assert!(!Arc::ptr_eq(breaker(&new, "a"), breaker(&old, "a")));
    }
}
