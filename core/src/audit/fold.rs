//! Folding: repeats of one denial become one event a minute, so that nobody can fill the disk with them.
//!
//! It decides which event is written now and which is only counted. It never writes one and reads no clock: an instant
//! comes with each call. The first of a kind is written at once and stands for itself; those that follow within a minute
//! are counted, and at its end one event, the last of them, says in `count` for how many it stands. So the counts of all
//! events that were written add up to what was noted, once [`Folder::drain`] was called.
//!
//! What is alike: client address, action, reason, token, method and path. Who invents a new path with each request gets
//! one event for all of them, which says nothing but whose they were and why, after [`MOST_PER_CLIENT`] kinds of his own;
//! and when there are [`MOST_KINDS`] in all, what is new is folded by its reason alone, without saying whose it was.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::draft::Draft;
use super::shown::Shown;
use super::words::Action;
use crate::ids::TokenId;
use crate::time::Instant;

/// How long repeats are counted before an event tells of them.
pub const FOLD_EVERY: Duration = Duration::from_secs(60);
/// How many kinds are told apart at once; so many events, and one for each action and reason, can be written a minute.
pub const MOST_KINDS: usize = 512;
/// How many kinds of one client are told apart at once.
pub const MOST_PER_CLIENT: usize = 32;

/// What makes denials alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// All that a denial has.
    One {
        client: Option<IpAddr>,
        action: Action,
        reason: Option<&'static str>,
        token: Option<TokenId>,
        method: Option<Shown>,
        path: Option<Shown>,
    },
    /// Whatever else of this client.
    OfClient { client: Option<IpAddr>, action: Action, reason: Option<&'static str> },
    /// Whatever else of anybody.
    OfAnyone { action: Action, reason: Option<&'static str> },
}

impl Kind {
    fn of(draft: &Draft) -> Self {
        let request = draft.request.as_ref();
        Self::One {
            client: request.map(|request| request.client_ip),
            action: draft.action,
            reason: draft.reason,
            token: draft.token_id,
            method: request.map(|request| request.method.clone()),
            path: request.map(|request| request.path.clone()),
        }
    }

    const fn client(&self) -> Option<IpAddr> {
        match self {
            Self::One { client, .. } | Self::OfClient { client, .. } => *client,
            Self::OfAnyone { .. } => None,
        }
    }
}

/// What is known of one kind.
#[derive(Debug)]
struct Fold {
    /// When its minute ends.
    until: Instant,
    /// The last repeat, and how many there were.
    repeats: Option<(Draft, u64)>,
}

/// Folds denials. Its memory is bounded, whatever it is given.
#[derive(Debug, Default)]
pub struct Folder {
    folds: BTreeMap<Kind, Fold>,
}

impl Folder {
    /// Takes a denial. What comes back is to be written now.
    pub fn note(&mut self, now: Instant, draft: Draft) -> Option<Draft> {
        let kind = self.kind_of(&draft);
        let Some(fold) = self.folds.get_mut(&kind) else {
            self.folds.insert(kind, Fold { until: now + FOLD_EVERY, repeats: None });
            return Some(draft);
        };
        let draft = told_of(&kind, draft);
        let count = fold.repeats.take().map_or(0, |(_, count)| count) + 1;
        if now < fold.until {
            fold.repeats = Some((draft, count));
            return None;
        }
        fold.until = now + FOLD_EVERY;
        Some(if count == 1 { draft } else { counted(draft, count) })
    }

    /// When [`Folder::due`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.folds.values().map(|fold| fold.until).min()
    }

    /// The events of all minutes that are over, to be written now. Kinds without a repeat are forgotten.
    pub fn due(&mut self, now: Instant) -> Vec<Draft> {
        let mut told = Vec::new();
        self.folds.retain(|_, fold| {
            if now < fold.until {
                return true;
            }
            fold.until = now + FOLD_EVERY;
            let Some((draft, count)) = fold.repeats.take() else { return false };
            told.push(counted(draft, count));
            true
        });
        told
    }

    /// The events of all minutes, also of those that are not over: for a stop. Nothing is left.
    pub fn drain(&mut self) -> Vec<Draft> {
        let folds = std::mem::take(&mut self.folds);
        folds.into_values().filter_map(|fold| fold.repeats).map(|(draft, count)| counted(draft, count)).collect()
    }

    /// How a denial is counted: as what it is, where it is known or there is room for it; else as one of its client's.
    fn kind_of(&self, draft: &Draft) -> Kind {
        let one = Kind::of(draft);
        let (client, is_full) = (one.client(), self.folds.len() >= MOST_KINDS);
        let of_this_client = || self.folds.keys().filter(|kind| kind.client() == client).count();
        if self.folds.contains_key(&one) || (!is_full && of_this_client() < MOST_PER_CLIENT) {
            return one;
        }
        let (action, reason) = (draft.action, draft.reason);
        let of_client = Kind::OfClient { client, action, reason };
        if !is_full || self.folds.contains_key(&of_client) { of_client } else { Kind::OfAnyone { action, reason } }
    }
}

/// A repeat, as the event of its kind will tell of it: what only this one had is left out.
fn told_of(kind: &Kind, draft: Draft) -> Draft {
    match kind {
        Kind::One { .. } => draft,
        Kind::OfClient { client, .. } => {
            Draft { project_id: None, token_id: None, request: None, client_ip: *client, ..draft }
        }
        Kind::OfAnyone { .. } => Draft { project_id: None, token_id: None, request: None, ..draft },
    }
}

fn counted(draft: Draft, count: u64) -> Draft {
    Draft { count: Some(count), ..draft }
}

#[cfg(test)]
mod tests;
