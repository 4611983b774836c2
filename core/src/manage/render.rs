//! How the store's result reads as an answer.
//!
//! It assigns the statuses of success; those of failure are in `reject`. It never masks: what is in a reply was made to
//! be seen, and the one secret among it, a new token's string, is shown by the answer to the call that made it.

use std::fmt;

use http::StatusCode;
use serde::Serialize;

use super::command::{CommandError, Reply, Subject};
use super::events::EventPage;
use super::records::Token;
use crate::audit::Event;
use crate::auth::{Denial, TokenString};
use crate::ids::{EventId, ProjectId, TokenId};
use crate::reject::Refusal;
use crate::time::Timestamp;

/// An answer, but for the fields that every answer has (`Date`, `Content-Length`, …). `Debug` shows no body, since a
/// new token's string may be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The status.
    pub status: StatusCode,
    /// Its own fields beside `Content-Type`, which is always JSON: name and value.
    pub fields: Vec<(&'static str, String)>,
    /// JSON, or nothing at all for 204.
    pub body: Vec<u8>,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered")
            .field("status", &self.status)
            .field("fields", &self.fields)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// The answer to a command's result.
///
/// # Errors
/// The refusal to answer with, if the store did not do it.
pub fn render(result: Result<Reply, CommandError>) -> Result<Rendered, Refusal> {
    match result? {
        Reply::Projects(projects, total) => list(&projects, total),
        Reply::Project(project) => json(StatusCode::OK, &project),
        Reply::ProjectCreated(project) => {
            let location = format!("/manage/projects/{}", project.id);
            Ok(json(StatusCode::CREATED, &project)?.with("Location", location))
        }
        Reply::Tokens(tokens, total) => list(&tokens, total),
        Reply::Token(token) => json(StatusCode::OK, &token),
        Reply::TokenCreated(token, string) => token_created(&token, &string),
        Reply::Revoked(counts) => json(StatusCode::OK, &counts),
        Reply::TokenRevoked(_) | Reply::Gone => {
            Ok(Rendered { status: StatusCode::NO_CONTENT, fields: Vec::new(), body: Vec::new() })
        }
        Reply::Events(events, total, page) => {
            json(StatusCode::OK, &EventList { events: &events, pagination: Pagination::of(page, total) })
        }
        Reply::Event(event) => json(StatusCode::OK, &event),
    }
}

impl Rendered {
    fn with(mut self, name: &'static str, value: String) -> Self {
        self.fields.push((name, value));
        self
    }
}

/// A page of audit events.
#[derive(Serialize)]
struct EventList<'a> {
    events: &'a [Event],
    pagination: Pagination,
}

/// Where a page stands among the others.
#[derive(Serialize)]
struct Pagination {
    page: u64,
    page_size: u64,
    total_count: u64,
    total_pages: u64,
    has_next: bool,
    has_prev: bool,
    as_of: Option<EventId>,
}

impl Pagination {
    /// A page behind the last one has pages before it, as far as there are any.
    fn of(page: EventPage, total_count: u64) -> Self {
        let EventPage { page, page_size, as_of } = page;
        let total_pages = total_count.div_ceil(page_size.max(1));
        let (has_next, has_prev) = (page < total_pages, page > 1 && total_pages > 0);
        Self { page, page_size, total_count, total_pages, has_next, has_prev, as_of }
    }
}

/// The one answer that shows a token's string.
#[derive(Serialize)]
struct TokenOnce<'a> {
    id: TokenId,
    token: &'a str,
    project_id: ProjectId,
    expires_at: Timestamp,
    max_requests: Option<u64>,
}

fn token_created(token: &Token, string: &TokenString) -> Result<Rendered, Refusal> {
    let shown = TokenOnce {
        id: token.id,
        token: string.reveal(),
        project_id: token.project_id,
        expires_at: token.expires_at,
        max_requests: token.max_requests,
    };
    let location = format!("/manage/tokens/{}", token.id);
    let answer = json(StatusCode::CREATED, &shown)?;
    Ok(answer.with("Cache-Control", "no-store".to_owned()).with("Location", location))
}

fn list<T: Serialize>(items: &[T], total: u64) -> Result<Rendered, Refusal> {
    Ok(json(StatusCode::OK, &items)?.with("X-Total-Count", total.to_string()))
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Rendered, Refusal> {
    // No record has a map or a serialiser of its own that can fail. Should one ever: a failure, never half a body.
    let body = serde_json::to_vec(value).map_err(|_| Refusal::StoreUnavailable)?;
    Ok(Rendered { status, fields: Vec::new(), body })
}

impl Subject {
    /// The refusal for one that is not there.
    pub(super) const fn not_found(self) -> Refusal {
        Refusal::NotFound(match self {
            Self::Project => "there is no such project",
            Self::Token => "there is no such token",
            Self::Event => "there is no such audit event",
        })
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound(subject) => subject.not_found(),
            CommandError::ProjectNameTaken => Self::ProjectNameTaken,
            CommandError::ProjectInactive => Self::Denied(Denial::ProjectInactive),
            CommandError::StoreUnavailable => Self::StoreUnavailable,
            CommandError::AuditUnavailable => Self::AuditUnavailable,
            CommandError::CacheDisabled => Self::CacheDisabled,
        }
    }
}
