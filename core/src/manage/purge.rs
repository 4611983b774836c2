//! The call that purges the response cache.
//!
//! It decides what may be named. It never says whether there is a cache: storage knows.

use http::Method;

use super::body::Object;
use super::invalid::Invalid;
use super::token::ID_RULE;
use crate::ids::ProjectId;

const FIELDS: &[&str] = &["method", "url", "prefix", "project_id"];

const METHOD_RULE: &str = "GET, HEAD or POST: no other method's answers are cached";
const PATH_RULE: &str = "a path as clients send it, such as /v1/models: it begins with a slash, in visible ASCII";

/// What to purge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purge {
    /// Which resources.
    pub what: PurgeWhat,
    /// Of this project only.
    pub project_id: Option<ProjectId>,
}

/// Which resources to purge.
#[derive(Clone, PartialEq, Eq)]
pub enum PurgeWhat {
    /// One, all its variants.
    Url {
        /// The method of the requests that it answered.
        method: Method,
        /// Path and query as clients send them.
        url: String,
    },
    /// All whose path starts with it.
    Prefix(String),
}

/// Which kind only: a query may hold anything.
impl std::fmt::Debug for PurgeWhat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url { method, .. } => write!(f, "Url({method})"),
            Self::Prefix(_) => f.write_str("Prefix"),
        }
    }
}

/// Reads the body.
pub(super) fn read(body: &[u8]) -> Result<Purge, Invalid> {
    let mut object = Object::parse(body, FIELDS)?;
    let (method, url, prefix) = (object.text("method")?, path(&mut object, "url")?, path(&mut object, "prefix")?);
    let project_id = match object.text("project_id")? {
        Some(id) => Some(ProjectId::parse(&id).ok_or(Invalid::BadText { field: "project_id", rule: ID_RULE })?),
        None => None,
    };
    let what = match (url, prefix) {
        (Some(_), Some(_)) => return Err(Invalid::Contradicting("url", "prefix")),
        (None, Some(_)) if method.is_some() => return Err(Invalid::Contradicting("method", "prefix")),
        (None, Some(prefix)) => PurgeWhat::Prefix(prefix),
        (Some(url), None) => PurgeWhat::Url { method: cached(method.as_deref())?, url },
        (None, None) => return Err(Invalid::MissingField("url or prefix")),
    };
    Ok(Purge { what, project_id })
}

fn cached(method: Option<&str>) -> Result<Method, Invalid> {
    match method {
        Some("GET") => Ok(Method::GET),
        Some("HEAD") => Ok(Method::HEAD),
        Some("POST") => Ok(Method::POST),
        Some(_) => Err(Invalid::BadText { field: "method", rule: METHOD_RULE }),
        None => Err(Invalid::MissingField("method")),
    }
}

fn path(object: &mut Object, field: &'static str) -> Result<Option<String>, Invalid> {
    let Some(path) = object.text(field)? else { return Ok(None) };
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path { Ok(Some(path)) } else { Err(Invalid::BadText { field, rule: PATH_RULE }) }
}
