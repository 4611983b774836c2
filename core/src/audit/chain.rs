//! The chain of one run of one instance: each event's hash covers the event and the hash before it (the idea is that of
//! a hash chain as in RFC 9162 and older logs; no signature, so it shows a change only to who kept a later hash).

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::draft::Draft;
use super::event::Event;
use crate::ids::{ChainId, EventId, IdSeed};

/// What stands in for the hash before the first event.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where a chain has got to. A clone is a point to come back to when events could not be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    id: ChainId,
    last_hash: String,
    last_id: EventId,
}

impl Chain {
    /// A chain without events.
    #[must_use]
    pub fn new(id: ChainId) -> Self {
        Self { id, last_hash: NOTHING.to_owned(), last_id: EventId::from_uuid(Uuid::nil()) }
    }

    /// Which chain it is.
    #[must_use]
    pub const fn id(&self) -> ChainId {
        self.id
    }

    /// Gives what happened its place as the chain's next event. `seed` is random.
    pub fn seal(&mut self, draft: Draft, seed: &IdSeed) -> Event {
        let id = EventId::new(draft.at, seed).max(following(self.last_id));
        let mut event = Event::unsealed(draft, id, self.id);
        event.prev.clone_from(&self.last_hash);
        // An event is made of text, numbers and maps, all of which JSON has.
        let value = serde_json::to_value(&event).unwrap_or_default();
        event.hash = hash_of(&event.prev, &value);
        self.last_hash.clone_from(&event.hash);
        self.last_id = id;
        event
    }
}

/// The id after `id`: so ids grow within a chain also where the clock does not.
fn following(id: EventId) -> EventId {
    let next = u128::from_be_bytes(*id.uuid().as_bytes()).saturating_add(1);
    EventId::from_uuid(Uuid::from_u128(next))
}

/// The hash of an event: SHA-256, as 64 lowercase hex digits, over the text of `prev` followed by the canonical JSON of
/// the event without its members `prev` and `hash`.
#[must_use]
pub fn hash_of(prev: &str, event: &Value) -> String {
    let mut bare = event.clone();
    if let Value::Object(members) = &mut bare {
        members.retain(|name, _| name != "prev" && name != "hash");
    }
    let digest = Sha256::new().chain_update(prev).chain_update(canonical_json(&bare)).finalize();
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// JSON in one form only, after RFC 8785: members by name, no space, nothing escaped that need not be. Numbers in events
/// are whole, so that part of the RFC says nothing here; names are ASCII, so its order of UTF-16 is that of bytes.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members =
                members.into_iter().map(|(name, value)| format!("{}:{}", quoted(name), canonical_json(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical_json).collect::<Vec<_>>().join(",")),
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
