//! Identifiers as types of their own, so that a token's id never stands where a project's is meant. All are UUIDv7
//! (RFC 9562 section 5.7), built from a time and random bytes that the caller gives.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// Ten random bytes, the random part of one UUIDv7.
pub type IdSeed = [u8; 10];

/// A UUIDv7 from a time and random bytes.
#[must_use]
pub fn uuid_v7(at: Timestamp, seed: &IdSeed) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(at.as_unix_millis(), seed).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id for something made at `at`.
            #[must_use]
            pub fn new(at: Timestamp, seed: &IdSeed) -> Self {
                Self(uuid_v7(at, seed))
            }

            /// Wraps an id that was made before.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Reads the hyphenated form, in either case; `None` for anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().map(Self)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// Which project.
    ProjectId
);
id!(
    /// Which token: public, unlike the token's string.
    TokenId
);
id!(
    /// Which audit event. Within a chain, later events have greater ids.
    EventId
);
id!(
    /// Which chain of audit events: one run of one instance.
    ChainId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_version_and_time() {
        let id = TokenId::new(Timestamp::from_micros(1_645_557_742_000_000), &[0xff; 10]);
        assert_eq!(id.uuid().get_version_num(), 7);
        assert!(id.to_string().starts_with("017f22e2-79b0-7"), "{id}");
        assert_eq!(TokenId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn only_the_hyphenated_form_is_read() {
        assert_eq!(ProjectId::parse("017f22e279b07cc398c4dc0c0c07398f"), None);
        assert_eq!(ProjectId::parse("{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}"), None);
        assert!(ProjectId::parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F").is_some());
    }
}
