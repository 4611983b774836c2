//! The events that are on record and that the database has not taken yet, oldest first. Only so many are held in
//! memory; those beyond are read again from the file ([`Journal::refill`](super::journal::Journal::refill)).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::audit::Event;

/// Shared by the journal, which adds at the end, and the writer, which takes from the front.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Whether more come after these, which only the file has.
    more_in_file: bool,
}

impl Pending {
    /// Adds events at the end.
    pub(crate) fn add(&self, events: impl IntoIterator<Item = Event>) {
        self.queue().events.extend(events);
    }

    /// Says whether more come after these, which only the file has.
    pub(crate) fn set_more_in_file(&self, more: bool) {
        self.queue().more_in_file = more;
    }

    /// How many are in memory.
    pub(crate) fn len(&self) -> usize {
        self.queue().events.len()
    }

    /// Whether the database has everything.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.events.is_empty() && !queue.more_in_file
    }

    /// Whether more come after these, which only the file has.
    pub(crate) fn has_more_in_file(&self) -> bool {
        self.queue().more_in_file
    }

    /// The first `count` in memory, or as many as there are.
    pub(crate) fn first(&self, count: usize) -> Vec<Event> {
        self.queue().events.iter().take(count).cloned().collect()
    }

    /// Forgets the first `count`: the database has them.
    pub(crate) fn forget(&self, count: usize) {
        let mut queue = self.queue();
        let count = count.min(queue.events.len());
        queue.events.drain(..count);
    }

    /// A panic elsewhere leaves the queue usable.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
