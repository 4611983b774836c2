//! Counts requests against rates: the generic cell rate algorithm (ITU-T I.371 annex A), in its form as a continuous-state
//! leaky bucket. A key's level is what is not yet refilled; each request adds to it, time drains it. It reads no clock,
//! and is exact: levels are counted in nanoseconds times requests, so nothing is ever rounded.
//!
//! A key whose level has drained is the same as one that was never seen, and is forgotten. So memory is bounded by how
//! many keys are in use within their windows, and beyond that by a hard limit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::rate_key::{RateCheck, RateKey, RateLimit, RateVerdict, Remaining};
use crate::time::Instant;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

/// How many drained keys one check forgets at most: more than it can add, so that they never pile up.
const FORGOTTEN_PER_CHECK: usize = 4;

/// The levels of all keys. Keys of different kinds have room of their own: addresses and guesses, of which a stranger can
/// make any number, never push out the level of a token.
#[derive(Debug)]
pub struct RateTable {
    arrivals: Shelf,
    tokens: Shelf,
    failures: Shelf,
}

impl RateTable {
    /// How many keys of each kind are kept by default; all in all about 30 MB when full.
    pub const CAPACITY: usize = 50_000;

    /// A table without any key. `capacity` is how many of each kind are kept: when one more comes, the one is dropped
    /// that would be forgotten soonest, so that its level begins anew.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { arrivals: Shelf::new(capacity), tokens: Shelf::new(capacity), failures: Shelf::new(capacity) }
    }

    /// Counts one request against all limits of the check, or against none. A time before one that was seen counts as
    /// that one.
    pub fn check(&mut self, check: &RateCheck, now: Instant) -> RateVerdict {
        let wait = check.limits.iter().filter_map(|(key, limit)| self.wait(key, *limit, now)).max();
        let mut remaining = None;
        for (key, limit) in &check.limits {
            let shelf = self.shelf_mut(key);
            let mut bucket = shelf.bucket(key, now, *limit);
            if wait.is_none() {
                bucket.add(*limit);
                shelf.keep(*key, bucket, *limit);
                shelf.forget(now);
            }
            remaining = Some(bucket.remaining(*limit));
        }
        match wait {
            None => RateVerdict::Allowed { remaining },
            Some(retry_after) => RateVerdict::Refused { retry_after, remaining },
        }
    }

    /// How long a request against that limit would have to wait; `None` if it would be let in. Counts nothing.
    #[must_use]
    pub fn wait(&self, key: &RateKey, limit: RateLimit, now: Instant) -> Option<Duration> {
        self.shelf(key).bucket(key, now, limit).wait(limit)
    }

    const fn shelf(&self, key: &RateKey) -> &Shelf {
        match key {
            RateKey::Everyone | RateKey::Address(_) => &self.arrivals,
            RateKey::Token(_) => &self.tokens,
            RateKey::FailedAuth(..) | RateKey::FailedManagement(_) => &self.failures,
        }
    }

    const fn shelf_mut(&mut self, key: &RateKey) -> &mut Shelf {
        match key {
            RateKey::Everyone | RateKey::Address(_) => &mut self.arrivals,
            RateKey::Token(_) => &mut self.tokens,
            RateKey::FailedAuth(..) | RateKey::FailedManagement(_) => &mut self.failures,
        }
    }
}

/// Keys of one kind.
#[derive(Debug)]
struct Shelf {
    buckets: BTreeMap<RateKey, Kept>,
    /// The same keys by when they are drained.
    by_drained: BTreeSet<(Instant, RateKey)>,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    bucket: Bucket,
    drained_at: Instant,
}

impl Shelf {
    const fn new(capacity: usize) -> Self {
        Self { buckets: BTreeMap::new(), by_drained: BTreeSet::new(), capacity }
    }

    /// The key's bucket as it is at `now`.
    fn bucket(&self, key: &RateKey, now: Instant, limit: RateLimit) -> Bucket {
        let empty = Bucket { level: 0, at: now };
        self.buckets.get(key).map_or(empty, |kept| kept.bucket.drained(now, limit))
    }

    fn keep(&mut self, key: RateKey, bucket: Bucket, limit: RateLimit) {
        let kept = Kept { bucket, drained_at: bucket.at + time_to_drain(bucket.level, limit) };
        match self.buckets.insert(key, kept) {
            Some(before) => drop(self.by_drained.remove(&(before.drained_at, key))),
            // Never the new one, or in a full table it would not be counted at all.
            None if self.buckets.len() > self.capacity => self.drop_first(),
            None => {}
        }
        self.by_drained.insert((kept.drained_at, key));
    }

    /// Forgets some of those that are drained.
    fn forget(&mut self, now: Instant) {
        for _ in 0..FORGOTTEN_PER_CHECK {
            match self.by_drained.first() {
                Some((drained_at, _)) if *drained_at <= now => self.drop_first(),
                Some(_) | None => return,
            }
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, key)) = self.by_drained.pop_first() {
            self.buckets.remove(&key);
        }
    }
}

/// One key's level. A request weighs the window's nanoseconds; in each nanosecond, as much drains as the limit has
/// requests. So a whole limit weighs their product, which is less than 2^128, and drains in the window.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u128,
    at: Instant,
}

impl Bucket {
    /// The bucket at `now`. After its limit was lowered, what it holds above that is let go.
    fn drained(self, now: Instant, limit: RateLimit) -> Self {
        let elapsed = now.as_nanos().saturating_sub(self.at.as_nanos());
        let drained = u128::from(elapsed) * u128::from(limit.requests);
        Self { level: self.level.min(whole(limit)).saturating_sub(drained), at: self.at.max(now) }
    }

    /// How long until one more is let in; `None` if it is now.
    fn wait(self, limit: RateLimit) -> Option<Duration> {
        let over = (self.level + weight(limit)).saturating_sub(whole(limit));
        (over > 0).then(|| time_to_drain(over, limit))
    }

    fn add(&mut self, limit: RateLimit) {
        self.level += weight(limit);
    }

    fn remaining(self, limit: RateLimit) -> Remaining {
        let free = whole(limit) - self.level;
        // A window of no time lets everything in.
        let requests = free.checked_div(weight(limit)).map_or(limit.requests, saturated);
        let next_in = if self.level == 0 {
            Duration::ZERO
        } else {
            time_to_drain((u128::from(requests) + 1) * weight(limit) - free, limit)
        };
        Remaining { limit, requests, next_in }
    }
}

/// What one request weighs.
fn weight(limit: RateLimit) -> u128 {
    u128::from(saturated(limit.window.as_nanos()))
}

/// What all of a limit's requests weigh.
fn whole(limit: RateLimit) -> u128 {
    u128::from(limit.requests) * weight(limit)
}

/// How long until that much has drained, rounded up; of a limit of nothing, nothing ever drains.
fn time_to_drain(level: u128, limit: RateLimit) -> Duration {
    if limit.requests == 0 {
        return Duration::MAX;
    }
    Duration::from_nanos(saturated(level.div_ceil(u128::from(limit.requests))))
}

fn saturated(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
