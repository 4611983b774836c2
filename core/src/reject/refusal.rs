//! Every reason for which the program itself answers with an error, and the table from reason to status and code.

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
    /// The program is stopping.
    #[error("the server is stopping: try again")]
    Draining,
    /// More work at once than is allowed.
    #[error("the server is at its limit: try again")]
    Overloaded,
}

/// A refusal's place in the contract's table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The code in the body.
    pub code: &'static str,
    /// Fields that go with it (`WWW-Authenticate`, `Allow`, `Retry-After`, …): name and value.
    pub fields: Vec<(&'static str, String)>,
}

impl Refusal {
    /// The one table.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer { status: StatusCode::INTERNAL_SERVER_ERROR, code: "", fields: Vec::new() }
    }
}
