//! The admitted part of an exchange: request to the upstream, response to the client, and what to do when either
//! breaks.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::message::{ConnectRequest, Context, Effect, Failure, FromUpstream, Misuse, Outcome, ToClient, ToUpstream};
use super::{Exchange, State};
use crate::auth::Grant;
use crate::http1::{Fields, Framing, ResponseHead, Version};
use crate::proxy::{
    Cors, RequestPlan, ResponsePlan, Timing, client_framing, is_event_stream, nominating, passing_trailers, token_of,
    write_interim_head, write_request_head, write_response_head,
};
use crate::reject::{Refusal, UpstreamFault};
use crate::settings::{Provider, client_ip};
use crate::time::Instant;

/// How far the way to the upstream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// A connection was asked for at that instant.
    Asked(Instant),
    /// It is there. `reused`: it carried exchanges before, so the upstream may have closed it unseen.
    Open { reused: bool },
}

/// What was said to the client so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Nothing,
    /// The head of an answer that is no stream.
    Head,
    /// The head of a stream: no total limit runs any more.
    StreamHead,
}

/// The state of forwarding.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) grant: Arc<Grant>,
    pub(super) provider: Arc<Provider>,
    pub(super) link: Link,
    pub(super) said: Said,
    /// The request's head was handed out, and need not be again.
    head_sent: bool,
    /// Some of the request's content, or its end, was taken from the client: it is not at hand a second time.
    pub(super) content_taken: bool,
    retried: bool,
    /// The response's fields, where they name trailers that end here.
    nominating: Option<Box<Fields>>,
    /// The client waits for the upstream's 100 before it sends its content.
    pub(super) awaits_continue: bool,
    pub(super) asked_upstream: Instant,
    /// When the connection in use was there.
    pub(super) connected: Instant,
    /// Since when nothing is missing but the response's head.
    pub(super) request_done: Option<Instant>,
    pub(super) last_progress: Instant,
    /// The upstream takes nothing for now: that the client's content waits is not the client's fault.
    pub(super) stalled: bool,
}

impl Forward {
    pub(super) fn new(grant: Arc<Grant>, provider: Arc<Provider>, now: Instant) -> Self {
        Self {
            grant,
            provider,
            link: Link::Asked(now),
            said: Said::Nothing,
            head_sent: false,
            content_taken: false,
            retried: false,
            nominating: None,
            awaits_continue: false,
            asked_upstream: now,
            connected: now,
            request_done: None,
            last_progress: now,
            stalled: false,
        }
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }

    pub(super) fn progress(&mut self, now: Instant) {
        self.last_progress = now;
        self.stalled = false;
    }

    /// Whether the request may be sent again after this connection failed (the contract's rule, after RFC 9112
    /// section 9.3.1): once, only where a reused connection was closed before a byte of a response, and then only if
    /// nothing went out on it, or the method is idempotent and there is no content that is gone.
    fn may_retry(&self, method: &Method, failure: Failure) -> bool {
        let untouched = !failure.written || (is_idempotent(method) && !self.content_taken);
        !self.retried && !failure.received && self.link == (Link::Open { reused: true }) && untouched
    }
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE].contains(method)
}

impl Exchange {
    pub(super) fn on_upstream(&mut self, message: FromUpstream, cx: &mut Context<'_>) -> Result<(), Misuse> {
        if let State::Tunneling(_) = self.state {
            return self.on_tunnel(message, cx);
        }
        let forward = self.forwarding().filter(|forward| forward.is_connected()).ok_or(Misuse::NoUpstream)?;
        forward.progress(cx.now.mono);
        match message {
            FromUpstream::Interim(head) => self.on_interim(&head, cx),
            FromUpstream::Head(head, framing) => self.on_response(&head, framing, cx),
            FromUpstream::Switched(head) => self.on_switched(&head, cx),
            FromUpstream::Content(content) => {
                self.bytes.1 += content.len() as u64;
                self.to_client = Some(ToClient::Content(content));
            }
            FromUpstream::End(trailers) => self.on_response_end(trailers, cx),
            FromUpstream::Failed(failure) => self.on_upstream_failed(failure, cx),
        }
        Ok(())
    }

    pub(super) fn on_connect_failed(&mut self, fault: UpstreamFault, cx: &mut Context<'_>) -> Result<(), Misuse> {
        self.forwarding().filter(|forward| !forward.is_connected()).ok_or(Misuse::NoUpstream)?;
        self.on_fault(fault, cx);
        Ok(())
    }

    pub(super) fn forwarding(&mut self) -> Option<&mut Forward> {
        if let State::Forwarding(forward) = &mut self.state { Some(forward) } else { None }
    }

    pub(super) fn on_connected(&mut self, reused: bool, cx: &mut Context<'_>) -> Result<(), Misuse> {
        let complete = self.request_complete;
        let State::Forwarding(forward) = &mut self.state else { return Err(Misuse::NoUpstream) };
        if forward.is_connected() {
            return Err(Misuse::NoUpstream);
        }
        forward.link = Link::Open { reused };
        if complete && self.held.is_none() {
            forward.request_done = Some(cx.now.mono);
        }
        forward.awaits_continue = !complete && !forward.content_taken && self.request.head.expects_continue();
        forward.connected = cx.now.mono;
        if std::mem::replace(&mut forward.head_sent, true) {
            return Ok(());
        }
        let head = &self.request.head;
        let plan = RequestPlan {
            provider: &forward.provider,
            key: &forward.grant.upstream_key,
            ids: &self.ids,
            content_is_here: self.held.is_some(),
            path: self.rewritten_path.as_deref().unwrap_or_else(|| head.path()),
            client_ip: cx
                .rules
                .forward_client_ip
                .then(|| client_ip(self.request.peer, head.fields(), &cx.rules.trusted_proxies)),
        };
        write_request_head(head, plan, cx.scratch);
        let bytes = cx.scratch.split().freeze();
        self.to_upstream = Some(if head.asks_for_websocket() {
            ToUpstream::Upgrade(bytes)
        } else {
            ToUpstream::Head(head.method().clone(), bytes, self.request.framing)
        });
        Ok(())
    }

    pub(super) fn forward_content(&mut self, content: Bytes, cx: &mut Context<'_>) {
        if self.bytes.0 > self.content_limit {
            let refusal = Refusal::RequestTooLarge(self.content_limit);
            return self.cut(&refusal, Outcome::Refused, cx);
        }
        if let Some(forward) = self.forwarding() {
            forward.content_taken = true;
            forward.awaits_continue = false;
            self.to_upstream = Some(ToUpstream::Content(content));
        }
    }

    pub(super) fn forward_end(&mut self, trailers: Fields, cx: &Context<'_>) {
        let head = &self.request.head;
        let trailers = passing_trailers(trailers, Some(head.fields()), token_of(head));
        if let Some(forward) = self.forwarding() {
            forward.request_done = Some(cx.now.mono);
            // The end is said once: a second attempt would wait for it in vain.
            forward.content_taken = true;
            self.to_upstream = Some(ToUpstream::End(trailers));
        }
    }

    fn on_interim(&mut self, head: &ResponseHead, cx: &mut Context<'_>) {
        // An HTTP/1.0 client knows no interim response (RFC 9110 section 15.2).
        if self.request.head.version() == Version::Http10 || self.status.is_some() {
            return;
        }
        let State::Forwarding(forward) = &mut self.state else { return };
        if head.status() == http::StatusCode::CONTINUE {
            // From now on it is the client that is waited for.
            forward.awaits_continue = false;
            self.last_client = cx.now.mono;
        }
        write_interim_head(head, &forward.grant.upstream_key, cx.scratch);
        self.to_client = Some(ToClient::Interim(cx.scratch.split().freeze()));
    }

    fn on_response(&mut self, head: &ResponseHead, framing: Framing, cx: &mut Context<'_>) {
        let State::Forwarding(forward) = &mut self.state else { return };
        let stream = head.fields().get("content-type").is_some_and(is_event_stream);
        forward.nominating = nominating(head.fields()).map(Box::new);
        forward.said = if stream { Said::StreamHead } else { Said::Head };
        let client = self.request.head.version();
        // An answer before the request's end: the rest is not read for another request.
        self.close |= !self.request_complete || client_framing(framing, client) == Framing::UntilClose;
        let upstream = cx.now.mono - forward.asked_upstream;
        let plan = ResponsePlan {
            method: self.request.head.method(),
            client,
            framing,
            close: self.close,
            ids: &self.ids,
            key: &forward.grant.upstream_key,
            cors: Cors::of(&forward.provider, self.request.head.fields()),
            timing: Timing { proxy: (cx.now.mono - self.started).saturating_sub(upstream), upstream },
            now: cx.now.wall,
            rate: self.rate.as_ref(),
        };
        let framing = write_response_head(head, plan, cx.scratch);
        self.status = Some(head.status());
        self.report_answer(head.status(), cx.now.mono);
        self.to_client = Some(ToClient::Head(cx.scratch.split().freeze(), framing));
    }

    fn on_response_end(&mut self, trailers: Fields, cx: &Context<'_>) {
        let State::Forwarding(forward) = &self.state else { return };
        let key = forward.grant.upstream_key.reveal().as_bytes();
        let trailers = passing_trailers(trailers, forward.nominating.as_deref(), key);
        self.to_client = Some(ToClient::End(trailers));
        self.end(Outcome::Completed, cx.now);
    }

    fn on_upstream_failed(&mut self, failure: Failure, cx: &mut Context<'_>) {
        let method = self.request.head.method().clone();
        self.spent &= !failure.written;
        let Some(forward) = self.forwarding() else { return };
        if !forward.may_retry(&method, failure) {
            return self.on_fault(failure.fault, cx);
        }
        forward.retried = true;
        forward.head_sent &= !failure.written;
        forward.link = Link::Asked(cx.now.mono);
        let provider = forward.provider.clone();
        self.effect = Some(Effect::Connect(ConnectRequest { provider, fresh: true, counts: None }));
    }

    fn on_fault(&mut self, fault: UpstreamFault, cx: &mut Context<'_>) {
        let outcome = match fault {
            // It says nothing of the upstream.
            UpstreamFault::NoOpenFile => return self.cut(&Refusal::Upstream(fault), Outcome::Refused, cx),
            UpstreamFault::ConnectTimeout | UpstreamFault::HeadTimeout | UpstreamFault::ExchangeTimeout => {
                Outcome::TimedOut
            }
            UpstreamFault::Unreachable | UpstreamFault::ClosedEarly | UpstreamFault::Malformed(_) => {
                Outcome::UpstreamBroke
            }
        };
        self.report_fault(cx.now.mono);
        self.cut(&Refusal::Upstream(fault), outcome, cx);
    }
}
