//! An event with its place in a chain, as file, database and API show it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::draft::{Draft, Fact};
use crate::ids::{ChainId, EventId, ProjectId, TokenId};
use crate::time::Timestamp;

/// A recorded event. Its words are text, so that events of another version can be read. Absent values are left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id; greater than those before it in its chain.
    pub id: EventId,
    /// Its chain.
    pub chain: ChainId,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What was done, or tried.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// How it went.
    pub outcome: String,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The project that it was about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project_id: Option<ProjectId>,
    /// The token that it was about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_id: Option<TokenId>,
    /// The request's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// The request's correlation id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correlation_id: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_ip: Option<IpAddr>,
    /// The request's method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// The request's path, without the query.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The client's `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_agent: Option<String>,
    /// For how many events it stands, where repeats were folded into one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metadata: Option<Map<String, Value>>,
    /// The hash of the event before it in its chain; 64 zeros for the first.
    pub prev: String,
    /// Its own hash, see [`super::hash_of`].
    pub hash: String,
}

impl Event {
    /// The event without hashes: the chain fills them in.
    pub(super) fn unsealed(draft: Draft, id: EventId, chain: ChainId) -> Self {
        let request = draft.request.map(|request| *request);
        let metadata: Map<String, Value> =
            draft.metadata.into_iter().map(|(name, fact)| (name.to_owned(), value(fact))).collect();
        let text = |pick: fn(&super::RequestFacts) -> &super::Shown| {
            request.as_ref().map(|request| pick(request).as_str().to_owned())
        };
        Self {
            id,
            chain,
            timestamp: draft.at,
            action: draft.action.as_str().to_owned(),
            actor: draft.actor.as_str().to_owned(),
            outcome: draft.outcome.as_str().to_owned(),
            reason: draft.reason.map(str::to_owned),
            project_id: draft.project_id,
            token_id: draft.token_id,
            request_id: text(|request| &request.request_id),
            correlation_id: text(|request| &request.correlation_id),
            client_ip: request.as_ref().map_or(draft.client_ip, |request| Some(request.client_ip)),
            method: text(|request| &request.method),
            path: text(|request| &request.path),
            user_agent: request
                .as_ref()
                .and_then(|request| request.user_agent.as_ref())
                .map(|agent| agent.as_str().to_owned()),
            count: draft.count,
            metadata: (!metadata.is_empty()).then_some(metadata),
            prev: String::new(),
            hash: String::new(),
        }
    }
}

fn value(fact: Fact) -> Value {
    match fact {
        Fact::Number(number) => number.into(),
        Fact::Flag(flag) => flag.into(),
        Fact::Word(word) => word.into(),
        Fact::Words(words) => words.into(),
        Fact::Text(text) => text.as_str().into(),
        Fact::Map(map) => map.into_iter().map(|(name, fact)| (name.to_owned(), value(fact))).collect(),
        Fact::List(list) => list.into_iter().map(value).collect(),
    }
}
