//! Uses of unlimited tokens, added up in memory between two flushes. They are statistics: a crash may lose those since
//! the last flush. Limited tokens never come here, they are spent in the store.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Timestamp;

use crate::store::TokenUse;

/// Threads that note uses at the same time mostly meet different locks. A power of two.
const SHARDS: usize = 16;
/// Tokens per shard; about 4 MB in all when full.
const TOKENS_PER_SHARD: usize = 4096;

/// Counts of uses by token.
#[derive(Debug, Default)]
pub(crate) struct UseCounts {
    shards: [Mutex<HashMap<TokenId, Counted>>; SHARDS],
    dropped: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    count: u64,
    last_used_at: Timestamp,
}

/// Uses on their way to the store. They go back to the counts unless the store took them.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    counts: &'a UseCounts,
    uses: Vec<TokenUse>,
}

impl UseCounts {
    /// Counts one use. Uses of tokens that have no place are dropped and counted as dropped.
    pub(crate) fn note(&self, token: TokenId, at: Timestamp) {
        self.add(&TokenUse { token, count: 1, last_used_at: at });
    }

    /// Takes everything out, in batches of at most `size`.
    pub(crate) fn take(&self, size: usize) -> Vec<Batch<'_>> {
        let uses: Vec<TokenUse> =
            self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard))).map(to_use).collect();
        uses.chunks(size.max(1)).map(|uses| Batch { counts: self, uses: uses.to_vec() }).collect()
    }

    /// How many uses were dropped since the last call.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// How many tokens and uses wait to be taken.
    pub(crate) fn left(&self) -> (usize, u64) {
        let mut left = (0, 0_u64);
        for shard in &self.shards {
            for counted in lock(shard).values() {
                left = (left.0 + 1, left.1.saturating_add(counted.count));
            }
        }
        left
    }

    fn add(&self, uses: &TokenUse) {
        let mut shard = lock(&self.shards[usize::from(uses.token.uuid().as_bytes()[15]) % SHARDS]);
        let full = shard.len() >= TOKENS_PER_SHARD;
        match shard.entry(uses.token) {
            Entry::Occupied(mut entry) => {
                let counted = entry.get_mut();
                counted.count = counted.count.saturating_add(uses.count);
                counted.last_used_at = counted.last_used_at.max(uses.last_used_at);
            }
            Entry::Vacant(_) if full => {
                self.dropped.fetch_add(uses.count, Ordering::Relaxed);
            }
            Entry::Vacant(entry) => {
                entry.insert(Counted { count: uses.count, last_used_at: uses.last_used_at });
            }
        }
    }
}

impl Batch<'_> {
    pub(crate) fn uses(&self) -> &[TokenUse] {
        &self.uses
    }

    /// The store has them.
    pub(crate) fn done(mut self) {
        self.uses.clear();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for uses in &self.uses {
            self.counts.add(uses);
        }
    }
}

fn to_use((token, counted): (TokenId, Counted)) -> TokenUse {
    TokenUse { token, count: counted.count, last_used_at: counted.last_used_at }
}

/// A panic elsewhere leaves the counts usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u32) -> TokenId {
        let mut seed = [0; 10];
        seed[6..].copy_from_slice(&n.to_be_bytes());
        TokenId::new(Timestamp::default(), &seed)
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn taken(counts: &UseCounts) -> Vec<TokenUse> {
        let mut uses: Vec<TokenUse> = Vec::new();
        for batch in counts.take(100) {
            uses.extend(batch.uses());
            batch.done();
        }
        uses
    }

    #[test]
    fn uses_add_up_and_the_latest_time_stays() {
        let counts = UseCounts::default();
        counts.note(token(1), at(5));
        counts.note(token(1), at(9));
        counts.note(token(1), at(7));
        assert_eq!(taken(&counts), [TokenUse { token: token(1), count: 3, last_used_at: at(9) }]);
        assert_eq!(taken(&counts), []);
    }

    #[test]
    fn a_batch_that_was_not_taken_comes_back_and_adds_up() {
        let counts = UseCounts::default();
        counts.note(token(1), at(5));
        let batches = counts.take(100);
        counts.note(token(1), at(6));
        drop(batches);
        assert_eq!(taken(&counts), [TokenUse { token: token(1), count: 2, last_used_at: at(6) }]);
    }

    #[test]
    fn batches_have_at_most_the_given_size() {
        let counts = UseCounts::default();
        (0..25).for_each(|n| counts.note(token(n), at(1)));
        let sizes: Vec<usize> = counts.take(10).iter().map(|batch| batch.uses().len()).collect();
        assert_eq!(sizes, [10, 10, 5]);
    }

    #[test]
    fn memory_is_bounded_and_what_is_dropped_is_counted() {
        let counts = UseCounts::default();
        let places = u32::try_from(SHARDS * TOKENS_PER_SHARD).unwrap();
        (0..places + 3).for_each(|n| counts.note(token(n), at(1)));
        counts.note(token(0), at(2));
        assert_eq!(counts.take_dropped(), 3);
        assert_eq!(counts.take_dropped(), 0);
        let uses = taken(&counts);
        assert_eq!(uses.len(), SHARDS * TOKENS_PER_SHARD);
        assert!(uses.contains(&TokenUse { token: token(0), count: 2, last_used_at: at(2) }));
    }
}
