//! Every reason for which the program itself answers with an error, and the table from reason to status and code.

use std::borrow::Cow;

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
    #[error("the request took too long")]
    ExchangeTimeout,
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
    #[error("the request took too long to arrive")]
    RequestTimeout,
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
    fn retry_after(self, seconds: &'static str, millis: &'static str) -> Self {
        self.with("Retry-After", seconds).with("retry-after-ms", millis)
    }
}

impl Refusal {
    /// The one table.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Malformed(fault) => malformed(*fault),
            Self::Path(_) | Self::BadRequest(_) => Answer::new(StatusCode::BAD_REQUEST, "bad_request"),
            Self::Denied(denial) => denied(*denial),
            Self::EndpointNotFound => Answer::new(StatusCode::NOT_FOUND, "endpoint_not_found"),
            Self::NotFound(_) => Answer::new(StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(methods) => {
                Answer::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").with("Allow", list(methods))
            }
            Self::ProjectNameTaken => Answer::new(StatusCode::CONFLICT, "project_name_taken"),
            Self::RequestTimeout => Answer::new(StatusCode::REQUEST_TIMEOUT, "request_timeout").no_retry(),
            Self::RequestTooLarge(_) => Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            Self::Upstream(fault) => upstream(*fault),
            Self::StoreUnavailable => unavailable("store_unavailable").retry_after("5", "5000"),
            Self::AuditUnavailable => unavailable("audit_unavailable").retry_after("5", "5000"),
            Self::CacheDisabled => Answer::new(StatusCode::BAD_REQUEST, "cache_disabled"),
            Self::Draining => unavailable("draining").retry_after("5", "5000"),
            Self::Overloaded => unavailable("overloaded").retry_after("1", "1000"),
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
