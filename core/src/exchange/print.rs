//! How the exchange and its messages print: states and counts, never contents. A head for the upstream holds the real
//! key, an answer of the management API a new token, so nothing here derives `Debug` over bytes.

use std::fmt::{Debug, Formatter, Result};

use super::State;
use super::inspecting::Held;
use super::message::{Context, FromUpstream, Input, ToClient, ToUpstream};

impl Debug for Context<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Debug for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Rating { since, .. } => write!(f, "Rating since {since:?}"),
            Self::Admitting { since } => write!(f, "Admitting since {since:?}"),
            Self::Inspecting(inspecting) => write!(f, "Inspecting, {:?}", inspecting.held),
            Self::Spending { since, .. } => write!(f, "Spending since {since:?}"),
            Self::Collecting { route, content } => {
                write!(f, "Collecting for {route:?}, {} bytes so far", content.len())
            }
            Self::Managing { since } => write!(f, "Managing since {since:?}"),
            Self::Recording { since, refusal, .. } => write!(f, "Recording {} since {since:?}", refusal.answer().code),
            Self::Probing { since } => write!(f, "Probing since {since:?}"),
            Self::Forwarding(forward) => Debug::fmt(forward, f),
            Self::Tunneling(tunnel) => Debug::fmt(tunnel, f),
            Self::Over(outcome, at) => write!(f, "Over: {outcome:?} at {at:?}"),
        }
    }
}

impl Debug for Held {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} bytes held", self.bytes())
    }
}

impl Debug for Input {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Content(content) => write!(f, "Content({} bytes)", content.len()),
            Self::RequestEnd(trailers) => write!(f, "RequestEnd({trailers:?})"),
            Self::ClientMalformed(wrong) => write!(f, "ClientMalformed({wrong:?})"),
            Self::ClientEnded => f.write_str("ClientEnded"),
            Self::ClientGone => f.write_str("ClientGone"),
            Self::Progress => f.write_str("Progress"),
            Self::Room => f.write_str("Room"),
            Self::Stalled => f.write_str("Stalled"),
            Self::Store(outcome) => write!(f, "Store({outcome:?})"),
            Self::Connected { reused } => write!(f, "Connected(reused: {reused})"),
            Self::ConnectFailed(fault) => write!(f, "ConnectFailed({fault:?})"),
            Self::Upstream(message) => write!(f, "Upstream({message:?})"),
            Self::Deadline => f.write_str("Deadline"),
            Self::Drain => f.write_str("Drain"),
        }
    }
}

impl Debug for FromUpstream {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Interim(head) => write!(f, "Interim({head:?})"),
            Self::Head(head, framing) => write!(f, "Head({head:?}, {framing:?})"),
            Self::Switched(head) => write!(f, "Switched({head:?})"),
            Self::Content(content) => write!(f, "Content({} bytes)", content.len()),
            Self::End(trailers) => write!(f, "End({trailers:?})"),
            Self::Failed(failure) => write!(f, "Failed({failure:?})"),
        }
    }
}

impl Debug for ToClient {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Interim(bytes) => write!(f, "Interim({} bytes)", bytes.len()),
            Self::Head(bytes, framing) => write!(f, "Head({} bytes, {framing:?})", bytes.len()),
            Self::Switched(bytes) => write!(f, "Switched({} bytes)", bytes.len()),
            Self::Content(content) => write!(f, "Content({} bytes)", content.len()),
            Self::End(trailers) => write!(f, "End({trailers:?})"),
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Abort => f.write_str("Abort"),
        }
    }
}

impl Debug for ToUpstream {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Head(method, bytes, framing) => write!(f, "Head({method}, {} bytes, {framing:?})", bytes.len()),
            Self::Upgrade(bytes) => write!(f, "Upgrade({} bytes)", bytes.len()),
            Self::Content(content) => write!(f, "Content({} bytes)", content.len()),
            Self::End(trailers) => write!(f, "End({trailers:?})"),
        }
    }
}
