//! Audit events in a map by id: the reference for what the databases answer.

use std::collections::BTreeMap;
use std::ops::Bound;

use llm_proxy_core::audit::Event;
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::manage::{EventFilter, EventPage};

use crate::store::EventList;

/// The events, oldest (smallest id) first.
#[derive(Default)]
pub(super) struct Events(BTreeMap<EventId, Event>);

impl Events {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds those that are not there.
    pub(super) fn add(&mut self, events: &[Event]) {
        for event in events {
            self.0.entry(event.id).or_insert_with(|| event.clone());
        }
    }

    pub(super) fn list(&self, filter: &EventFilter, mut page: EventPage) -> EventList {
        page.as_of = page.as_of.or_else(|| self.0.keys().next_back().copied());
        let until = page.as_of.map_or(Bound::Unbounded, Bound::Included);
        let found: Vec<&Event> = self
            .0
            .range((Bound::Unbounded, until))
            .rev()
            .map(|(_, event)| event)
            .filter(|event| filter.matches(event))
            .collect();
        let items = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let events = found.iter().skip(items(page.offset())).take(items(page.page_size)).map(|event| (*event).clone());
        (events.collect(), u64::try_from(found.len()).unwrap_or(u64::MAX), page)
    }

    pub(super) fn get(&self, id: EventId) -> Option<Event> {
        self.0.get(&id).cloned()
    }

    pub(super) fn after(&self, cursor: Option<EventId>, limit: u32) -> Vec<Event> {
        let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.0.range((from, Bound::Unbounded)).take(limit).map(|(_, event)| event.clone()).collect()
    }

    pub(super) fn last(&self, chain: Option<ChainId>) -> Option<Event> {
        self.0.values().rev().find(|event| chain.is_none_or(|chain| chain == event.chain)).cloned()
    }

    pub(super) fn remove(&mut self, ids: &[EventId]) {
        for id in ids {
            self.0.remove(id);
        }
    }
}
