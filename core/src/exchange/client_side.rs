//! What the client does while its request is under way: which state takes its content and its end, and what it means that
//! it stops sending or is gone. What is done with content is each state's own matter.

use bytes::Bytes;

use super::message::{Context, Effect, Misuse, Outcome};
use super::{Exchange, State};
use crate::http1::Fields;
use crate::time::Instant;

impl Exchange {
    pub(super) fn on_content(&mut self, content: Bytes, cx: &mut Context<'_>) -> Result<(), Misuse> {
        if !self.wants_content() {
            return Err(Misuse::UnwantedContent);
        }
        self.last_client = cx.now.mono;
        self.bytes.0 += content.len() as u64;
        match self.state {
            State::Collecting { .. } => self.collect(&content, cx),
            State::Inspecting(_) => self.inspect(&content, cx),
            State::Forwarding(_) => self.forward_content(content, cx),
            State::Tunneling(_) => self.tunnel_content(content, cx),
            State::Rating { .. } | State::Admitting { .. } | State::Spending { .. } | State::Managing { .. } => {}
            State::Recording { .. } | State::Probing { .. } | State::Over(..) => {}
        }
        Ok(())
    }

    pub(super) fn on_request_end(&mut self, trailers: Fields, cx: &mut Context<'_>) -> Result<(), Misuse> {
        if !self.wants_content() {
            return Err(Misuse::UnwantedContent);
        }
        self.request_complete = true;
        match &self.state {
            State::Collecting { .. } => self.decode_call(cx),
            State::Inspecting(_) => self.decide_content(trailers, cx),
            State::Forwarding(_) => self.forward_end(trailers, cx),
            State::Tunneling(_) => self.tunnel_client_end(cx),
            State::Rating { .. } | State::Admitting { .. } | State::Spending { .. } | State::Managing { .. } => {}
            State::Recording { .. } | State::Probing { .. } | State::Over(..) => {}
        }
        Ok(())
    }

    /// A client that closes its sending side has given up on the upstream's answer. Answers of ours are near, and still
    /// reach one that only stopped sending.
    pub(super) fn on_client_ended(&mut self, cx: &Context<'_>) {
        let gives_up = match &self.state {
            // A management call's content may be here already: it is judged when it was taken.
            State::Rating { rated, .. } => rated.is_proxied(),
            State::Admitting { .. } | State::Inspecting(_) | State::Spending { .. } | State::Forwarding(_) => true,
            State::Collecting { .. } | State::Managing { .. } | State::Probing { .. } => !self.request_complete,
            // It may wait for the rest of what the upstream says; its end comes behind its last bytes.
            State::Tunneling(_) => false,
            State::Recording { .. } | State::Over(..) => false,
        };
        if gives_up {
            self.on_client_gone(cx);
        }
    }

    pub(super) fn on_client_gone(&mut self, cx: &Context<'_>) {
        let event = self.abandoned_call(cx).or_else(|| self.abandoned_rating(cx));
        self.end(Outcome::ClientGone, cx.now);
        self.effect = event.map(Effect::Audit);
    }

    pub(super) fn on_progress(&mut self, now: Instant) {
        if let State::Forwarding(forward) = &mut self.state {
            forward.progress(now);
            self.last_client = now;
        } else if let State::Tunneling(tunnel) = &mut self.state {
            tunnel.progress(now);
        }
    }

    pub(super) fn on_stalled(&mut self) {
        if let State::Forwarding(forward) = &mut self.state {
            forward.stalled = true;
        }
    }
}
