//! Failures that are no outage, such as one project's key that cannot be opened: each is logged when it is new, then
//! counted, so that a client that repeats its request cannot fill the log. Bounded; it knows no time, and says the
//! counts when it is told to.

use std::collections::BTreeMap;

/// Different failures that are told apart between two rounds.
const KINDS: usize = 32;

/// What failed since the last round, and how often it was not logged.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    unsaid: BTreeMap<(&'static str, String), u64>,
    others: u64,
}

impl Faults {
    /// Logs a failure that is new in this round, and counts one that is not.
    pub(crate) fn note(&mut self, operation: &'static str, error: &str) {
        if let Some(count) = self.unsaid.get_mut(&(operation, error.to_owned())) {
            *count += 1;
        } else if self.unsaid.len() < KINDS {
            tracing::error!(operation, error, "the store failed");
            self.unsaid.insert((operation, error.to_owned()), 0);
        } else {
            self.others += 1;
        }
    }

    /// Says what was only counted, and begins a new round.
    pub(crate) fn say(&mut self) {
        for ((operation, error), count) in std::mem::take(&mut self.unsaid) {
            if count > 0 {
                tracing::warn!(operation, error, count, "the store failed again");
            }
        }
        let others = std::mem::take(&mut self.others);
        if others > 0 {
            tracing::warn!(count = others, "the store failed in other ways too");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_once_it_was_said() {
        let mut faults = Faults::default();
        (0..3).for_each(|_| faults.note("find grant", "unreadable"));
        faults.note("find grant", "another");
        let counts: Vec<u64> = faults.unsaid.values().copied().collect();
        assert_eq!(counts, [0, 2]);
    }

    #[test]
    fn a_new_round_begins_with_nothing() {
        let mut faults = Faults::default();
        (0..40).for_each(|n| faults.note("find grant", &format!("unreadable {n}")));
        faults.say();
        assert_eq!((faults.unsaid.len(), faults.others), (0, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut faults = Faults::default();
        (0..1000).for_each(|n| faults.note("find grant", &format!("unreadable {n}")));
        assert_eq!((faults.unsaid.len(), faults.others), (KINDS, 1000 - KINDS as u64));
    }
}
