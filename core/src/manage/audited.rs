//! What the audit event of a call says: from the command that it is and the store's result.
//!
//! It names fields and counts; it never holds a value that could be a secret, such as a project's key or a token's
//! string. It takes what it needs from the command before the store has it, and from the result when it is there.

use std::collections::BTreeMap;

use super::command::{Command, CommandError, ProjectChange, Reply, TokenChange, TokenFilter};
use super::purge::{Purge, PurgeWhat};
use super::records::{KeyView, Project};
use crate::audit::{Action, Actor, Draft, Fact, Outcome, RequestFacts, Shown};
use crate::ids::{ProjectId, TokenId};
use crate::reject::Refusal;
use crate::time::Timestamp;

/// How many projects with unreadable keys are named in one event.
const MOST_NAMED: usize = 20;

type Facts = BTreeMap<&'static str, Fact>;

/// What is known of a call before the store has done it: enough to make its event from the result alone.
#[derive(Clone, Debug)]
pub struct CallFacts {
    at: Timestamp,
    actor: Actor,
    action: Action,
    project_id: Option<ProjectId>,
    token_id: Option<TokenId>,
    request: Box<RequestFacts>,
    metadata: Facts,
}

impl CallFacts {
    /// The facts of a call at `at` that is `command`.
    #[must_use]
    pub fn of(command: &Command, at: Timestamp, actor: Actor, request: Box<RequestFacts>) -> Self {
        let (project_id, token_id) = subjects(command);
        Self { at, actor, action: command.action(), project_id, token_id, request, metadata: asked(command) }
    }

    /// The event of the call, of which this is the result.
    #[must_use]
    pub fn draft(self, result: &Result<Reply, CommandError>) -> Draft {
        let mut draft = Draft {
            client_ip: None,
            at: self.at,
            action: self.action,
            actor: self.actor,
            outcome: Outcome::Success,
            reason: None,
            project_id: self.project_id,
            token_id: self.token_id,
            request: Some(self.request),
            count: None,
            metadata: self.metadata,
        };
        match result {
            Ok(reply) => answered(reply, &mut draft),
            Err(error) => {
                let (outcome, code) = Outcome::of_refusal(&Refusal::from(*error));
                (draft.outcome, draft.reason) = (outcome, Some(code));
            }
        }
        draft
    }
}

/// Which project and token a command names.
const fn subjects(command: &Command) -> (Option<ProjectId>, Option<TokenId>) {
    match command {
        Command::GetProject(id)
        | Command::UpdateProject(id, _)
        | Command::DeleteProject(id)
        | Command::RevokeProjectTokens(id) => (Some(*id), None),
        Command::GetToken(id) | Command::UpdateToken(id, _) | Command::RevokeToken(id) => (None, Some(*id)),
        Command::ListTokens(filter, _) => (filter.project_id, None),
        Command::CreateToken(new) => (Some(new.project_id), None),
        Command::ListEvents(filter, _) => (filter.project_id, filter.token_id),
        Command::PurgeCache(purge) => (purge.project_id, None),
        Command::ListProjects(_) | Command::CreateProject(_) | Command::GetEvent(_) => (None, None),
    }
}

/// What was asked, beside whom it is about.
fn asked(command: &Command) -> Facts {
    match command {
        Command::CreateProject(new) => Facts::from([("provider", Fact::Text(Shown::of(&new.provider)))]),
        Command::UpdateProject(_, change) => project_change(change),
        Command::ListTokens(filter, _) => listed_by(token_filters(filter)),
        Command::CreateToken(new) => {
            let minutes = new.lifetime.as_secs() / 60;
            let mut facts = Facts::from([("duration_minutes", Fact::Number(minutes))]);
            put_limit(&mut facts, "max_requests", new.max_requests);
            put_limit(&mut facts, "requests_per_minute", new.requests_per_minute);
            facts
        }
        Command::UpdateToken(_, change) => token_change(change),
        Command::ListEvents(filter, _) => listed_by(filter.names()),
        Command::GetEvent(id) => Facts::from([("event_id", Fact::Text(Shown::of(&id.to_string())))]),
        Command::PurgeCache(purge) => purged(purge),
        Command::ListProjects(_)
        | Command::GetProject(_)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::GetToken(_)
        | Command::RevokeToken(_) => Facts::new(),
    }
}

fn listed_by(filters: Vec<&'static str>) -> Facts {
    if filters.is_empty() { Facts::new() } else { Facts::from([("filters", Fact::Words(filters))]) }
}

fn token_filters(filter: &TokenFilter) -> Vec<&'static str> {
    named([("project_id", filter.project_id.is_some()), ("active_only", filter.active_only)])
}

fn named<const N: usize>(given: [(&'static str, bool); N]) -> Vec<&'static str> {
    given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect()
}

fn project_change(change: &ProjectChange) -> Facts {
    let fields = named([
        ("name", change.name.is_some()),
        ("api_key", change.api_key.is_some()),
        ("provider", change.provider.is_some()),
        ("is_active", change.is_active.is_some()),
        ("revoke_tokens", change.revoke_tokens),
    ]);
    let mut facts = Facts::from([("fields", Fact::Words(fields))]);
    if let Some(provider) = &change.provider {
        facts.insert("provider", Fact::Text(Shown::of(provider)));
    }
    if let Some(is_active) = change.is_active {
        facts.insert("is_active", Fact::Flag(is_active));
    }
    facts
}

fn token_change(change: &TokenChange) -> Facts {
    let fields = named([
        ("is_active", change.is_active.is_some()),
        ("max_requests", change.max_requests.is_some()),
        ("requests_per_minute", change.requests_per_minute.is_some()),
    ]);
    let mut facts = Facts::from([("fields", Fact::Words(fields))]);
    if let Some(is_active) = change.is_active {
        facts.insert("is_active", Fact::Flag(is_active));
    }
    put_limit(&mut facts, "max_requests", change.max_requests.flatten());
    put_limit(&mut facts, "requests_per_minute", change.requests_per_minute.flatten());
    facts
}

fn put_limit(facts: &mut Facts, name: &'static str, limit: Option<u64>) {
    if let Some(limit) = limit {
        facts.insert(name, Fact::Number(limit));
    }
}

/// The path only: a query may hold anything.
fn purged(purge: &Purge) -> Facts {
    let (by, path) = match &purge.what {
        PurgeWhat::Url { url, .. } => ("url", url),
        PurgeWhat::Prefix(prefix) => ("prefix", prefix),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Facts::from([("by", Fact::Word(by)), ("path", Fact::Text(Shown::of(path)))])
}

/// What the store's answer adds.
fn answered(reply: &Reply, draft: &mut Draft) {
    match reply {
        Reply::Projects(projects, total) => {
            put_total(draft, *total);
            put_unreadable(draft, projects);
        }
        Reply::Project(project) => {
            draft.project_id = Some(project.id);
            put_unreadable(draft, std::slice::from_ref(project));
        }
        Reply::ProjectCreated(project) => draft.project_id = Some(project.id),
        Reply::Tokens(_, total) | Reply::Events(_, total, _) => put_total(draft, *total),
        Reply::Token(token) | Reply::TokenCreated(token, _) => {
            (draft.project_id, draft.token_id) = (Some(token.project_id), Some(token.id));
        }
        Reply::Revoked(counts) => {
            for (name, count) in [
                ("revoked_count", counts.revoked_count),
                ("already_revoked_count", counts.already_revoked_count),
                ("total_tokens", counts.total_tokens),
            ] {
                draft.metadata.insert(name, Fact::Number(count));
            }
        }
        Reply::TokenRevoked(project) => draft.project_id = Some(*project),
        Reply::Gone | Reply::Event(_) => {}
    }
}

fn put_total(draft: &mut Draft, total: u64) {
    draft.metadata.insert("total_count", Fact::Number(total));
}

/// Projects whose key could not be opened are named, since that is a fault of the store or a wrong key.
fn put_unreadable(draft: &mut Draft, projects: &[Project]) {
    let unreadable = || projects.iter().filter(|project| project.api_key == KeyView::Unreadable);
    let count = unreadable().count();
    if count > 0 {
        let ids = unreadable().take(MOST_NAMED).map(|project| Fact::Text(Shown::of(&project.id.to_string())));
        draft.metadata.insert("unreadable_projects", Fact::List(ids.collect()));
        draft.metadata.insert("unreadable_count", Fact::Number(count as u64));
    }
}
