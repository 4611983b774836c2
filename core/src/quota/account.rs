//! One limited token on this instance: what is leased, what was spent of it, and what the store has yet to hear.

use std::num::NonZeroU64;
use std::time::Duration;

use super::block::{Block, Lease};
use super::ledger::{Settlement, Spend};
use crate::ids::TokenId;
use crate::time::{Instant, Now, Timestamp};

/// How long it is remembered that nothing was left. Short: another instance may give back, or raise the limit.
const EXHAUSTED_FOR: Duration = Duration::from_secs(1);
/// How long an account without contents is kept, for its block size.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The numbers of one token.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Leased and not spent.
    left: u64,
    /// When the lease of `left` was asked for; `None` if it may not be spent any more.
    leased_at: Option<Instant>,
    /// Spent of leases; the store counts them as leased still.
    spent: u64,
    /// Spent, counted by the store as spent, and given back since.
    returned: u64,
    /// Leased, not spent, and not to be spent here any more.
    given_back: u64,
    last_used_at: Option<Timestamp>,
    block: Block,
    exhausted_until: Option<Instant>,
    touched: Instant,
}

impl Account {
    pub(super) fn spend(&mut self, now: Now, max_age: Duration) -> Spend {
        self.touched = self.touched.max(now.mono);
        self.expire(now.mono, max_age);
        if self.left > 0 {
            self.left -= 1;
            self.note_spent(now.wall);
            Spend::Allowed
        } else if self.exhausted_until.is_some_and(|until| now.mono < until) {
            Spend::Exhausted
        } else {
            // Of a lease without an age only the first can be spent.
            Spend::NeedsLease(if max_age.is_zero() { NonZeroU64::MIN } else { self.block.next(now.mono) })
        }
    }

    /// The first of the lease is spent by who asked for it.
    pub(super) fn leased(&mut self, lease: Lease, now: Now) {
        self.touched = self.touched.max(now.mono);
        self.block.granted(lease, now.mono);
        self.left = self.left.saturating_add(lease.count.get() - 1);
        self.leased_at = Some(now.mono);
        self.exhausted_until = None;
        self.note_spent(now.wall);
    }

    pub(super) fn exhausted(&mut self, now: Instant, max_age: Duration) {
        self.touched = self.touched.max(now);
        self.exhausted_until = Some(now + EXHAUSTED_FOR.min(max_age));
    }

    pub(super) fn give_back(&mut self, now: Instant) {
        self.touched = self.touched.max(now);
        self.exhausted_until = None;
        if self.spent > 0 {
            self.spent -= 1;
            self.left = self.left.saturating_add(1);
        } else {
            self.returned = self.returned.saturating_add(1);
        }
    }

    /// A remainder that is too old is given back: the limit may have changed since.
    pub(super) fn expire(&mut self, now: Instant, max_age: Duration) {
        if self.leased_at.is_none_or(|at| now.since(at) >= max_age) {
            self.recall();
        }
    }

    /// The remainder is given back, whatever its age.
    pub(super) fn recall(&mut self) {
        self.given_back = self.given_back.saturating_add(std::mem::take(&mut self.left));
        self.leased_at = None;
    }

    /// Nothing that was learned about the limit holds any more.
    pub(super) fn limit_changes(&mut self) {
        self.recall();
        self.block = Block::default();
        self.exhausted_until = None;
    }

    /// Whether a lease would find more at the store once it was told.
    pub(super) const fn owes(&self) -> bool {
        self.returned > 0 || self.given_back > 0
    }

    /// Takes out what the store must be told, if that is anything.
    pub(super) fn settlement(&mut self, token: TokenId) -> Option<Settlement> {
        if self.spent == 0 && !self.owes() {
            return None;
        }
        Some(Settlement {
            token,
            spent: std::mem::take(&mut self.spent),
            returned: std::mem::take(&mut self.returned),
            given_back: std::mem::take(&mut self.given_back),
            last_used_at: self.last_used_at.take(),
        })
    }

    /// The store was told nothing.
    pub(super) fn restore(&mut self, settlement: &Settlement) {
        self.spent = self.spent.saturating_add(settlement.spent);
        self.returned = self.returned.saturating_add(settlement.returned);
        self.given_back = self.given_back.saturating_add(settlement.given_back);
        self.last_used_at = self.last_used_at.max(settlement.last_used_at);
    }

    /// Whether it can be dropped without losing anything.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.left == 0 && self.spent == 0 && !self.owes() && now.since(self.touched) >= KEPT_FOR
    }

    fn note_spent(&mut self, at: Timestamp) {
        self.spent = self.spent.saturating_add(1);
        self.last_used_at = self.last_used_at.max(Some(at));
    }
}
