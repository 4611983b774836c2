//! A mapping of the providers file whose keys are known, so that a key that is written wrong is an error and not a
//! default. It knows neither the keys nor what they mean; what stands under them is read by `values`.

use super::ProvidersError;
use super::values::mapping;
use super::yaml::{Entry, Node, Place, Value};

/// A mapping whose keys are all known, to be taken out one by one.
pub(super) struct Section {
    place: Place,
    entries: Vec<Entry>,
}

impl Section {
    /// The mapping that `node` must be. `what` names it in messages, such as "a provider".
    ///
    /// # Errors
    /// If it is no mapping, or has a key that is not in `known`.
    pub(super) fn read(node: Node, what: &str, known: &[&str]) -> Result<Self, ProvidersError> {
        let place = node.place;
        let entries = mapping(node, what)?;
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            Some(entry) => {
                let message = format!("unknown key {:?}: {what} has the keys {}", entry.key, known.join(", "));
                Err(entry.place.error(message))
            }
            None => Ok(Self { place, entries }),
        }
    }

    /// Takes what `key` holds, with the key's place; `None` where the key is missing or holds nothing.
    pub(super) fn take(&mut self, key: &str) -> Option<(Place, Node)> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.swap_remove(index);
        match entry.value.value {
            Value::Null => None,
            Value::Text(_) | Value::List(_) | Value::Map(_) => Some((entry.place, entry.value)),
        }
    }

    /// As [`Self::take`], where the key must be there.
    ///
    /// # Errors
    /// If it is not: `what` is the sentence that says what belongs there.
    pub(super) fn take_required(&mut self, key: &str, what: &str) -> Result<Node, ProvidersError> {
        let place = self.entries.iter().find(|entry| entry.key == key).map_or(self.place, |entry| entry.place);
        self.take(key).map(|(_, node)| node).ok_or_else(|| place.error(format!("{key} is missing: {what}")))
    }

    /// The value of a key that has a default.
    ///
    /// # Errors
    /// `read`'s.
    pub(super) fn read_or<T>(
        &mut self,
        key: &str,
        default: T,
        read: fn(&Node) -> Result<T, ProvidersError>,
    ) -> Result<T, ProvidersError> {
        self.take(key).map_or(Ok(default), |(_, node)| read(&node))
    }
}
