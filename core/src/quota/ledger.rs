//! Requests of limited tokens, spent from leases. An instance leases a block of what remains of a token's limit, in one
//! atomic statement of the store, and spends it in memory; what it spent, and what it does not need, it settles later.
//!
//! # Why the limit is exact
//! The store keeps two counts, `request_count` (spent and settled) and `leased_count` (out on lease, or spent and not
//! settled yet); it grants a lease only while their sum stays within the limit. A request passes only if it is spent
//! from a lease that this instance knows to be its own. A lease whose result is unknown is never spent, a settlement
//! whose result is unknown is never repeated: what is uncertain stays `leased`, so a doubt or a crash can lose
//! requests, never invent them.
//!
//! # How old a lease may be
//! A remainder is spent only for the grant age, and given back then: so a limit that another instance lowers holds here
//! within that age, as every other change does, and an idle instance keeps nothing.
//!
//! It does no I/O and reads no clock. It never waits: that one lease a token is under way is the caller's business.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroU64;
use std::time::Duration;

use super::account::Account;
use super::block::Lease;
use crate::ids::TokenId;
use crate::time::{Instant, Now, Timestamp};

/// What became of an attempt to spend one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spend {
    /// It is spent.
    Allowed,
    /// A lease is needed, best of so many. Then [`Ledger::leased`] spends the first, or [`Ledger::exhausted`].
    NeedsLease(NonZeroU64),
    /// The store had nothing left a moment ago.
    Exhausted,
    /// The ledger is full of other tokens: lease one, and settle it as spent at once.
    NoRoom,
}

/// What the store must be told about one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// The token.
    pub token: TokenId,
    /// So many were spent of what is leased: they move from `leased_count` to `request_count`.
    pub spent: u64,
    /// So many were settled as spent before, and not used after all: they leave `request_count`.
    pub returned: u64,
    /// So many of what is leased were not spent: they leave `leased_count`.
    pub given_back: u64,
    /// When the latest was spent.
    pub last_used_at: Option<Timestamp>,
}

impl Settlement {
    /// One request, leased and spent.
    #[must_use]
    pub const fn one(token: TokenId, at: Timestamp) -> Self {
        Self { token, spent: 1, returned: 0, given_back: 0, last_used_at: Some(at) }
    }
}

/// The accounts of the limited tokens that are in use.
#[derive(Debug)]
pub struct Ledger {
    accounts: BTreeMap<TokenId, Account>,
    room: usize,
    max_age: Duration,
}

impl Ledger {
    /// For so many tokens at a time. `max_age` is the grant age; with zero each request asks the store.
    #[must_use]
    pub const fn new(room: usize, max_age: Duration) -> Self {
        Self { accounts: BTreeMap::new(), room, max_age }
    }

    /// From now on, remainders may be spent for that long.
    pub const fn set_max_age(&mut self, max_age: Duration) {
        self.max_age = max_age;
    }

    /// Spends one request, if that can be done here.
    pub fn spend(&mut self, token: TokenId, now: Now) -> Spend {
        let max_age = self.max_age;
        self.account(token).map_or(Spend::NoRoom, |account| account.spend(now, max_age))
    }

    /// The store granted a lease to one who asked at `now`: the first is spent by them, the rest is for others.
    pub fn leased(&mut self, token: TokenId, lease: Lease, now: Now) {
        self.accounts.entry(token).or_default().leased(lease, now);
    }

    /// The store had nothing left for one who asked at `now`.
    pub fn exhausted(&mut self, token: TokenId, now: Instant) {
        let max_age = self.max_age;
        if let Some(account) = self.account(token) {
            account.exhausted(now, max_age);
        }
    }

    /// A spent request did not reach its upstream. Without room for it, it stays spent.
    pub fn give_back(&mut self, token: TokenId, now: Instant) {
        if let Some(account) = self.account(token) {
            account.give_back(now);
        }
    }

    /// The token's limit is about to change: its remainder is given back, and what was learned is forgotten.
    pub fn limit_changes(&mut self, token: TokenId) {
        if let Some(account) = self.accounts.get_mut(&token) {
            account.limit_changes();
        }
    }

    /// All remainders are given back.
    pub fn recall_all(&mut self) {
        self.accounts.values_mut().for_each(Account::recall);
    }

    /// Whether the store must be told something about the token before it is asked for a lease: it would miss it.
    #[must_use]
    pub fn owes(&self, token: TokenId) -> bool {
        self.accounts.get(&token).is_some_and(Account::owes)
    }

    /// Takes out what the store must be told about the token.
    pub fn take(&mut self, token: TokenId) -> Option<Settlement> {
        self.accounts.get_mut(&token)?.settlement(token)
    }

    /// Takes out what the store must be told, and forgets tokens that are not in use. A settlement that the store
    /// certainly did not do must come back with [`Self::restore`]; one that it did, or may have done, must not. An
    /// instance settles one after the other: what is returned must not overtake what was spent.
    pub fn take_all(&mut self, now: Instant) -> Vec<Settlement> {
        let mut settlements = Vec::new();
        let max_age = self.max_age;
        self.accounts.retain(|token, account| {
            account.expire(now, max_age);
            settlements.extend(account.settlement(*token));
            !account.is_idle(now)
        });
        settlements
    }

    /// The store certainly did not do this.
    pub fn restore(&mut self, settlement: &Settlement) {
        self.accounts.entry(settlement.token).or_default().restore(settlement);
    }

    fn account(&mut self, token: TokenId) -> Option<&mut Account> {
        let full = self.accounts.len() >= self.room;
        match self.accounts.entry(token) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(entry) => Some(entry.insert(Account::default())),
        }
    }
}

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
