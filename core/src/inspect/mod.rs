//! Whether a request may pass where its provider lists parameters: in the path, in the query, and in the content while
//! it streams.
//!
//! It decides only "yes", "no" and "nobody can tell", and keeps a bounded amount of memory whatever is sent. It never
//! holds content, changes a byte or answers: whoever feeds it does.
//!
//! A list is worth nothing if an upstream can read another value than the one that was compared. So whatever two common
//! parsers read in two ways is refused, and so is whatever is written in a way that is not understood here.
//!
//! What holds, and the test that says so:
//! 1. However the content is cut, the verdict is the same (`a_cut_anywhere_changes_no_verdict`).
//! 2. JSON is taken if and only if `serde_json` takes it, the top level is an object, and the listed members are
//!    strings on their lists (`documents_are_taken_as_serde_json_takes_them`).
//! 3. No known way around a list works (`dialogues::attempts`, and the same table over sockets in `tests/list/params.rs`).
//!
//! Sources: RFC 8259; RFC 7578 and RFC 2046 section 5.1.1; RFC 6266 and RFC 9110 section 8.3; the URL standard's
//! `application/x-www-form-urlencoded`.

mod content;
mod disposition;
mod form;
mod json;
mod media;
mod multipart;
mod params;
mod places;
mod utf8;

use std::sync::Arc;

use thiserror::Error;

pub use content::BodyInspection;
pub use params::{Glob, ParamRules};

use crate::http1::{Framing, RequestHead};
use crate::reject::{Dialect, Refusal};
use crate::routing::{EndpointPattern, NormalPath};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use json::JsonScanner;

/// Why a request may not pass.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum InspectError {
    /// A listed parameter has a value that is not on its list, or none that could be compared.
    #[error("the parameter {0:?} has a value that is not allowed here")]
    ParamNotAllowed(Arc<str>),
    /// What was sent cannot be looked into; the text says why, and what to do.
    #[error("{0}")]
    NotInspectable(&'static str),
}

impl From<InspectError> for Refusal {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::ParamNotAllowed(name) => Self::ParamNotAllowed(name),
            InspectError::NotInspectable(why) => Self::NotInspectable(why),
        }
    }
}

/// What a provider's entry says about parameters.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Policy {
    /// The parameters that have lists (`param_whitelist`).
    pub params: ParamRules,
    /// Paths whose content is not looked into all the same (`uninspected_endpoints`).
    pub uninspected: Vec<EndpointPattern>,
}

/// The request that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its head.
    pub head: &'a RequestHead,
    /// Where its content ends.
    pub framing: Framing,
    /// Its path, as endpoints are compared.
    pub path: &'a NormalPath<'a>,
    /// What its provider speaks.
    pub dialect: Dialect,
}

/// Looks at what the head says: path, query, and what kind of content follows. `None` if nothing more needs to be looked
/// at; else the content must be fed to what is returned before anything goes upstream.
///
/// # Errors
/// The first reason against it.
pub fn begin(subject: &Subject<'_>, policy: &Policy) -> Result<Option<BodyInspection>, InspectError> {
    if policy.params.is_empty() {
        return Ok(None);
    }
    places::check_path(subject, &policy.params)?;
    if let Some(query) = subject.head.query() {
        form::check_query(query, &policy.params)?;
    }
    if policy.uninspected.iter().any(|endpoint| endpoint.contains(subject.path)) {
        return Ok(None);
    }
    if subject.head.asks_for_websocket() {
        return Err(InspectError::NotInspectable(
            "the messages of a WebSocket are not looked into: use the HTTP endpoint, or have this path listed in \
             uninspected_endpoints",
        ));
    }
    let params = places::params_for(subject, &policy.params)?;
    match subject.framing {
        Framing::Empty | Framing::Length(0) => Ok(None),
        Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
            BodyInspection::new(subject.head.fields(), params).map(Some)
        }
    }
}

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
