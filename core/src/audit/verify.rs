//! Verifying: whether a file or a database still holds every event as it was written.
//!
//! It reads events one after the other and keeps for each chain only where it has got to. It never reads a file itself.
//! What holds in what was not touched:
//!
//! - The hash of each event covers the event and the hash before it ([`hash_of`]); so a changed event shows itself, and
//!   one that is missing, added, repeated or out of order shows at the one after it.
//! - Ids grow within a chain.
//! - A chain begins with 64 zeros in place of the hash before it. In a database, which retention prunes, it may begin
//!   later: then an `audit.prune` event names the hash before it.
//!   In a file that follows on one that was moved away, a chain that goes on begins with such an event of its own.
//! - In a file, a line is nothing but one event, in no more bytes than that takes, and each `server.start` but the first
//!   names the event before it; so a run that was cut at its end shows at the next start.
//!
//! What cannot be seen: that the end of the last run was cut off, that a whole chain was taken out of a database, and
//! that somebody wrote all of it anew. Against these helps a hash that is kept elsewhere: [`Verified::last`] is the one
//! to keep.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

use super::chain::{NOTHING, canonical_json, hash_of};
use super::words::Action;
use crate::ids::{ChainId, EventId};
use crate::time::Timestamp;

/// What is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// An audit file: nothing was ever taken from it.
    File,
    /// The events of a database, by id.
    Database,
}

/// Verifies events that it is given in their order.
#[derive(Debug)]
pub struct Verifier {
    source: Source,
    chains: BTreeMap<ChainId, Reached>,
    /// The hash that the newest `audit.prune` names for each chain.
    anchors: BTreeMap<ChainId, String>,
    /// Chains that begin after events that are not there, until an `audit.prune` says that they were removed.
    headless: BTreeMap<ChainId, (Place, String)>,
    events: u64,
    times: Option<(Timestamp, Timestamp)>,
    last: Option<Last>,
}

/// Where a chain has got to.
#[derive(Debug)]
struct Reached {
    id: EventId,
    hash: String,
}

/// The last event that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Last {
    /// Its chain.
    pub chain: ChainId,
    /// Its id.
    pub id: EventId,
    /// Its hash, which covers its chain up to it.
    pub hash: String,
}

/// All is as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// How many events there are.
    pub events: u64,
    /// How many chains: runs of instances.
    pub chains: u64,
    /// The earliest and the latest time of an event.
    pub times: Option<(Timestamp, Timestamp)>,
    /// The last event.
    pub last: Option<Last>,
}

/// Where something is wrong: the number of the event, from 1 (in a file, its line), and its id if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its number.
    pub number: u64,
    /// Its id.
    pub id: Option<EventId>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {}", self.number)?;
        self.id.map_or(Ok(()), |id| write!(f, " ({id})"))
    }
}

/// The first thing that is not as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// A line without its end: the program was stopped while writing it, or it was cut.
    #[error("{0} is torn: the line has no end")]
    Torn(Place),
    /// A line that is no JSON.
    #[error("{0} is not JSON")]
    NotJson(Place),
    /// JSON that lacks what every event has.
    #[error("{0} is not an audit event")]
    NotAnEvent(Place),
    /// The hash is not that of the event.
    #[error("{0} was changed: its hash is that of another content")]
    Changed(Place),
    /// The event before it in its chain is another one, or this one stands in a wrong place.
    #[error("before {0} an event was changed, removed or reordered: it does not follow on the one before it")]
    OutOfPlace(Place),
    /// A chain begins in the middle, and no `audit.prune` says that its beginning was removed by retention.
    #[error("before {0} events were removed: its chain begins in the middle")]
    Headless(Place),
    /// A start does not name the event before it.
    #[error("before {0} events were removed or added: this start does not name the last event before it")]
    WrongPrevious(Place),
}

/// What every event has, as far as it is needed here.
struct Read<'a> {
    place: Place,
    chain: ChainId,
    id: EventId,
    at: Timestamp,
    prev: &'a str,
    hash: &'a str,
    value: &'a Value,
}

impl Verifier {
    /// One that has read nothing.
    #[must_use]
    pub const fn of(source: Source) -> Self {
        Self {
            source,
            chains: BTreeMap::new(),
            anchors: BTreeMap::new(),
            headless: BTreeMap::new(),
            events: 0,
            times: None,
            last: None,
        }
    }

    /// Reads the next line of a file, with the `\n` at its end. An empty piece is the end of the file, and no line.
    ///
    /// # Errors
    /// The first fault; nothing more is to be read then.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let place = Place { number: self.events + 1, id: None };
        let line = match line.strip_suffix(b"\n") {
            Some(line) => line,
            None if line.is_empty() => return Ok(()),
            None => return Err(Fault::Torn(place)),
        };
        let value: Value = serde_json::from_slice(line).map_err(|_| Fault::NotJson(place))?;
        let read = read(&value, place)?;
        // One form has one length, whatever the order of members. Longer is what says something twice, or beside it.
        if canonical_json(&value).len() != line.len() {
            return Err(Fault::Changed(read.place));
        }
        self.take(&read)
    }

    /// Reads the next event.
    ///
    /// # Errors
    /// As for [`Verifier::line`].
    pub fn event(&mut self, event: &Value) -> Result<(), Fault> {
        self.take(&read(event, Place { number: self.events + 1, id: None })?)
    }

    /// Says that there are no more.
    ///
    /// # Errors
    /// [`Fault::Headless`] if a chain's beginning was removed and nothing says why.
    pub fn finish(self) -> Result<Verified, Fault> {
        if let Some((place, _)) = self.headless.into_values().min_by_key(|(place, _)| place.number) {
            return Err(Fault::Headless(place));
        }
        Ok(Verified { events: self.events, chains: self.chains.len() as u64, times: self.times, last: self.last })
    }

    fn take(&mut self, event: &Read<'_>) -> Result<(), Fault> {
        if hash_of(event.prev, event.value) != event.hash {
            return Err(Fault::Changed(event.place));
        }
        match self.chains.get(&event.chain) {
            Some(before) if before.hash == event.prev && before.id < event.id => {}
            Some(_) => return Err(Fault::OutOfPlace(event.place)),
            None => self.begin(event)?,
        }
        self.chains.insert(event.chain, Reached { id: event.id, hash: event.hash.to_owned() });
        if event.is(Action::AuditPrune) {
            self.anchor(event);
        }
        self.events += 1;
        let (first, last) = self.times.unwrap_or((event.at, event.at));
        self.times = Some((first.min(event.at), last.max(event.at)));
        self.last = Some(Last { chain: event.chain, id: event.id, hash: event.hash.to_owned() });
        Ok(())
    }

    /// A chain's first event that is there.
    fn begin(&mut self, event: &Read<'_>) -> Result<(), Fault> {
        match self.source {
            Source::File if event.prev != NOTHING && !self.is_continued(event) => Err(Fault::Headless(event.place)),
            Source::File if event.is(Action::ServerStart) => self.check_previous(event),
            Source::File => Ok(()),
            Source::Database => {
                let is_anchored =
                    event.prev == NOTHING || self.anchors.get(&event.chain).is_some_and(|hash| hash == event.prev);
                if !is_anchored {
                    self.headless.insert(event.chain, (event.place, event.prev.to_owned()));
                }
                Ok(())
            }
        }
    }

    /// Whether a chain begins with an `audit.prune` that names what it had before: that is how a writer goes on where its
    /// file was moved away.
    fn is_continued(&self, event: &Read<'_>) -> bool {
        let chains = event.value["metadata"]["chains"].as_array();
        let names_it = |entry: &Value| {
            entry["chain"].as_str() == Some(&event.chain.to_string()) && entry["hash"].as_str() == Some(event.prev)
        };
        event.is(Action::AuditPrune) && chains.into_iter().flatten().any(names_it)
    }

    /// Whether a start names the event before it in the file. The first of a file may continue a database.
    fn check_previous(&self, start: &Read<'_>) -> Result<(), Fault> {
        let previous = &start.value["metadata"]["previous"];
        let is_right = match &self.last {
            Some(last) => {
                previous["hash"].as_str() == Some(&last.hash)
                    && previous["chain"].as_str() == Some(&last.chain.to_string())
            }
            None => previous.is_null() || previous["in"] == IN_DATABASE,
        };
        if is_right { Ok(()) } else { Err(Fault::WrongPrevious(start.place)) }
    }

    /// An `audit.prune` names the last removed event of each chain that has others left.
    fn anchor(&mut self, prune: &Read<'_>) {
        let chains = prune.value["metadata"]["chains"].as_array();
        for entry in chains.into_iter().flatten() {
            let chain = entry["chain"].as_str().and_then(ChainId::parse);
            let (Some(chain), Some(hash)) = (chain, entry["hash"].as_str()) else { continue };
            if self.headless.get(&chain).is_some_and(|(_, prev)| prev == hash) {
                self.headless.remove(&chain);
            }
            self.anchors.insert(chain, hash.to_owned());
        }
    }
}

/// In a `server.start`'s `previous`: where the event that it names is, if not in the file.
pub const IN_DATABASE: &str = "database";

impl Read<'_> {
    fn is(&self, action: Action) -> bool {
        self.value["action"] == action.as_str()
    }
}

fn read(value: &Value, place: Place) -> Result<Read<'_>, Fault> {
    let text = |name: &str| value[name].as_str();
    let id = text("id").and_then(EventId::parse);
    let place = Place { id, ..place };
    let parts = (|| {
        let chain = ChainId::parse(text("chain")?)?;
        let at = Timestamp::parse_rfc3339(text("timestamp")?)?;
        text("action")?;
        Some(Read { place, chain, id: id?, at, prev: text("prev")?, hash: text("hash")?, value })
    })();
    parts.ok_or(Fault::NotAnEvent(place))
}

#[cfg(test)]
mod tests;
