//! Our own routes, compared on the path as it came (they are ASCII words; an encoded spelling is not one of them).

use http::Method;

use crate::ids::{ProjectId, TokenId};

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
        match self {
            Self::Projects | Self::Tokens => COLLECTION,
            Self::Project(_) | Self::Token(_) => ITEM,
            Self::RevokeTokens(_) => ACTION,
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
pub fn route(_method: &Method, _path: &str) -> Route {
    Route::Proxy
}
