//! Projects and tokens as the management API shows them: no secret is representable here.

use crate::ids::{ProjectId, TokenId};
use crate::time::Timestamp;
use serde::Serialize;

/// What stands in place of a key that could not be opened.
pub(super) const UNREADABLE: &str = "unreadable";

/// A project's upstream key as people may see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyView {
    /// The masked key, see [`crate::secret::Secret::masked`].
    Masked(String),
    /// The stored key could not be opened; reads as `unreadable`.
    Unreadable,
}

impl Serialize for KeyView {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Masked(mask) => mask,
            Self::Unreadable => UNREADABLE,
        })
    }
}

/// A project, in the shape of the API's JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique among projects that are not deleted.
    pub name: String,
    /// Its provider's name in the providers file.
    pub provider: String,
    /// Its key, masked.
    pub api_key: KeyView,
    /// Whether its tokens work.
    pub is_active: bool,
    /// Since when it is not active.
    pub deactivated_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A token, in the shape of the API's JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Token {
    /// Its public id.
    pub id: TokenId,
    /// Its mask, kept as such at creation.
    pub token: String,
    /// Its project.
    pub project_id: ProjectId,
    /// The first moment at which it no longer works.
    pub expires_at: Timestamp,
    /// Whether it is switched on.
    pub is_active: bool,
    /// Requests made with it, as far as the instances have reported them.
    pub request_count: u64,
    /// Requests that instances have set aside for it: not made yet, not reported yet, or lost with an instance that
    /// died. They count against `max_requests`.
    pub leased_count: u64,
    /// Requests that may be made in all; `None` is unlimited.
    pub max_requests: Option<u64>,
    /// Requests that may be made a minute; `None` is unlimited.
    pub requests_per_minute: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Requests that the cache answered.
    pub cache_hit_count: u64,
}
