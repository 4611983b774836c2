//! The gate's step in which a request's parameters are looked at, and the content that waits for the verdict.
//!
//! Content is held whole before anything goes upstream: a parameter may stand at its end. What is held is what will be
//! sent, byte for byte, in pieces of one size, so that a client that sends it byte by byte makes it cost no more. Both
//! bounds of it are `quota::Holds`.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::message::{Context, ToClient, ToUpstream};
use super::{Exchange, State};
use crate::auth::Grant;
use crate::deadline::Deadline;
use crate::http1::{Fields, Framing, Version};
use crate::inspect::{self, BodyInspection, Subject};

use crate::quota::{Full, Hold, Holds};
use crate::reject::Refusal;
use crate::routing::NormalPath;
use crate::rules::Rules;
use crate::settings::Provider;
use crate::time::Instant;

/// The size of a piece, bytes.
const PIECE: usize = 16 * 1024;

const TOO_LARGE: Refusal = Refusal::NotInspectable(
    "the content is larger than what is looked into: send less, or have this path listed in uninspected_endpoints",
);

/// A request whose content is being looked at.
pub(super) struct Inspecting {
    grant: Arc<Grant>,
    provider: Arc<Provider>,
    inspection: BodyInspection,
    pub(super) held: Box<Held>,
}

/// Content that is held, in order, and its end.
pub(super) struct Held {
    pieces: VecDeque<Bytes>,
    /// The piece that is being filled.
    last: BytesMut,
    trailers: Fields,
    hold: Hold,
}

impl Held {
    fn new(holds: &Holds) -> Box<Self> {
        Box::new(Self {
            pieces: VecDeque::new(),
            last: BytesMut::new(),
            trailers: Fields::default(),
            hold: holds.begin(),
        })
    }

    /// How much it is.
    pub(super) const fn bytes(&self) -> u64 {
        self.hold.bytes()
    }

    fn push(&mut self, mut content: &[u8]) -> Result<(), Full> {
        self.hold.grow(content.len() as u64)?;
        while !content.is_empty() {
            let (now, later) = content.split_at(content.len().min(PIECE - self.last.len()));
            self.last.extend_from_slice(now);
            content = later;
            if self.last.len() == PIECE {
                self.pieces.push_back(self.last.split().freeze());
            }
        }
        Ok(())
    }

    /// Takes the next piece.
    fn next(&mut self) -> Option<Bytes> {
        let last = || (!self.last.is_empty()).then(|| self.last.split().freeze());
        let piece = self.pieces.pop_front().or_else(last)?;
        self.hold.shrink(piece.len() as u64);
        Some(piece)
    }
}

impl Exchange {
    /// The gate's step between the token's rate and the breaker. Goes on at once where no list applies, or the head alone decides.
    pub(super) fn look_at_params(&mut self, grant: Arc<Grant>, provider: Arc<Provider>, cx: &mut Context<'_>) {
        match self.begin_inspection(&provider) {
            Ok(None) => self.spend(grant, provider, cx),
            Ok(Some(inspection)) => self.hold_content(grant, provider, inspection, cx),
            Err(refusal) => self.deny_with(grant, &refusal, cx),
        }
    }

    fn begin_inspection(&self, provider: &Provider) -> Result<Option<BodyInspection>, Refusal> {
        if provider.inspection.params.is_empty() {
            return Ok(None);
        }
        let head = &self.request.head;
        let path = NormalPath::parse(head.path()).map_err(Refusal::Path)?;
        let subject = Subject { head, framing: self.request.framing, path: &path, dialect: provider.dialect };
        Ok(inspect::begin(&subject, &provider.inspection)?)
    }

    fn hold_content(
        &mut self,
        grant: Arc<Grant>,
        provider: Arc<Provider>,
        inspection: BodyInspection,
        cx: &mut Context<'_>,
    ) {
        if let Framing::Length(length) = self.request.framing
            && length > cx.rules.holds.of_one()
        {
            return self.deny_with(grant, &TOO_LARGE, cx);
        }
        // The upstream cannot say it: it hears nothing before the content is here.
        if self.request.head.expects_continue() && self.request.head.version() == Version::Http11 {
            self.to_client = Some(ToClient::Interim(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n")));
        }
        self.last_client = cx.now.mono;
        let held = Held::new(&cx.rules.holds);
        self.state = State::Inspecting(Box::new(Inspecting { grant, provider, inspection, held }));
    }

    /// Looks at some content, and holds it.
    pub(super) fn inspect(&mut self, content: &[u8], cx: &mut Context<'_>) {
        if self.bytes.0 > self.content_limit {
            return self.deny(&Refusal::RequestTooLarge(self.content_limit), cx);
        }
        let State::Inspecting(inspecting) = &mut self.state else { return };
        let looked_at = inspecting.inspection.feed(content).map_err(Refusal::from);
        let result = looked_at.and_then(|()| {
            inspecting.held.push(content).map_err(|full| match full {
                Full::One => TOO_LARGE,
                Full::All => Refusal::Overloaded,
            })
        });
        if let Err(refusal) = result {
            let grant = inspecting.grant.clone();
            self.deny_with(grant, &refusal, cx);
        }
    }

    /// The content is complete: may it pass?
    pub(super) fn decide_content(&mut self, trailers: Fields, cx: &mut Context<'_>) {
        let between = State::Admitting { since: cx.now.mono };
        let state = std::mem::replace(&mut self.state, between);
        let State::Inspecting(inspecting) = state else {
            self.state = state;
            return;
        };
        let Inspecting { grant, provider, inspection, mut held } = *inspecting;
        match inspection.finish() {
            Ok(()) => {
                held.trailers = trailers;
                self.held = Some(held);
                self.spend(grant, provider, cx);
            }
            Err(error) => self.deny_with(grant, &error.into(), cx),
        }
    }

    /// Whether content is held that the upstream may have now: [`super::Input::Room`].
    #[must_use]
    pub fn has_held(&self) -> bool {
        let State::Forwarding(forward) = &self.state else { return false };
        self.held.is_some() && forward.is_connected() && self.to_upstream.is_none()
    }

    /// Sends the next piece of what is held, or its end.
    pub(super) fn send_held(&mut self, cx: &Context<'_>) {
        if !self.has_held() {
            return;
        }
        let Some(piece) = self.held.as_mut().map(|held| held.next()) else { return };
        if let Some(forward) = self.forwarding() {
            // It is not kept for a second time; one that was not written yet waits for the next connection.
            forward.content_taken = true;
        }
        if let Some(piece) = piece {
            self.to_upstream = Some(ToUpstream::Content(piece));
        } else {
            let trailers = self.held.take().map(|held| held.trailers).unwrap_or_default();
            self.forward_end(trailers, cx);
        }
    }

    /// The nearest of the limits that run while content is looked at.
    pub(super) fn inspecting_timeout(&self, inspecting: &Inspecting, rules: &Rules) -> (Instant, Deadline) {
        let whole = (self.started + inspecting.provider.timeouts.request, Deadline::Exchange);
        let next = (self.last_client + rules.patience.client_body, Deadline::ClientBody);
        if next.0 < whole.0 { next } else { whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_comes_byte_by_byte_is_held_in_few_pieces() {
        let mut held = Held::new(&Holds::default());
        for _ in 0..2 * PIECE + 1 {
            assert_eq!(held.push(b"x"), Ok(()));
        }
        let lengths: Vec<usize> = std::iter::from_fn(|| held.next()).map(|piece| piece.len()).collect();
        assert_eq!((lengths, held.bytes()), (vec![PIECE, PIECE, 1], 0));
    }
}
