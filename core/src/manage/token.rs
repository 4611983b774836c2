//! The bodies of the calls that make and change a token.
//!
//! It decides which lifetimes and limits are acceptable. It never makes a token's string and never touches counters.

use std::time::Duration;

use super::body::Object;
use super::command::{NewToken, TokenChange};
use super::invalid::Invalid;
use crate::ids::ProjectId;

const CREATE: &[&str] = &["project_id", "duration_minutes", "max_requests", "requests_per_minute"];
const UPDATE: &[&str] = &["is_active", "max_requests", "requests_per_minute"];

/// A year of 365 days.
const MAX_MINUTES: u64 = 525_600;

/// What an id in a body or a query must be.
pub(super) const ID_RULE: &str = "a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

/// Reads the body of a creation.
pub(super) fn create(body: &[u8]) -> Result<NewToken, Invalid> {
    let mut object = Object::parse(body, CREATE)?;
    let project_id = object.text("project_id")?.ok_or(Invalid::MissingField("project_id"))?;
    let minutes = object.whole("duration_minutes", 1..=MAX_MINUTES)?;
    Ok(NewToken {
        project_id: ProjectId::parse(&project_id).ok_or(Invalid::BadText { field: "project_id", rule: ID_RULE })?,
        lifetime: Duration::from_secs(minutes.ok_or(Invalid::MissingField("duration_minutes"))? * 60),
        max_requests: object.limit("max_requests")?.flatten(),
        requests_per_minute: object.limit("requests_per_minute")?.flatten(),
    })
}

/// Reads the body of a change: any field may be absent, not all of them.
pub(super) fn update(body: &[u8]) -> Result<TokenChange, Invalid> {
    let mut object = Object::parse(body, UPDATE)?;
    if object.is_empty() {
        return Err(Invalid::NothingToChange(UPDATE));
    }
    Ok(TokenChange {
        is_active: object.flag("is_active")?,
        max_requests: object.limit("max_requests")?,
        requests_per_minute: object.limit("requests_per_minute")?,
    })
}
