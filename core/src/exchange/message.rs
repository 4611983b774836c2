//! What goes into an exchange and what comes out of it: messages, not bytes of a socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use thiserror::Error;

use super::effect::{StoreEffect, StoreOutcome};
use crate::audit::Draft;
use crate::deadline::Deadline;
use crate::http1::{Fields, Framing, Malformed, RequestHead, ResponseHead};
use crate::ids::{ProjectId, TokenId};
use crate::proxy::{RequestIds, Transition};
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::Now;

/// What a machine is lent for one call: the rules, the time, and memory that is reused.
pub struct Context<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The time.
    pub now: Now,
    /// Where heads are written before they are shared.
    pub scratch: &'a mut BytesMut,
}

/// A request that begins an exchange.
#[derive(Debug)]
pub struct NewRequest {
    /// Its head.
    pub head: Box<RequestHead>,
    /// Where its content ends.
    pub framing: Framing,
    /// The address at the other end of the connection: the client's, or a proxy's.
    pub peer: IpAddr,
    /// Whether the program is stopping, so that the answer must close.
    pub draining: bool,
}

/// Something happened.
pub enum Input {
    /// Some of the request's content. Only while [`super::Exchange::wants_content`].
    Content(Bytes),
    /// The request is complete, with these trailers.
    RequestEnd(Fields),
    /// The client's bytes went wrong in the middle of the request.
    ClientMalformed(Malformed),
    /// The client closed its sending side.
    ClientEnded,
    /// The client is gone: nothing can reach it any more.
    ClientGone,
    /// The client or the upstream took some bytes: a stream is not idle.
    Progress,
    /// The upstream takes more of the content that is held. Only while [`super::Exchange::has_held`].
    Room,
    /// The upstream takes no bytes for now, so that the client's content waits. Until the next progress.
    Stalled,
    /// The store answered.
    Store(StoreOutcome),
    /// A connection to the upstream is there.
    Connected {
        /// It carried exchanges before.
        reused: bool,
    },
    /// No connection could be made.
    ConnectFailed(UpstreamFault),
    /// Something came from the upstream in use.
    Upstream(FromUpstream),
    /// The instant of `poll_timeout` has come.
    Deadline,
    /// The program is stopping.
    Drain,
}

/// What an upstream connection has to say, in this order.
pub enum FromUpstream {
    /// An interim response (1xx).
    Interim(ResponseHead),
    /// The final response's head, and where its content ends.
    Head(ResponseHead, Framing),
    /// The head of a 101, the answer to a request to upgrade: what follows as content is no HTTP.
    Switched(ResponseHead),
    /// Some of its content.
    Content(Bytes),
    /// Its end, with trailers (mostly none).
    End(Fields),
    /// No more comes, or what came is wrong.
    Failed(Failure),
}

/// How an upstream connection failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What was wrong.
    pub fault: UpstreamFault,
    /// Some byte of a response had come on this connection.
    pub received: bool,
    /// Some byte of the request had gone out on it.
    pub written: bool,
}

/// What the exchange wants done outside.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store.
    Store(StoreEffect),
    /// Get a connection to the provider.
    Connect(ConnectRequest),
    /// Hand an event on. There is no outcome.
    Audit(Box<Draft>),
}

/// Which connection is wanted.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// To which provider.
    pub provider: Arc<Provider>,
    /// Only a new one will do: a reused one was closed under us.
    pub fresh: bool,
    /// The unlimited token of which this is one more use. A limited token's use was counted when it was spent.
    pub counts: Option<TokenId>,
}

/// For the client.
pub enum ToClient {
    /// An interim response, whole.
    Interim(Bytes),
    /// The final response's head, and how its content is framed.
    Head(Bytes, Framing),
    /// The head of a 101: from here on all bytes of both directions are content.
    Switched(Bytes),
    /// Some of its content.
    Content(Bytes),
    /// Its end.
    End(Fields),
    /// A whole answer of ours, head and content.
    Whole(Bytes),
    /// The response must look broken: no clean end.
    Abort,
}

/// For the upstream.
pub enum ToUpstream {
    /// The request's head, and how its content is framed.
    Head(Method, Bytes, Framing),
    /// The head of a request to upgrade, which has no content: content that follows belongs to the tunnel.
    Upgrade(Bytes),
    /// Some of its content.
    Content(Bytes),
    /// Its end.
    End(Fields),
}

/// How an exchange ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// The answer ended cleanly, whatever its status.
    Completed,
    /// The client went away before.
    ClientGone,
    /// The upstream could not be reached, or broke off.
    UpstreamBroke,
    /// Something took too long.
    TimedOut,
    /// We answered with an error of ours.
    Refused,
}

/// One exchange in retrospect.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its ids.
    pub ids: RequestIds,
    /// The request's method.
    pub method: Method,
    /// The status that the client got, if a head was sent.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of our own error.
    pub code: Option<&'static str>,
    /// What took too long, if that ended it.
    pub deadline: Option<Deadline>,
    /// The token and project that paid, once known.
    pub payer: Option<Payer>,
    /// Content bytes of the request and of the response.
    pub bytes: (u64, u64),
    /// What it made of the breaker of its upstream, where that changed.
    pub breaker: Option<BreakerTurn>,
    /// From the request's head to the end.
    pub took: Duration,
}

/// A breaker that opened or closed by an exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BreakerTurn {
    /// The provider of the exchange. Others of its origin are concerned as well.
    pub provider: Arc<str>,
    /// What changed.
    pub transition: Transition,
}

/// Whose request it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payer {
    /// The token.
    pub token: TokenId,
    /// Its project.
    pub project: ProjectId,
}

/// The driver broke the rules of a machine. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Misuse {
    /// Content came although none was wanted.
    #[error("content was given while `wants_content` is false")]
    UnwantedContent,
    /// The store answered what was not asked.
    #[error("a store outcome came that no effect asked for")]
    UnaskedOutcome,
    /// A connection, or something from the upstream, came while none was in use.
    #[error("an upstream input came while no upstream is in use")]
    NoUpstream,
    /// More bytes were reported as written than waited.
    #[error("more bytes were reported as written than waited")]
    WroteTooMuch,
    /// The exchange is over.
    #[error("the exchange is over")]
    Over,
}
