//! Every reason for which the program itself answers with an error, and the table from reason to status and code.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use thiserror::Error;

use crate::auth::Denial;
use crate::http1::Malformed;
use crate::routing::BadPath;

/// What an upstream did wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum UpstreamFault {
    /// No connection: refused, no route, name unknown, TLS failed.
    #[error("the upstream could not be reached")]
    Unreachable,
    /// No connection, since this program has no open file or port left for one: nothing of the upstream's doing.
    #[error("the server is at its limit: try again")]
    NoOpenFile,
    /// No connection in time.
    #[error("connecting to the upstream took too long")]
    ConnectTimeout,
    /// It closed before a response's head was complete.
    #[error("the upstream closed the connection without an answer")]
    ClosedEarly,
    /// It sent what is not HTTP.
    #[error("the upstream's answer is not valid HTTP: {0}")]
    Malformed(Malformed),
    /// No response head in time.
    #[error("the upstream took too long to answer")]
    HeadTimeout,
    /// The whole exchange took too long.
    #[error("the exchange as a whole took too long")]
    ExchangeTimeout,
}

/// Which part of a request did not arrive in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Late {
    /// Its head.
    #[error("the request's head")]
    Head,
    /// Its content.
    #[error("the request's content")]
    Content,
}

/// Why a request gets an answer of ours.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// The client's bytes are no acceptable message.
    #[error("malformed request: {0}")]
    Malformed(Malformed),
    /// The path is ambiguous.
    #[error("{0}")]
    Path(BadPath),
    /// A management call with something wrong in it; the text says what to do.
    #[error("{0}")]
    BadRequest(String),
    /// Policy says no.
    #[error("{0}")]
    Denied(Denial),
    /// A listed parameter has a value that is not on its list, or none that could be compared.
    #[error("the parameter {0:?} has a value that is not allowed here")]
    ParamNotAllowed(Arc<str>),
    /// Parameters are listed, and what was sent cannot be looked into; the text says why.
    #[error("the request cannot be inspected, which its provider requires: {0}")]
    NotInspectable(&'static str),
    /// The provider requires a field that is missing.
    #[error("the header {0} is required here")]
    HeaderRequired(Arc<str>),
    /// The provider requires `Origin`, and it is missing.
    #[error("the Origin header is required here")]
    OriginRequired,
    /// The request comes from an origin that the provider does not list.
    #[error("this origin is not allowed here")]
    OriginNotAllowed,
    /// Too many requests in too short a time; when the next is let in.
    #[error("too many requests: try again later")]
    RateLimited(RetryAfter),
    /// The upstream failed too often just now, and is left alone until then.
    #[error("the upstream failed repeatedly and is left alone for a moment: try again")]
    CircuitOpen(RetryAfter),
    /// The provider does not allow that path.
    #[error("this endpoint is not available here")]
    EndpointNotFound,
    /// Nothing there, on our own routes.
    #[error("{0}")]
    NotFound(&'static str),
    /// The path exists, the method does not. The methods are for `Allow`.
    #[error("this method is not allowed here")]
    MethodNotAllowed(Vec<Method>),
    /// Two projects cannot have one name.
    #[error("another project has that name")]
    ProjectNameTaken,
    /// The client took too long to send its request.
    #[error("{0} took too long to arrive")]
    RequestTimeout(Late),
    /// The body is over the limit, bytes.
    #[error("the request body is larger than {0} bytes")]
    RequestTooLarge(u64),
    /// The upstream failed.
    #[error("{0}")]
    Upstream(UpstreamFault),
    /// The store cannot be reached.
    #[error("the store is not available: try again")]
    StoreUnavailable,
    /// The audit log takes no events, so that nothing may be changed.
    #[error("the audit log is not available, so nothing was changed: try again")]
    AuditUnavailable,
    /// There is no response cache to purge.
    #[error("the response cache is disabled")]
    CacheDisabled,
    /// The program is stopping.
    #[error("the server is stopping: try again")]
    Draining,
    /// More work at once than is allowed.
    #[error("the server is at its limit: try again")]
    Overloaded,
}

/// How long to wait before another attempt. It is told in whole seconds, rounded up, and in milliseconds, rounded up, so
/// that whoever waits as long as told is not too early.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// For `retry-after-ms`; at least 1.
    #[must_use]
    pub const fn millis(self) -> u128 {
        let millis = self.0.as_nanos().div_ceil(1_000_000);
        if millis == 0 { 1 } else { millis }
    }

    /// For `Retry-After`; at least 1.
    #[must_use]
    pub const fn seconds(self) -> u128 {
        self.millis().div_ceil(1000)
    }
}

/// A refusal's place in the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The code in the body.
    pub code: &'static str,
    /// Fields that go with it (`WWW-Authenticate`, `Allow`, `Retry-After`, …): name and value.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
}

impl Answer {
    const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, fields: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Official SDKs repeat a request by its status; this field stops them where a second try cannot help, or could do
    /// the work twice.
    fn no_retry(self) -> Self {
        self.with("x-should-retry", "false")
    }

    /// When to try again: in seconds for everyone (RFC 9110 section 10.2.3), in milliseconds for SDKs that read those
    /// first.
    fn retry_after(self, wait: RetryAfter) -> Self {
        self.with("Retry-After", wait.seconds().to_string()).with("retry-after-ms", wait.millis().to_string())
    }
}

/// What is not measured is guessed: the store and the audit log come back in seconds, a place in moments.
const IN_5_S: RetryAfter = RetryAfter(Duration::from_secs(5));
const IN_1_S: RetryAfter = RetryAfter(Duration::from_secs(1));

impl Refusal {
    /// The parameter that is wrong, where one is.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        if let Self::ParamNotAllowed(name) = self { Some(name) } else { None }
    }

    /// The one table.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Malformed(fault) => malformed(*fault),
            Self::Path(_) | Self::BadRequest(_) => Answer::new(StatusCode::BAD_REQUEST, "bad_request"),
            Self::Denied(denial) => denied(*denial),
            Self::ParamNotAllowed(_) => Answer::new(StatusCode::BAD_REQUEST, "param_not_allowed"),
            Self::NotInspectable(_) => Answer::new(StatusCode::BAD_REQUEST, "body_not_inspectable"),
            Self::HeaderRequired(_) => Answer::new(StatusCode::BAD_REQUEST, "bad_request"),
            Self::OriginRequired => Answer::new(StatusCode::BAD_REQUEST, "origin_required"),
            Self::OriginNotAllowed => Answer::new(StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::RateLimited(wait) => {
                Answer::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded").retry_after(*wait)
            }
            Self::CircuitOpen(wait) => unavailable("circuit_open").retry_after(*wait),
            Self::EndpointNotFound => Answer::new(StatusCode::NOT_FOUND, "endpoint_not_found"),
            Self::NotFound(_) => Answer::new(StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(methods) => {
                Answer::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").with("Allow", list(methods))
            }
            Self::ProjectNameTaken => Answer::new(StatusCode::CONFLICT, "project_name_taken"),
            Self::RequestTimeout(_) => Answer::new(StatusCode::REQUEST_TIMEOUT, "request_timeout").no_retry(),
            Self::RequestTooLarge(_) => Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            Self::Upstream(fault) => upstream(*fault),
            Self::StoreUnavailable => unavailable("store_unavailable").retry_after(IN_5_S),
            Self::AuditUnavailable => unavailable("audit_unavailable").retry_after(IN_5_S),
            Self::CacheDisabled => Answer::new(StatusCode::BAD_REQUEST, "cache_disabled"),
            Self::Draining => unavailable("draining").retry_after(IN_5_S),
            Self::Overloaded => unavailable("overloaded").retry_after(IN_1_S),
        }
    }
}

fn malformed(fault: Malformed) -> Answer {
    if matches!(fault, Malformed::HeadTooLarge | Malformed::TooManyFields) {
        Answer::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large")
    } else {
        Answer::new(StatusCode::BAD_REQUEST, "bad_request")
    }
}

fn denied(denial: Denial) -> Answer {
    let unauthorized = |code| Answer::new(StatusCode::UNAUTHORIZED, code).with("WWW-Authenticate", "Bearer");
    match denial {
        Denial::MissingToken => unauthorized("missing_token"),
        Denial::InvalidToken => unauthorized("invalid_token"),
        Denial::TokenInactive => unauthorized("token_inactive"),
        Denial::TokenExpired => unauthorized("token_expired"),
        Denial::ConflictingCredentials => Answer::new(StatusCode::BAD_REQUEST, "bad_request"),
        Denial::ProjectInactive => Answer::new(StatusCode::FORBIDDEN, "project_inactive"),
        Denial::QuotaExceeded => Answer::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded").no_retry(),
    }
}

/// A connection that closed before an answer counts as unreachable: nothing that came was wrong, there was nothing.
fn upstream(fault: UpstreamFault) -> Answer {
    let timeout = || Answer::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout");
    match fault {
        UpstreamFault::Unreachable | UpstreamFault::ClosedEarly => {
            Answer::new(StatusCode::BAD_GATEWAY, "upstream_unreachable")
        }
        UpstreamFault::NoOpenFile => unavailable("overloaded").retry_after(IN_1_S),
        UpstreamFault::Malformed(_) => Answer::new(StatusCode::BAD_GATEWAY, "upstream_protocol_error"),
        // Without a connection it cannot have begun, so another try does no harm.
        UpstreamFault::ConnectTimeout => timeout(),
        UpstreamFault::HeadTimeout | UpstreamFault::ExchangeTimeout => timeout().no_retry(),
    }
}

const fn unavailable(code: &'static str) -> Answer {
    Answer::new(StatusCode::SERVICE_UNAVAILABLE, code)
}

fn list(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}
