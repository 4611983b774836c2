//! Grants kept in memory for a stated age. It answers only what the store said, never that a token is unknown.
//!
//! A change of a project or token on this instance makes all kept grants unusable at once: the cache's generation moves
//! on, and an entry counts only while its generation is the current one. That is coarser than dropping the changed ones,
//! but cannot miss one, and costs one look-up a token after a rare event. A look-up takes a [`Ticket`] before it asks
//! the store, and what it brings is kept under the ticket's generation: a result that a change has overtaken is never
//! given, however late it comes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llm_proxy_core::auth::{Grant, TokenDigest};
use llm_proxy_core::time::Instant;
use quick_cache::sync::Cache;

/// A bounded cache of grants by token digest, for any number of threads.
pub(crate) struct GrantCache {
    entries: Cache<TokenDigest, Entry>,
    generation: AtomicU64,
    max_age: Duration,
}

/// The right to keep what a look-up that begins now will find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    generation: u64,
    asked_at: Instant,
}

#[derive(Clone)]
struct Entry {
    grant: Arc<Grant>,
    ticket: Ticket,
}

/// Forgets all grants when it goes: also if the change that it stands for was broken off.
#[must_use]
pub(crate) struct ForgetOnDrop<'a>(&'a GrantCache);

impl GrantCache {
    /// A cache of about `capacity` grants, each given for less than `max_age` after it was asked for; zero gives none.
    pub(crate) fn new(capacity: usize, max_age: Duration) -> Self {
        Self { entries: Cache::new(capacity.max(1)), generation: AtomicU64::new(0), max_age }
    }

    /// For how long a grant is given.
    pub(crate) const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The grant of that token, if it is known and young enough.
    pub(crate) fn get(&self, digest: &TokenDigest, now: Instant) -> Option<Arc<Grant>> {
        let entry = self.entries.get(digest)?;
        let current = entry.ticket.generation == self.generation.load(Ordering::Acquire);
        (current && now.since(entry.ticket.asked_at) < self.max_age).then_some(entry.grant)
    }

    /// The grant of that token, if it is known, however old: for when the store cannot say whether it still holds.
    pub(crate) fn get_old(&self, digest: &TokenDigest) -> Option<Arc<Grant>> {
        let entry = self.entries.get(digest)?;
        (entry.ticket.generation == self.generation.load(Ordering::Acquire)).then_some(entry.grant)
    }

    /// To be taken before the store is asked.
    pub(crate) fn ticket(&self, now: Instant) -> Ticket {
        Ticket { generation: self.generation.load(Ordering::Acquire), asked_at: now }
    }

    /// Keeps what the store said to the look-up that took `ticket`.
    pub(crate) fn keep(&self, digest: TokenDigest, grant: Arc<Grant>, ticket: Ticket) {
        self.entries.insert(digest, Entry { grant, ticket });
    }

    /// The store knows no such token any more.
    pub(crate) fn forget(&self, digest: &TokenDigest) {
        self.entries.remove(digest);
    }

    /// Makes every kept grant, and every look-up under way, unusable.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        // Not needed to be right; the old entries hold keys that may have been rotated out.
        self.entries.clear();
    }

    /// To be held while a project or token is changed.
    pub(crate) const fn forget_on_drop(&self) -> ForgetOnDrop<'_> {
        ForgetOnDrop(self)
    }
}

impl Drop for ForgetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.forget_all();
    }
}

impl fmt::Debug for GrantCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantCache").field("grants", &self.entries.len()).field("max_age", &self.max_age).finish()
    }
}

#[cfg(test)]
mod tests {
    use llm_proxy_core::ids::{ProjectId, TokenId};
    use llm_proxy_core::secret::Secret;
    use llm_proxy_core::time::Timestamp;

    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(5);
    const DIGEST: TokenDigest = TokenDigest::from_bytes([7; 32]);

    fn grant() -> Arc<Grant> {
        Arc::new(Grant {
            token_id: TokenId::new(Timestamp::default(), &[1; 10]),
            project_id: ProjectId::new(Timestamp::default(), &[2; 10]),
            provider: "openai".into(),
            upstream_key: Secret::new("key".to_owned()),
            token_active: true,
            project_active: true,
            expires_at: Timestamp::default(),
            max_requests: None,
            requests_per_minute: None,
        })
    }

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_grant_is_given_until_its_age_is_reached() {
        let cache = GrantCache::new(8, MAX_AGE);
        cache.keep(DIGEST, grant(), cache.ticket(at(10)));
        assert!(cache.get(&DIGEST, at(10)).is_some());
        assert!(cache.get(&DIGEST, at(14)).is_some());
        assert!(cache.get(&DIGEST, at(15)).is_none());
    }

    #[test]
    fn an_old_grant_is_there_until_it_is_forgotten() {
        let cache = GrantCache::new(8, MAX_AGE);
        for forget in [|cache: &GrantCache| cache.forget(&DIGEST), |cache: &GrantCache| cache.forget_all()] {
            cache.keep(DIGEST, grant(), cache.ticket(at(10)));
            assert!(cache.get(&DIGEST, at(1000)).is_none());
            assert!(cache.get_old(&DIGEST).is_some());
            forget(&cache);
            assert!(cache.get_old(&DIGEST).is_none());
        }
    }

    #[test]
    fn the_age_counts_from_the_question_not_from_the_answer() {
        let cache = GrantCache::new(8, MAX_AGE);
        let ticket = cache.ticket(at(10));
        assert!(cache.get(&DIGEST, at(13)).is_none());
        cache.keep(DIGEST, grant(), ticket);
        assert!(cache.get(&DIGEST, at(15)).is_none());
    }

    #[test]
    fn an_age_of_zero_keeps_nothing() {
        let cache = GrantCache::new(8, Duration::ZERO);
        cache.keep(DIGEST, grant(), cache.ticket(at(10)));
        assert!(cache.get(&DIGEST, at(10)).is_none());
    }

    #[test]
    fn a_change_forgets_what_is_kept() {
        let cache = GrantCache::new(8, MAX_AGE);
        cache.keep(DIGEST, grant(), cache.ticket(at(10)));
        cache.forget_all();
        assert!(cache.get(&DIGEST, at(10)).is_none());
    }

    #[test]
    fn a_look_up_that_a_change_overtook_keeps_nothing() {
        let cache = GrantCache::new(8, MAX_AGE);
        let ticket = cache.ticket(at(10));
        cache.forget_all();
        cache.keep(DIGEST, grant(), ticket);
        assert!(cache.get(&DIGEST, at(10)).is_none());
    }

    #[test]
    fn a_look_up_after_the_change_is_kept_again() {
        let cache = GrantCache::new(8, MAX_AGE);
        cache.forget_all();
        cache.keep(DIGEST, grant(), cache.ticket(at(10)));
        assert!(cache.get(&DIGEST, at(10)).is_some());
    }

    #[test]
    fn a_broken_off_change_forgets_too() {
        let cache = GrantCache::new(8, MAX_AGE);
        cache.keep(DIGEST, grant(), cache.ticket(at(10)));
        let change = cache.forget_on_drop();
        assert!(cache.get(&DIGEST, at(10)).is_some());
        drop(change);
        assert!(cache.get(&DIGEST, at(10)).is_none());
    }

    #[test]
    fn the_number_of_grants_is_bounded() {
        let cache = GrantCache::new(100, MAX_AGE);
        for n in 0..10_000_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&n.to_ne_bytes());
            cache.keep(TokenDigest::from_bytes(digest), grant(), cache.ticket(at(0)));
        }
        assert!(cache.entries.len() <= 200, "{}", cache.entries.len());
    }

    #[test]
    fn printing_shows_no_grant() {
        let cache = GrantCache::new(8, MAX_AGE);
        cache.keep(DIGEST, grant(), cache.ticket(at(0)));
        assert_eq!(format!("{cache:?}"), "GrantCache { grants: 1, max_age: 5s }");
    }
}
