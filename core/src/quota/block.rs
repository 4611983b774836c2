//! How many requests an instance asks for at once. A block that is too small costs database statements, one that is
//! too large keeps requests from other instances; so it follows the use, and shrinks as the limit nears.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::time::Instant;

/// A block that was used up within this time was too small: the next is twice as large.
const GROWS_WITHIN: Duration = Duration::from_secs(1);
/// After this time without a lease, recent use says nothing any more: one request again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);
/// Asked for at most; the largest block that a crash can lose.
const LARGEST: u64 = 65_536;
/// The store grants at most this part of what remains, so that the rest is there for other instances.
const LARGEST_PART: u64 = 16;

/// The largest lease that a store grants where so many remain; `None` if none do. The smallest is one: the last ones
/// are leased one by one.
#[must_use]
pub const fn largest_lease(remaining: u64) -> Option<NonZeroU64> {
    match (NonZeroU64::new(remaining), NonZeroU64::new(remaining / LARGEST_PART)) {
        (None, _) => None,
        (Some(_), None) => Some(NonZeroU64::MIN),
        (Some(_), part) => part,
    }
}

/// What the store granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// How many requests.
    pub count: NonZeroU64,
    /// How many remain for further leases, where the store had to look.
    pub remaining: Option<u64>,
}

/// The size of a token's blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Block {
    last: Option<(Instant, u64)>,
    /// How many may remain at the store; unknown as long as it grants what is asked for.
    remaining: Option<u64>,
}

impl Block {
    /// How many to ask for now.
    pub(super) fn next(&self, now: Instant) -> NonZeroU64 {
        let Some((at, size)) = self.last else { return NonZeroU64::MIN };
        let lasted = now.since(at);
        let wanted = if lasted < GROWS_WITHIN {
            size.saturating_mul(2)
        } else if lasted < FORGOTTEN_AFTER {
            size
        } else {
            1
        };
        let fits = self.remaining.and_then(largest_lease).map_or(LARGEST, NonZeroU64::get);
        NonZeroU64::new(wanted.min(fits).min(LARGEST)).unwrap_or(NonZeroU64::MIN)
    }

    /// Notes what was granted to one who asked at `now`.
    pub(super) fn granted(&mut self, lease: Lease, now: Instant) {
        let count = lease.count.get();
        let less = |remaining: u64| remaining.checked_sub(count).filter(|left| *left > 0);
        self.remaining = lease.remaining.or_else(|| self.remaining.and_then(less));
        self.last = Some((now, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::default() + Duration::from_millis(millis)
    }

    fn lease(count: u64, remaining: Option<u64>) -> Lease {
        Lease { count: NonZeroU64::new(count).unwrap(), remaining }
    }

    #[test]
    fn a_lease_is_a_sixteenth_of_what_remains_and_at_least_one_while_any_does() {
        let largest = [0, 1, 16, 31, 32, 1000].map(|remaining| largest_lease(remaining).map_or(0, NonZeroU64::get));
        assert_eq!(largest, [0, 1, 1, 1, 2, 62]);
    }

    #[test]
    fn the_first_block_is_one_request() {
        assert_eq!(Block::default().next(at(0)).get(), 1);
    }

    #[test]
    fn blocks_grow_while_they_last_less_than_a_second() {
        let mut block = Block::default();
        for (millis, expected) in [(0, 1), (10, 2), (500, 4), (1400, 8), (2400, 8), (12_399, 8), (22_399, 1)] {
            assert_eq!(block.next(at(millis)).get(), expected, "at {millis} ms");
            block.granted(lease(expected, None), at(millis));
        }
    }

    #[test]
    fn a_block_has_an_upper_end() {
        let mut block = Block::default();
        block.granted(lease(u64::MAX, None), at(0));
        assert_eq!(block.next(at(0)).get(), LARGEST);
    }

    #[test]
    fn near_the_limit_a_block_is_a_sixteenth_of_what_remains_and_at_last_one() {
        let mut block = Block::default();
        block.granted(lease(64, Some(960)), at(0));
        for expected in [60, 56, 52] {
            assert_eq!(block.next(at(0)).get(), expected);
            block.granted(lease(expected, None), at(0));
        }
        block.granted(lease(1, Some(20)), at(0));
        assert_eq!(block.next(at(0)).get(), 1);
    }

    #[test]
    fn what_remains_is_unknown_again_when_more_was_there_than_expected() {
        let mut block = Block::default();
        block.granted(lease(8, Some(1)), at(0));
        assert_eq!(block.next(at(0)).get(), 1);
        block.granted(lease(1, None), at(0));
        assert_eq!(block.next(at(0)).get(), 2);
    }
}
