//! One management call of a client: what it sends, and what it would change.
//!
//! It never says whether it was made; that is the ledger's to find out.

use serde_json::{Value, json};

use super::ledger::{Birth, Fields, Ledger, State};
use super::random::Random;

/// A call. Ids are those of the client's own projects and tokens, so no two clients change the same thing.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A project of that unique name.
    CreateProject(String),
    /// A token; `max_requests` is unique in the test and serves as its name.
    CreateToken { project: String, max_requests: u64 },
    /// Members of a project.
    ChangeProject { id: String, change: Fields },
    /// Members of a token.
    ChangeToken { id: String, change: Fields },
    /// The end of a project.
    DeleteProject(String),
    /// The end of a token.
    RevokeToken(String),
    /// The end of all tokens of a project.
    RevokeTokens(String),
    /// What the ledger knows already.
    ReadProject(String),
    /// The same of a token.
    ReadToken(String),
}

/// The members of an object.
fn fields(value: Value) -> Fields {
    let Value::Object(fields) = value else { panic!("no object: {value}") };
    fields
}

/// How many projects a client keeps at most, so that checks stay fast over many rounds.
const PROJECTS: usize = 5;
/// How many tokens it keeps at most; those of deleted projects are gone.
const TOKENS: usize = 12;

impl Step {
    /// The next call of a client that owns `ledger`. `name` is unique in the test.
    pub(super) fn choose(ledger: &Ledger, random: &mut Random, name: u64) -> Self {
        let projects = ledger.known_projects();
        let Some(project) = random.one(&projects).cloned() else {
            return Self::CreateProject(format!("durable {name}"));
        };
        let tokens = ledger.known_tokens();
        let token = random.one(&tokens).cloned();
        match (random.below(100), token) {
            (0..15, _) if projects.len() < PROJECTS => Self::CreateProject(format!("durable {name}")),
            (15..40, _) if tokens.len() < TOKENS && ledger.is_active(&project) => {
                Self::CreateToken { project, max_requests: name }
            }
            (0..60, _) => Self::ChangeProject { id: project, change: project_change(random, name) },
            (60..68, _) if ledger.is_known_with_tokens(&project) => Self::DeleteProject(project),
            (68..71, _) if ledger.is_known_with_tokens(&project) => Self::RevokeTokens(project),
            (71..85, Some(id)) => Self::ChangeToken { id, change: fields(json!({"requests_per_minute": name})) },
            (85..92, Some(id)) => Self::RevokeToken(id),
            (92..96, Some(id)) => Self::ReadToken(id),
            _ => Self::ReadProject(project),
        }
    }

    /// Method, path and body.
    pub(super) fn request(&self) -> (&'static str, String, String) {
        match self {
            Self::CreateProject(name) => {
                let body = json!({"name": name, "api_key": "sk-durability-0000"});
                ("POST", "/manage/projects".to_owned(), body.to_string())
            }
            Self::CreateToken { project, max_requests } => {
                let body = json!({"project_id": project, "duration_minutes": 60, "max_requests": max_requests});
                ("POST", "/manage/tokens".to_owned(), body.to_string())
            }
            Self::ChangeProject { id, change } => {
                ("PATCH", format!("/manage/projects/{id}"), Value::from(change.clone()).to_string())
            }
            Self::ChangeToken { id, change } => {
                ("PATCH", format!("/manage/tokens/{id}"), Value::from(change.clone()).to_string())
            }
            Self::DeleteProject(id) => ("DELETE", format!("/manage/projects/{id}"), String::new()),
            Self::RevokeToken(id) => ("DELETE", format!("/manage/tokens/{id}"), String::new()),
            Self::RevokeTokens(id) => ("POST", format!("/manage/projects/{id}/tokens/revoke"), String::new()),
            Self::ReadProject(id) => ("GET", format!("/manage/projects/{id}"), String::new()),
            Self::ReadToken(id) => ("GET", format!("/manage/tokens/{id}"), String::new()),
        }
    }

    /// What an audit event calls it.
    pub(super) const fn action(&self) -> &'static str {
        match self {
            Self::CreateProject(_) => "project.create",
            Self::CreateToken { .. } => "token.create",
            Self::ChangeProject { .. } => "project.update",
            Self::ChangeToken { .. } => "token.update",
            Self::DeleteProject(_) => "project.delete",
            Self::RevokeToken(_) => "token.revoke",
            Self::RevokeTokens(_) => "token.revoke_batch",
            Self::ReadProject(_) => "project.read",
            Self::ReadToken(_) => "token.read",
        }
    }

    /// What it makes, recognizable among all there is.
    pub(super) fn birth(&self) -> Option<Birth> {
        match self {
            Self::CreateProject(name) => Some(Birth { parent: None, mark: json!(name) }),
            Self::CreateToken { project, max_requests } => {
                Some(Birth { parent: Some(project.clone()), mark: json!(max_requests) })
            }
            Self::ChangeProject { .. }
            | Self::ChangeToken { .. }
            | Self::DeleteProject(_)
            | Self::RevokeToken(_)
            | Self::RevokeTokens(_)
            | Self::ReadProject(_)
            | Self::ReadToken(_) => None,
        }
    }

    /// The states, after it, of the things that it changes.
    pub(super) fn effects(&self, ledger: &Ledger) -> Vec<(String, State)> {
        let revoked = |id: String| {
            let state = ledger.with(&id, &fields(json!({"is_active": false})));
            (id, state)
        };
        match self {
            Self::ChangeProject { id, change } | Self::ChangeToken { id, change } => {
                vec![(id.clone(), ledger.with(id, change))]
            }
            Self::DeleteProject(id) => {
                let tokens = ledger.tokens_of(id).into_iter();
                tokens.chain([id.clone()]).map(|id| (id, None)).collect()
            }
            Self::RevokeToken(id) => vec![revoked(id.clone())],
            Self::RevokeTokens(id) => ledger.tokens_of(id).into_iter().map(revoked).collect(),
            Self::CreateProject(_) | Self::CreateToken { .. } | Self::ReadProject(_) | Self::ReadToken(_) => Vec::new(),
        }
    }
}

/// A change that can be seen afterwards, except now and then one of the key alone.
fn project_change(random: &mut Random, name: u64) -> Fields {
    fields(match random.below(4) {
        0 => json!({"is_active": random.below(2) == 0}),
        1 => json!({"api_key": format!("sk-durability-{:04}", name % 10_000)}),
        _ => json!({"name": format!("renamed {name}")}),
    })
}
