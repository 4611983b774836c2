//! A store that exists only for the harness: one token, a count of what it has left, and what it is told to answer.

use std::sync::Arc;

use crate::auth::{Grant, TokenString};
use crate::exchange::{Spent, StoreEffect, StoreOutcome, Unavailable};
use crate::manage::{Command, CommandError, Reply};

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
    /// What it answers to management calls.
    pub reply: Result<Reply, CommandError>,
    /// The management calls that it was asked to do.
    pub commands: Vec<Command>,
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
            reply: Ok(Reply::Gone),
            commands: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Notes what is asked.
    pub(super) fn note(&mut self, effect: &StoreEffect) {
        self.asked.push(match effect {
            StoreEffect::FindGrant(_) => "grant",
            StoreEffect::Spend(_) => "spend",
            StoreEffect::Manage(_) => "manage",
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

    /// What it answers.
    pub fn answer(&mut self, effect: &StoreEffect) -> StoreOutcome {
        match effect {
            StoreEffect::FindGrant(_) if self.is_down => StoreOutcome::Grant(Err(Unavailable)),
            StoreEffect::FindGrant(digest) => {
                let known = TokenString::parse(TOKEN.as_bytes()).map(|token| rules().token_key.digest(&token));
                let found = self.grant.clone().filter(|_| known == Some(*digest));
                StoreOutcome::Grant(Ok(found.map(Arc::new)))
            }
            StoreEffect::Spend(_) if self.is_down => StoreOutcome::Spent(Err(Unavailable)),
            StoreEffect::Spend(_) if self.left == 0 => StoreOutcome::Spent(Ok(Spent::Exhausted)),
            StoreEffect::Spend(token) => {
                self.left -= 1;
                self.spent += 1;
                StoreOutcome::Spent(Ok(Spent::Allowed(*token)))
            }
            StoreEffect::Manage(_) if self.is_down => StoreOutcome::Managed(Err(CommandError::StoreUnavailable)),
            StoreEffect::Manage(command) => {
                self.commands.push(command.clone());
                StoreOutcome::Managed(self.reply.clone())
            }
            StoreEffect::CheckHealth => StoreOutcome::Health(if self.is_down { Err(Unavailable) } else { Ok(()) }),
        }
    }
}
