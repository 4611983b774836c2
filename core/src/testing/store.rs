//! A store that exists only for the harness: one token, a count of what it has left, and what it is told to answer.

use std::sync::Arc;

use crate::audit::Draft;
use crate::auth::{Grant, TokenDigest, TokenString};
use crate::exchange::{Component, Health, Spent, StoreEffect, StoreOutcome, Unavailable};
use crate::manage::{Command, CommandError, Reply};
use crate::quota::{RateTable, RateVerdict};
use crate::time::Instant;

use super::rules::{TOKEN, rules};

/// The store. Fields are knobs.
#[derive(Debug)]
pub struct Store {
    /// What it knows for [`TOKEN`].
    pub grant: Option<Grant>,
    /// How many requests a limited token has left.
    pub left: u64,
    /// How many were spent and not given back.
    pub spent: u64,
    /// Whether it fails.
    pub is_down: bool,
    /// Whether it says that events can be written.
    pub audit: Component,
    /// What it says of Redis.
    pub redis: Option<Component>,
    /// What it answers to management calls.
    pub reply: Result<Reply, CommandError>,
    /// The management calls that it was asked to do.
    pub commands: Vec<Command>,
    /// The events that it was to write, of calls that it did and of those that were refused.
    pub events: Vec<Draft>,
    /// The rates.
    pub rates: RateTable,
    /// All that it was asked, by name, in order.
    pub asked: Vec<&'static str>,
}

impl Store {
    pub(super) const fn new(grant: Option<Grant>) -> Self {
        Self {
            grant,
            left: 0,
            spent: 0,
            is_down: false,
            audit: Component::Up,
            redis: None,
            reply: Ok(Reply::Gone),
            commands: Vec::new(),
            events: Vec::new(),
            rates: RateTable::new(100),
            asked: Vec::new(),
        }
    }

    /// Notes what is asked.
    pub(super) fn note(&mut self, effect: &StoreEffect) {
        self.asked.push(match effect {
            StoreEffect::FindGrant(_) => "grant",
            StoreEffect::FindGrantAnew(_) => "grant anew",
            StoreEffect::Spend(_) => "spend",
            StoreEffect::CheckRates(_) => "rates",
            StoreEffect::Manage(..) => "manage",
            StoreEffect::Record(_) => "record",
            StoreEffect::CheckHealth => "health",
        });
    }

    /// A spent request comes back.
    ///
    /// # Panics
    /// If none was spent.
    pub(super) fn give_back(&mut self) {
        self.asked.push("give back");
        assert!(self.spent > 0, "more is given back than was spent");
        self.spent -= 1;
        self.left += 1;
    }

    fn find(&self, digest: &TokenDigest) -> Option<Grant> {
        let rules = rules();
        let token = TokenString::parse(TOKEN.as_bytes());
        let known = rules.token_key.get().zip(token).map(|(key, token)| key.digest(&token));
        self.grant.clone().filter(|_| known == Some(*digest))
    }

    /// What it answers at that instant.
    pub fn answer(&mut self, effect: &StoreEffect, now: Instant) -> StoreOutcome {
        match effect {
            StoreEffect::FindGrant(_) | StoreEffect::FindGrantAnew(_) if self.is_down => {
                StoreOutcome::Grant(Err(Unavailable))
            }
            StoreEffect::FindGrantAnew(digest) => StoreOutcome::Grant(Ok(self.find(digest).map(Arc::new))),
            StoreEffect::FindGrant(query) => {
                let found = self.find(&query.digest);
                let refused = query.failures().and_then(|(key, limit)| self.rates.wait(&key, limit, now));
                match (found, refused) {
                    (None, Some(retry_after)) => {
                        StoreOutcome::Rates(Ok(RateVerdict::Refused { retry_after, remaining: None }))
                    }
                    (found, _) => StoreOutcome::Grant(Ok(found.map(Arc::new))),
                }
            }
            StoreEffect::Spend(_) if self.is_down => StoreOutcome::Spent(Err(Unavailable)),
            StoreEffect::Spend(_) if self.left == 0 => StoreOutcome::Spent(Ok(Spent::Exhausted)),
            StoreEffect::Spend(token) => {
                self.left -= 1;
                self.spent += 1;
                StoreOutcome::Spent(Ok(Spent::Allowed(*token)))
            }
            StoreEffect::CheckRates(_) if self.redis == Some(Component::Down) => StoreOutcome::Rates(Err(Unavailable)),
            StoreEffect::CheckRates(check) => StoreOutcome::Rates(Ok(self.rates.check(check, now))),
            StoreEffect::Manage(command, facts) => {
                let reply = if self.is_down { Err(CommandError::StoreUnavailable) } else { self.reply.clone() };
                self.events.push(facts.clone().draft(&reply));
                self.commands.extend((!self.is_down).then(|| command.clone()));
                StoreOutcome::Managed(reply)
            }
            StoreEffect::Record(draft) => {
                self.events.push(draft.as_ref().clone());
                StoreOutcome::Recorded(if self.is_down { Err(Unavailable) } else { Ok(()) })
            }
            StoreEffect::CheckHealth => {
                let store = if self.is_down { Component::Down } else { Component::Up };
                StoreOutcome::Health(Health { store, audit: self.audit, redis: self.redis })
            }
        }
    }
}
