//! Which command a management call is: one table over route and method.
//!
//! Beside it stands the table of what an audit event calls a call that became no command.
//!
//! It never authenticates, and never looks at `Content-Type`: a body is JSON or it is refused. Bodies of calls that
//! have no use for one (GET, DELETE) are not looked at.

use std::fmt;

use http::Method;

use super::body::Object;
use super::command::{Command, Subject};
use super::invalid::Invalid;
use super::{events, project, purge, query, token};
use crate::audit::Action;
use crate::reject::Refusal;
use crate::routing::ManageRoute;
use crate::settings::Providers;

/// The largest body of a management call, bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A management call as it arrived, its sender authenticated. `Debug` shows no content: keys are in bodies.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// What its path is.
    pub route: ManageRoute,
    /// Its method.
    pub method: &'a Method,
    /// What follows `?` in its target, still encoded.
    pub query: Option<&'a str>,
    /// Its whole body; empty if it has none.
    pub body: &'a [u8],
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("route", &self.route)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The command that a call is. `HEAD` is `GET`; the answer's body is then not sent.
///
/// # Errors
/// The first of these that applies: the path is unknown, the path lacks the method, the id is none, the query is
/// wrong, the body is wrong.
pub fn decode(call: &Call<'_>, providers: &Providers) -> Result<Command, Refusal> {
    let Call { route, query, body, .. } = *call;
    let method = if call.method == Method::HEAD { &Method::GET } else { call.method };
    match (route, method) {
        (ManageRoute::Unknown, _) => Err(Refusal::NotFound("there is nothing at this path")),
        (ManageRoute::Projects, &Method::GET) => Ok(Command::ListProjects(query::page(query)?)),
        (ManageRoute::Projects, &Method::POST) => Ok(Command::CreateProject(project::create(body, providers)?)),
        (ManageRoute::Project(id), &Method::GET) => Ok(Command::GetProject(known(id, Subject::Project)?)),
        (ManageRoute::Project(id), &Method::PUT | &Method::PATCH) => {
            Ok(Command::UpdateProject(known(id, Subject::Project)?, project::update(body, providers)?))
        }
        (ManageRoute::Project(id), &Method::DELETE) => Ok(Command::DeleteProject(known(id, Subject::Project)?)),
        (ManageRoute::RevokeTokens(id), &Method::POST) => {
            let id = known(id, Subject::Project)?;
            no_fields(body)?;
            Ok(Command::RevokeProjectTokens(id))
        }
        (ManageRoute::Tokens, &Method::GET) => {
            Ok(Command::ListTokens(query::token_filter(query)?, query::page(query)?))
        }
        (ManageRoute::Tokens, &Method::POST) => Ok(Command::CreateToken(token::create(body)?)),
        (ManageRoute::Token(id), &Method::GET) => Ok(Command::GetToken(known(id, Subject::Token)?)),
        (ManageRoute::Token(id), &Method::PUT | &Method::PATCH) => {
            Ok(Command::UpdateToken(known(id, Subject::Token)?, token::update(body)?))
        }
        (ManageRoute::Token(id), &Method::DELETE) => Ok(Command::RevokeToken(known(id, Subject::Token)?)),
        (ManageRoute::Events, &Method::GET) => {
            Ok(Command::ListEvents(Box::new(events::filter(query)?), events::page(query)?))
        }
        (ManageRoute::Event(id), &Method::GET) => Ok(Command::GetEvent(known(id, Subject::Event)?)),
        (ManageRoute::PurgeCache, &Method::POST) => Ok(Command::PurgeCache(purge::read(body)?)),
        (
            ManageRoute::Projects
            | ManageRoute::Project(_)
            | ManageRoute::RevokeTokens(_)
            | ManageRoute::Tokens
            | ManageRoute::Token(_)
            | ManageRoute::Events
            | ManageRoute::Event(_)
            | ManageRoute::PurgeCache,
            _,
        ) => Err(Refusal::MethodNotAllowed(route.methods().to_vec())),
    }
}

/// What an audit event calls a call that became no command: its command's action, where route and method have one.
#[must_use]
pub fn action_of(route: ManageRoute, method: &Method) -> Action {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    match (route, method) {
        (ManageRoute::Projects, &Method::GET) => Action::ProjectList,
        (ManageRoute::Projects, &Method::POST) => Action::ProjectCreate,
        (ManageRoute::Project(_), &Method::GET) => Action::ProjectRead,
        (ManageRoute::Project(_), &Method::PUT | &Method::PATCH) => Action::ProjectUpdate,
        (ManageRoute::Project(_), &Method::DELETE) => Action::ProjectDelete,
        (ManageRoute::RevokeTokens(_), &Method::POST) => Action::TokenRevokeBatch,
        (ManageRoute::Tokens, &Method::GET) => Action::TokenList,
        (ManageRoute::Tokens, &Method::POST) => Action::TokenCreate,
        (ManageRoute::Token(_), &Method::GET) => Action::TokenRead,
        (ManageRoute::Token(_), &Method::PUT | &Method::PATCH) => Action::TokenUpdate,
        (ManageRoute::Token(_), &Method::DELETE) => Action::TokenRevoke,
        (ManageRoute::Events, &Method::GET) => Action::AuditList,
        (ManageRoute::Event(_), &Method::GET) => Action::AuditShow,
        (ManageRoute::PurgeCache, &Method::POST) => Action::CachePurge,
        _ => Action::AdminAccess,
    }
}

/// The id in a path. One that is no UUID reads like one that does not exist.
fn known<Id>(id: Option<Id>, subject: Subject) -> Result<Id, Refusal> {
    id.ok_or_else(|| subject.not_found())
}

/// A call without fields takes no body or `{}`; a field would be one that has no effect, so it is refused by name.
fn no_fields(body: &[u8]) -> Result<(), Invalid> {
    match Object::parse(body, &[]) {
        Ok(_) | Err(Invalid::EmptyBody(_)) => Ok(()),
        Err(invalid) => Err(invalid),
    }
}
