//! What the management API asks of the store, and what the store answers.
//!
//! Every [`Command`] has one [`Action`], which is how an audit event names it.

use std::time::Duration;

use thiserror::Error;

use super::events::{EventFilter, EventPage};
use super::purge::Purge;
use super::records::{Project, Token};
use crate::audit::{Action, Event};
use crate::auth::TokenString;
use crate::ids::{EventId, ProjectId, TokenId};
use crate::secret::Secret;

/// Which part of a list: `limit` items after the first `offset`. `None` as limit is all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// Items to skip.
    pub offset: u64,
    /// Items to give at most.
    pub limit: Option<u64>,
}

/// A project to make. Already validated: the name has 1 to 255 characters, the provider exists.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// Its upstream key.
    pub api_key: Secret,
    /// Its provider.
    pub provider: String,
}

/// Changes to a project; at least one is there.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// A new name.
    pub name: Option<String>,
    /// A rotated key.
    pub api_key: Option<Secret>,
    /// Another provider.
    pub provider: Option<String>,
    /// Switch it on or off.
    pub is_active: Option<bool>,
    /// Revoke all its tokens too; only with `is_active: Some(false)`.
    pub revoke_tokens: bool,
}

/// A token to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewToken {
    /// Its project.
    pub project_id: ProjectId,
    /// How long it works.
    pub lifetime: Duration,
    /// Requests in all; `None` is unlimited.
    pub max_requests: Option<u64>,
    /// Requests a minute; `None` is unlimited.
    pub requests_per_minute: Option<u64>,
}

/// Changes to a token; at least one is there. The inner `None` lifts a limit. Counters are never touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenChange {
    /// Switch it on or off.
    pub is_active: Option<bool>,
    /// Another limit in all.
    pub max_requests: Option<Option<u64>>,
    /// Another limit a minute.
    pub requests_per_minute: Option<Option<u64>>,
}

/// Which tokens to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenFilter {
    /// Of this project only.
    pub project_id: Option<ProjectId>,
    /// Only those that work now: active, not expired, project active.
    pub active_only: bool,
}

/// One management call, decoded and valid in itself.
#[derive(Clone, Debug)]
pub enum Command {
    /// GET /manage/projects
    ListProjects(Page),
    /// POST /manage/projects
    CreateProject(NewProject),
    /// GET /manage/projects/{id}
    GetProject(ProjectId),
    /// PUT or PATCH /manage/projects/{id}
    UpdateProject(ProjectId, ProjectChange),
    /// DELETE /manage/projects/{id}
    DeleteProject(ProjectId),
    /// POST /manage/projects/{id}/tokens/revoke
    RevokeProjectTokens(ProjectId),
    /// GET /manage/tokens
    ListTokens(TokenFilter, Page),
    /// POST /manage/tokens
    CreateToken(NewToken),
    /// GET /manage/tokens/{id}
    GetToken(TokenId),
    /// PUT or PATCH /manage/tokens/{id}
    UpdateToken(TokenId, TokenChange),
    /// DELETE /manage/tokens/{id}
    RevokeToken(TokenId),
    /// GET /manage/audit
    ListEvents(Box<EventFilter>, EventPage),
    /// GET /manage/audit/{id}
    GetEvent(EventId),
    /// POST /manage/cache/purge
    PurgeCache(Purge),
}

impl Command {
    /// What an audit event calls it.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::ListProjects(_) => Action::ProjectList,
            Self::CreateProject(_) => Action::ProjectCreate,
            Self::GetProject(_) => Action::ProjectRead,
            Self::UpdateProject(..) => Action::ProjectUpdate,
            Self::DeleteProject(_) => Action::ProjectDelete,
            Self::RevokeProjectTokens(_) => Action::TokenRevokeBatch,
            Self::ListTokens(..) => Action::TokenList,
            Self::CreateToken(_) => Action::TokenCreate,
            Self::GetToken(_) => Action::TokenRead,
            Self::UpdateToken(..) => Action::TokenUpdate,
            Self::RevokeToken(_) => Action::TokenRevoke,
            Self::ListEvents(..) => Action::AuditList,
            Self::GetEvent(_) => Action::AuditShow,
            Self::PurgeCache(_) => Action::CachePurge,
        }
    }
}

/// What a bulk revocation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct RevokedCounts {
    /// Tokens switched off by this call.
    pub revoked_count: u64,
    /// Tokens that were off before.
    pub already_revoked_count: u64,
    /// Tokens of the project.
    pub total_tokens: u64,
}

/// The store's answer to a [`Command`] that succeeded.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A page of projects, newest first, and how many there are in all.
    Projects(Vec<Project>, u64),
    /// One project, read or updated.
    Project(Project),
    /// A project was made.
    ProjectCreated(Project),
    /// A page of tokens, newest first, and how many match in all.
    Tokens(Vec<Token>, u64),
    /// One token, read or updated.
    Token(Token),
    /// A token was made. Its string is here for the one answer that shows it.
    TokenCreated(Token, TokenString),
    /// A bulk revocation was done.
    Revoked(RevokedCounts),
    /// A token of that project was revoked; nothing to show.
    TokenRevoked(ProjectId),
    /// Deleted; nothing to show.
    Gone,
    /// A page of audit events, newest first, how many match in all, and the page that was asked for, its `as_of` filled
    /// in: with the newest event's id where the call named none.
    Events(Vec<Event>, u64, EventPage),
    /// One audit event.
    Event(Box<Event>),
}

/// What was not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A project.
    Project,
    /// A token.
    Token,
    /// An audit event.
    Event,
}

impl Subject {
    /// What it is called.
    const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Token => "token",
            Self::Event => "audit event",
        }
    }
}

/// Why the store did not do what a [`Command`] asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CommandError {
    /// No such project, token or event.
    #[error("there is no such {}", .0.name())]
    NotFound(Subject),
    /// Another project has that name.
    #[error("another project has that name")]
    ProjectNameTaken,
    /// The project is not active, so it gets no token and none of its tokens can be switched on.
    #[error("the project is not active")]
    ProjectInactive,
    /// The store cannot be reached or failed. The details are in the log, not here.
    #[error("the store is not available")]
    StoreUnavailable,
    /// The audit log does not take the call's event, so the call was not done.
    #[error("the audit log is not available")]
    AuditUnavailable,
    /// There is no response cache.
    #[error("the cache is disabled")]
    CacheDisabled,
}
