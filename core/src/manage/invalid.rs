//! What can be wrong with a query or a body, as sentences that say what to do.
//!
//! It never holds a value that a caller sent. Of what was sent only the name of an unknown field is in it, and that
//! clipped, because people do put a key where a name belongs.

use thiserror::Error;

use super::decode::MAX_BODY;
use crate::reject::Refusal;
use crate::secret::Secret;

/// The longest field name that is repeated as it is. Ours have 19 characters at most; a client's token has 25, and the
/// keys of the providers have 32 or more.
const PLAIN_NAME: usize = 24;

/// Why a call is no [`super::Command`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum Invalid {
    /// More than [`MAX_BODY`].
    #[error("the body is larger than {MAX_BODY} bytes")]
    BodyTooLarge,
    /// No byte, or only whitespace, where fields are needed. What the call takes.
    #[error("the body is empty: send a JSON object, this call takes {}", listed(.0))]
    EmptyBody(&'static [&'static str]),
    /// Where the first bad byte is, counted from 0.
    #[error("the body is not UTF-8 text from byte {0} on: send UTF-8")]
    NotUtf8(usize),
    /// Another JSON value, or no JSON at all.
    #[error("the body is not a JSON object: send one, such as {{\"name\": \"value\"}}")]
    NotAnObject,
    /// What the JSON parser says, with line and column.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// The name as it may be shown, see [`Invalid::unknown_field`], and what the call takes.
    #[error("unknown field {name:?}: this call takes {}", listed(.known))]
    UnknownField { name: String, known: &'static [&'static str] },
    /// The same field or parameter more than once: readers would differ on which one counts (RFC 8259 section 4).
    #[error("{0} is given more than once: send it once")]
    RepeatedField(&'static str),
    /// A field that must be there.
    #[error("{0} is missing: it is required")]
    MissingField(&'static str),
    /// Two names of one thing.
    #[error("{0} and {1} mean the same: send one of them")]
    BothNames(&'static str, &'static str),
    /// Two things that rule each other out.
    #[error("{0} and {1} do not go together: send one of them")]
    Contradicting(&'static str, &'static str),
    /// A change that changes nothing. What the call takes.
    #[error("there is nothing to change: send at least one of {}", listed(.0))]
    NothingToChange(&'static [&'static str]),
    /// Another JSON type.
    #[error("{field} must be {expected}, but is {found}")]
    WrongType { field: &'static str, expected: &'static str, found: &'static str },
    /// A number that is negative, has a fraction, or is out of range.
    #[error("{field} must be a whole number from {min} to {max}")]
    OutOfRange { field: &'static str, min: u64, max: u64 },
    /// Text that breaks a rule; the rule.
    #[error("{field} must be {rule}")]
    BadText { field: &'static str, rule: &'static str },
    /// What a read shows instead of a key.
    #[error("{0} is a mask, as reads show it: send the key itself")]
    MaskedKey(&'static str),
    /// Not in the providers file. The names that are.
    #[error("provider is not known: use one of {}", .0.join(", "))]
    UnknownProvider(Vec<String>),
    /// `revoke_tokens` on its own, or beside `is_active: true`.
    #[error("revoke_tokens goes only together with \"is_active\": false")]
    RevokeWithoutDeactivation,
}

impl Invalid {
    /// An unknown field. A long name is masked like a key, so that one sent in the wrong place stays unseen.
    pub(super) fn unknown_field(name: String, known: &'static [&'static str]) -> Self {
        let name = if name.chars().count() > PLAIN_NAME { Secret::new(name).masked() } else { name };
        Self::UnknownField { name, known }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::BodyTooLarge => Self::RequestTooLarge(MAX_BODY as u64),
            Invalid::EmptyBody(_)
            | Invalid::NotUtf8(_)
            | Invalid::NotAnObject
            | Invalid::NotJson(_)
            | Invalid::UnknownField { .. }
            | Invalid::RepeatedField(_)
            | Invalid::MissingField(_)
            | Invalid::BothNames(..)
            | Invalid::Contradicting(..)
            | Invalid::NothingToChange(_)
            | Invalid::WrongType { .. }
            | Invalid::OutOfRange { .. }
            | Invalid::BadText { .. }
            | Invalid::MaskedKey(_)
            | Invalid::UnknownProvider(_)
            | Invalid::RevokeWithoutDeactivation => Self::BadRequest(invalid.to_string()),
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no fields".to_owned() } else { names.join(", ") }
}
