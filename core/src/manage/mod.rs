//! The management API: a request becomes a [`Command`], the store's result becomes an answer.
//!
//! It decides what a management path, query and body mean, what is invalid and how answers read. It never runs SQL,
//! reads a clock or makes an id: a [`Command`] is an effect that storage performs. It never assigns a status to an
//! error either: it names a [`crate::reject::Refusal`].
//!
//! 1. Authenticate the caller; nothing here does.
//! 2. [`decode`] the [`Call`]: a [`Command`], or the refusal to answer with.
//! 3. Have the command performed, and its [`CallFacts`] made an audit event: each call leaves exactly one.
//! 4. [`render`] its result: an answer, or the refusal to answer with.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//!
//! use llm_proxy_core::manage::{Call, Command, Page, Reply, decode, render};
//! use llm_proxy_core::{routing::ManageRoute, settings::Providers};
//!
//! let providers = Providers { default: Arc::from("openai"), by_name: BTreeMap::new() };
//! let call = Call { route: ManageRoute::Projects, method: &http::Method::GET, query: Some("page=3"), body: b"" };
//!
//! let reply = match decode(&call, &providers)? {
//!     // Here the store is asked, and finds 40 projects, none of them on the third page of 20.
//!     Command::ListProjects(Page { offset: 40, limit: Some(20) }) => Ok(Reply::Projects(Vec::new(), 40)),
//!     other => panic!("{other:?}"),
//! };
//!
//! let answer = render(reply)?;
//! assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"[]".as_slice()));
//! assert_eq!(answer.fields[0], ("X-Total-Count", "40".to_owned()));
//! # Ok::<(), llm_proxy_core::reject::Refusal>(())
//! ```
//!
//! What holds, each with its test:
//! - No refusal carries a value that a caller sent (`a_refusal_never_repeats_the_key`): a key in the wrong place must
//!   not reach a log.
//! - What is accepted is stored as it was sent, nothing trimmed or folded (`an_accepted_project_keeps_its_values`).
//! - No bytes make it panic (`any_bytes_are_a_command_or_a_refusal`).

mod audited;
mod body;
mod command;
mod decode;
mod events;
mod invalid;
mod project;
mod purge;
mod query;
mod records;
mod render;
mod token;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

pub use audited::CallFacts;
pub use command::{
    Command, CommandError, NewProject, NewToken, Page, ProjectChange, Reply, RevokedCounts, Subject, TokenChange,
    TokenFilter,
};
pub use decode::{Call, MAX_BODY, action_of, decode};
pub use events::{EventFilter, EventPage};
pub use purge::{Purge, PurgeWhat};
pub use records::{KeyView, Project, Token};
pub use render::{Rendered, render};
