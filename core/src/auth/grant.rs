//! What a token allows right now: the records behind it in one value, and the pure decision over them.

use std::sync::Arc;

use super::Denial;
use crate::ids::{ProjectId, TokenId};
use crate::secret::Secret;
use crate::time::Timestamp;

/// A token's record and its project's, as the store had them at one moment. Shared, since every exchange of a token
/// holds one.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token.
    pub token_id: TokenId,
    /// Its project.
    pub project_id: ProjectId,
    /// The name of the project's provider in the providers file.
    pub provider: Arc<str>,
    /// The project's upstream key.
    pub upstream_key: Secret,
    /// Whether the token is switched on.
    pub token_active: bool,
    /// Whether the project is.
    pub project_active: bool,
    /// The first moment at which the token no longer works.
    pub expires_at: Timestamp,
    /// How many requests it may make in all; `None` is unlimited.
    pub max_requests: Option<u64>,
    /// How many it may make a minute; `None` is unlimited.
    pub requests_per_minute: Option<u64>,
}

/// Whether `grant` allows a request at `now`. Inactive beats expired, the token beats its project.
///
/// # Errors
/// The first reason against it. `enforce_project` is the setting LLM_PROXY_ENFORCE_PROJECT_ACTIVE.
pub fn decide(grant: &Grant, now: Timestamp, enforce_project: bool) -> Result<(), Denial> {
    if !grant.token_active {
        return Err(Denial::TokenInactive);
    }
    if now >= grant.expires_at {
        return Err(Denial::TokenExpired);
    }
    if enforce_project && !grant.project_active {
        return Err(Denial::ProjectInactive);
    }
    Ok(())
}
