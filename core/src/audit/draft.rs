//! What happened, before it has a place in a chain. Nothing here can hold a secret.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::shown::Shown;
use super::words::{Action, Actor, Outcome};
use crate::ids::{ProjectId, TokenId};
use crate::reject::Refusal;
use crate::time::Timestamp;

/// Something to record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// Who.
    pub actor: Actor,
    /// How it went.
    pub outcome: Outcome,
    /// Why not: the code of the error.
    pub reason: Option<&'static str>,
    /// The project that it was about.
    pub project_id: Option<ProjectId>,
    /// The token that it was about.
    pub token_id: Option<TokenId>,
    /// The request that asked for it; `None` for what the program did by itself.
    pub request: Option<Box<RequestFacts>>,
    /// Whose request it was, where nothing else is told of it.
    pub client_ip: Option<IpAddr>,
    /// For how many such events it stands, where repeats were folded into one.
    pub count: Option<u64>,
    /// What else is worth knowing.
    pub metadata: BTreeMap<&'static str, Fact>,
}

impl Draft {
    /// What the program did by itself.
    #[must_use]
    pub const fn of_system(at: Timestamp, action: Action) -> Self {
        Self {
            at,
            action,
            actor: Actor::System,
            outcome: Outcome::Success,
            reason: None,
            project_id: None,
            token_id: None,
            request: None,
            client_ip: None,
            count: None,
            metadata: BTreeMap::new(),
        }
    }
}

impl Outcome {
    /// How a call went that was answered with that refusal, and the code that says why.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> (Self, &'static str) {
        let answer = refusal.answer();
        let outcome = match answer.status.as_u16() {
            401 | 403 | 429 => Self::Denied,
            500.. => Self::Error,
            _ => Self::Failure,
        };
        (outcome, answer.code)
    }
}

/// What an event says of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestFacts {
    /// Its id.
    pub request_id: Shown,
    /// Its correlation id.
    pub correlation_id: Shown,
    /// The client's address, after TRUSTED_PROXIES.
    pub client_ip: IpAddr,
    /// Its method.
    pub method: Shown,
    /// Its path, without the query.
    pub path: Shown,
    /// The client's `User-Agent`.
    pub user_agent: Option<Shown>,
}

/// A value in an event's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A word of ours.
    Word(&'static str),
    /// Words of ours, such as the names of the fields that were changed.
    Words(Vec<&'static str>),
    /// Text from outside.
    Text(Shown),
    /// More of these, by name.
    Map(BTreeMap<&'static str, Fact>),
    /// More of these.
    List(Vec<Fact>),
}
