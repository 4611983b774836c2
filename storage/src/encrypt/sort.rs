//! Which stored values are sealed under which key, and what to do about it: no I/O.

use zeroize::Zeroizing;

use super::{EncryptError, EncryptStatus, Keys, SealedValue};
use crate::seal;

/// A value as it is stored, and what it must be sealed for; `None` if that is not known.
pub(crate) struct StoredValue {
    pub(crate) value: SealedValue,
    pub(crate) owner: Option<String>,
    pub(crate) stored: Zeroizing<String>,
}

/// A stored value and what replaces it.
pub(crate) struct Change {
    pub(crate) value: SealedValue,
    pub(crate) sealed: String,
}

/// What there is to do, and what is true once it is done.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) changes: Vec<Change>,
    pub(crate) status: EncryptStatus,
    pub(crate) sealed: u64,
    pub(crate) resealed: u64,
}

enum State {
    Current,
    Plain,
    Old(Zeroizing<Vec<u8>>),
    Unreadable,
}

/// Counts. What only an older key opens is not readable under the one that counts.
pub(crate) fn status(keys: &Keys, values: &[StoredValue]) -> EncryptStatus {
    let mut status = EncryptStatus::default();
    for value in values {
        match state(keys, value) {
            State::Current => status.sealed += 1,
            State::Plain => status.plain += 1,
            State::Old(_) | State::Unreadable => status.unreadable.push(value.value.clone()),
        }
    }
    status
}

/// What has to be sealed anew. That a secret of the installation opens is the proof that one of the keys is right:
/// without it nothing is done. A single project's key that does not open is left as it is.
pub(crate) fn work(keys: &Keys, values: &[StoredValue]) -> Result<Work, EncryptError> {
    let mut work = Work::default();
    for value in values {
        match (state(keys, value), &value.value) {
            (State::Current, _) => work.status.sealed += 1,
            (State::Plain, _) => {
                work.seal(keys, value, value.stored.as_bytes())?;
                work.sealed += 1;
            }
            (State::Old(secret), _) => {
                work.seal(keys, value, &secret)?;
                work.resealed += 1;
            }
            (State::Unreadable, SealedValue::Secret(_)) => return Err(EncryptError::WrongOldKey),
            (State::Unreadable, SealedValue::ProjectKey(_)) => work.status.unreadable.push(value.value.clone()),
        }
    }
    Ok(work)
}

impl Work {
    fn seal(&mut self, keys: &Keys, value: &StoredValue, secret: &[u8]) -> Result<(), EncryptError> {
        let owner = value.owner.as_deref().unwrap_or_default();
        let sealed = keys.seal(secret, owner)?.ok_or(EncryptError::NoKey)?;
        self.changes.push(Change { value: value.value.clone(), sealed });
        self.status.sealed += 1;
        Ok(())
    }
}

fn state(keys: &Keys, value: &StoredValue) -> State {
    let Some(owner) = value.owner.as_deref() else {
        return State::Unreadable;
    };
    if !seal::is_sealed(&value.stored) {
        return match value.value {
            SealedValue::ProjectKey(_) => State::Plain,
            // The program has always sealed these: something else stands there.
            SealedValue::Secret(_) => State::Unreadable,
        };
    }
    if keys.is_current(&value.stored, owner) {
        return State::Current;
    }
    keys.open_old(&value.stored, owner).map_or(State::Unreadable, State::Old)
}
