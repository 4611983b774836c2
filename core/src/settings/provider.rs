//! One entry of the providers file, checked and ready for use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::Origins;
use crate::inspect::Policy;
use crate::proxy::Breaker;
use crate::reject::Dialect;
use crate::routing::{EndpointPattern, NormalPath};

/// How to reach an upstream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS, verified.
    Https,
}

/// Where a provider lives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BaseUrl {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Port, the scheme's default if the URL named none.
    pub port: u16,
    /// The `Host` field's value: the host (IPv6 in brackets), and the port unless it is the scheme's default.
    pub authority: String,
    /// What goes before the client's path: empty, or `/` and more, without a slash at the end.
    pub path_prefix: String,
}

/// How the upstream wants its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyPlacement {
    /// `Authorization: Bearer <key>`
    Bearer,
    /// `x-api-key: <key>`
    XApiKey,
    /// `api-key: <key>`
    ApiKey,
    /// `x-goog-api-key: <key>`
    XGoogApiKey,
}

/// A provider's time limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// A whole exchange whose answer is not a stream.
    pub request: Duration,
    /// From the request's end to the response's head.
    pub response_header: Duration,
    /// Without a byte, for streams.
    pub stream_idle: Duration,
    /// How long an unused upstream connection is kept.
    pub idle_connection: Duration,
    /// To connect, TLS handshake included.
    pub connect: Duration,
}

/// How many unused upstream connections are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// In all.
    pub max_idle: usize,
    /// To one host.
    pub max_idle_per_host: usize,
}

/// One provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the file.
    pub name: Arc<str>,
    /// Where it lives.
    pub base: Arc<BaseUrl>,
    /// The shape of its errors and usage.
    pub dialect: Dialect,
    /// How it wants its key.
    pub auth: KeyPlacement,
    /// The paths that clients may use; empty is none.
    pub endpoints: Vec<EndpointPattern>,
    /// The methods that clients may use. `HEAD` comes with `GET`.
    pub methods: Vec<Method>,
    /// Limits of the request body by endpoint; the most specific that matches counts, else `max_request_default`.
    pub max_request_size: Vec<(EndpointPattern, u64)>,
    /// The limit elsewhere, bytes.
    pub max_request_default: u64,
    /// The parameters that have lists.
    pub inspection: Policy,
    /// Its time limits.
    pub timeouts: Timeouts,
    /// Its pool.
    pub connection: ConnectionLimits,
    /// The origins whose scripts may use it; `None` asks nobody, and leaves CORS to the upstream.
    pub allowed_origins: Option<Origins>,
    /// The fields that each request must have, not empty.
    pub required_headers: Vec<Arc<str>>,
    /// Whether its origin is worth a request just now; shared with all providers of that origin.
    pub breaker: Arc<Breaker>,
}

impl Provider {
    /// Whether clients may use `method` here. `HEAD` comes with `GET`.
    #[must_use]
    pub fn allows_method(&self, method: &Method) -> bool {
        let listed = |method: &Method| self.methods.contains(method);
        listed(method) || (*method == Method::HEAD && listed(&Method::GET))
    }

    /// The largest request content for `path`, bytes: of the entries that match, the most specific one's.
    #[must_use]
    pub fn max_request_size_for(&self, path: &NormalPath) -> u64 {
        let matching = self.max_request_size.iter().filter(|(endpoint, _)| endpoint.contains(path));
        let most_specific = matching.max_by_key(|(endpoint, _)| endpoint.specificity());
        most_specific.map_or(self.max_request_default, |(_, limit)| *limit)
    }
}

/// All providers, by name.
#[derive(Clone, Debug)]
pub struct Providers {
    /// The name of the one that a project gets which names none; it is in `by_name`.
    pub default: Arc<str>,
    /// All of them.
    pub by_name: BTreeMap<Arc<str>, Arc<Provider>>,
}
