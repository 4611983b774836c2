//! Our own routes, compared on the path as it came (they are ASCII words; an encoded spelling is not one of them).
//!
//! Whatever else begins with `/manage/` is ours too and never reaches an upstream. All other paths are the proxy's,
//! where they count only after they are normalised and allowed.

use http::Method;

use crate::ids::{EventId, ProjectId, TokenId};

/// A probe for load balancers and orchestrators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// `/health`
    Health,
    /// `/ready`
    Ready,
    /// `/live`
    Live,
}

impl Probe {
    /// The methods that every probe has, for `Allow`.
    pub const METHODS: &'static [Method] = &[Method::GET, Method::HEAD];
}

/// A path below `/manage/`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ManageRoute {
    /// `/manage/projects`
    Projects,
    /// `/manage/projects/{id}`; `None` where the id is no UUID (404 like any unknown id).
    Project(Option<ProjectId>),
    /// `/manage/projects/{id}/tokens/revoke`
    RevokeTokens(Option<ProjectId>),
    /// `/manage/tokens`
    Tokens,
    /// `/manage/tokens/{id}`
    Token(Option<TokenId>),
    /// `/manage/audit`
    Events,
    /// `/manage/audit/{id}`
    Event(Option<EventId>),
    /// `/manage/cache/purge`
    PurgeCache,
    /// Anything else below `/manage`: 401 before authentication, 404 after.
    Unknown,
}

impl ManageRoute {
    /// The methods that this route has, for `Allow`; empty for an unknown one. `HEAD` is there wherever `GET` is.
    #[must_use]
    pub const fn methods(self) -> &'static [Method] {
        const COLLECTION: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
        const ITEM: &[Method] = &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE];
        const ACTION: &[Method] = &[Method::POST];
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        match self {
            Self::Projects | Self::Tokens => COLLECTION,
            Self::Project(_) | Self::Token(_) => ITEM,
            Self::RevokeTokens(_) | Self::PurgeCache => ACTION,
            Self::Events | Self::Event(_) => READ,
            Self::Unknown => &[],
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// A probe.
    Probe(Probe),
    /// A probe's path with a method it does not have (`GET` and `HEAD` are all).
    ProbeMethodNotAllowed,
    /// The management API, whatever the method.
    Manage(ManageRoute),
    /// The transparent proxy.
    Proxy,
}

/// The route of a request with that method and that target path (no query).
#[must_use]
pub fn route(method: &Method, path: &str) -> Route {
    let probe = match path {
        "/health" => Probe::Health,
        "/ready" => Probe::Ready,
        "/live" => Probe::Live,
        _ => return manage(path).map_or(Route::Proxy, Route::Manage),
    };
    if Probe::METHODS.contains(method) { Route::Probe(probe) } else { Route::ProbeMethodNotAllowed }
}

/// The management route of a path; `None` if it is not below `/manage`.
fn manage(path: &str) -> Option<ManageRoute> {
    let below = path.strip_prefix("/manage")?;
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    let mut parts = below.split('/').skip(1);
    let parts = [(); 5].map(|()| parts.next());
    Some(match parts {
        [Some("projects"), None | Some(""), None, ..] => ManageRoute::Projects,
        [Some("projects"), Some(id), None, ..] => ManageRoute::Project(ProjectId::parse(id)),
        [Some("projects"), Some(id), Some("tokens"), Some("revoke"), None] => {
            ManageRoute::RevokeTokens(ProjectId::parse(id))
        }
        [Some("tokens"), None | Some(""), None, ..] => ManageRoute::Tokens,
        [Some("tokens"), Some(id), None, ..] => ManageRoute::Token(TokenId::parse(id)),
        [Some("audit"), None | Some(""), None, ..] => ManageRoute::Events,
        [Some("audit"), Some(id), None, ..] => ManageRoute::Event(EventId::parse(id)),
        [Some("cache"), Some("purge"), None, ..] => ManageRoute::PurgeCache,
        _ => ManageRoute::Unknown,
    })
}
