//! Our own routes within an exchange: probes, and management calls from their content to the answer.
//!
//! Each management call leaves exactly one audit event. Which way it takes depends on how far the call came:
//!
//! - Not authenticated: anyone can cause it, so it is handed on without waiting, to be folded (`auditing`).
//! - Refused before it is a command: the answer waits until the event is durable (`Recording`).
//! - A command: storage makes the event from the call's facts and the result, also where nobody waits any more.
//! - Given up by its client in the middle: handed on without waiting, since there is nobody to answer.

use http::StatusCode;
use serde_json::json;

use super::effect::{Component, Health, StoreEffect};
use super::message::{Context, Outcome, ToClient};
use super::{Exchange, LocalAnswer, State, Voice};
use crate::audit::Actor;
use crate::auth::{Denial, management_credential};
use crate::http1::Version;
use crate::manage::{self, CallFacts, CommandError, Reply};
use crate::proxy::BreakerState;
use crate::reject::Refusal;
use crate::routing::{ManageRoute, Probe};
use crate::settings::Providers;
use crate::time::Instant;

impl Exchange {
    pub(super) fn probe(&mut self, probe: Probe, cx: &mut Context<'_>) {
        match probe {
            Probe::Health => {
                self.ask(StoreEffect::CheckHealth);
                self.state = State::Probing { since: cx.now.mono };
            }
            Probe::Live => self.answer_text(StatusCode::OK, "alive", cx),
            Probe::Ready if self.request.draining => {
                self.answer_text(StatusCode::SERVICE_UNAVAILABLE, "draining", cx);
            }
            Probe::Ready if cx.rules.token_key.get().is_none() => {
                self.answer_text(StatusCode::SERVICE_UNAVAILABLE, "starting", cx);
            }
            Probe::Ready => self.answer_text(StatusCode::OK, "ready", cx),
        }
    }

    pub(super) fn on_health(&mut self, health: Health, cx: &mut Context<'_>) {
        let (timestamp, version) = (cx.now.wall, cx.rules.version);
        let (status, mut content) = if health.is_up() {
            (StatusCode::OK, json!({"status": "ok", "timestamp": timestamp, "version": version}))
        } else {
            let mut components = json!({
                "store": component(health.store, "the store is not available"),
                "audit": component(health.audit, "events cannot be written"),
            });
            if let Some(redis) = health.redis {
                components["redis"] = component(redis, "Redis is not available");
            }
            let body =
                json!({"status": "degraded", "timestamp": timestamp, "version": version, "components": components});
            (StatusCode::SERVICE_UNAVAILABLE, body)
        };
        // An upstream's failure is not this instance's: it is told, and changes no status.
        let breakers = breakers(&cx.rules.providers.load(), cx.now.mono);
        if !breakers.is_empty() {
            content["breakers"] = breakers.into();
        }
        let content = content.to_string();
        let answer = LocalAnswer { status, content_type: "application/json", fields: &[], content: content.as_bytes() };
        self.answer(&answer, Outcome::Completed, cx);
    }

    /// A management call. Nothing is said about paths or methods before the credential is right.
    pub(super) fn begin_managing(&mut self, route: ManageRoute, cx: &mut Context<'_>) {
        let allowed = match management_credential(self.request.head.fields()) {
            Ok(credential) if cx.rules.management_token.matches(credential) => Ok(()),
            Ok(_) => Err(Denial::InvalidToken),
            Err(denial) => Err(denial),
        };
        if let Err(denial) = allowed {
            return self.deny_call(denial, route, cx);
        }
        self.state = State::Collecting { route, content: Vec::new() };
        if self.request_complete {
            self.decode_call(cx);
        } else if let crate::http1::Framing::Length(length) = self.request.framing
            && length > manage::MAX_BODY as u64
        {
            self.refuse_content(cx);
        } else if self.request.head.expects_continue() && self.request.head.version() == Version::Http11 {
            self.to_client = Some(ToClient::Interim(bytes::Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n")));
        }
    }

    pub(super) fn collect(&mut self, part: &[u8], cx: &mut Context<'_>) {
        let State::Collecting { content, .. } = &mut self.state else { return };
        if content.len() + part.len() > manage::MAX_BODY {
            return self.refuse_content(cx);
        }
        content.extend_from_slice(part);
    }

    fn refuse_content(&mut self, cx: &mut Context<'_>) {
        self.record_refusal(Refusal::RequestTooLarge(manage::MAX_BODY as u64), Outcome::Refused, cx);
    }

    /// The call is complete: what does it ask?
    pub(super) fn decode_call(&mut self, cx: &mut Context<'_>) {
        let State::Collecting { route, content } = &self.state else { return };
        let call = manage::Call {
            route: *route,
            method: self.request.head.method(),
            query: self.request.head.query(),
            body: content,
        };
        match manage::decode(&call, &cx.rules.providers.load()) {
            Ok(command) => {
                let facts = CallFacts::of(&command, cx.now.wall, Actor::ManagementApi, self.request_facts(cx.rules));
                self.ask(StoreEffect::Manage(command, Box::new(facts)));
                self.state = State::Managing { since: cx.now.mono };
            }
            Err(refusal) => self.record_refusal(refusal, Outcome::Refused, cx),
        }
    }

    pub(super) fn on_managed(&mut self, reply: Result<Reply, CommandError>, cx: &mut Context<'_>) {
        match manage::render(reply) {
            Ok(rendered) => {
                let fields: Vec<_> = rendered.fields.into_iter().map(|(name, value)| (name, value.into())).collect();
                let answer = LocalAnswer {
                    status: rendered.status,
                    content_type: "application/json",
                    fields: &fields,
                    content: &rendered.body,
                };
                self.answer(&answer, Outcome::Completed, cx);
            }
            Err(refusal) => self.refuse(&refusal, Voice::Own, cx),
        }
    }

    fn answer_text(&mut self, status: StatusCode, text: &'static str, cx: &mut Context<'_>) {
        let answer =
            LocalAnswer { status, content_type: "text/plain; charset=utf-8", fields: &[], content: text.as_bytes() };
        self.answer(&answer, Outcome::Completed, cx);
    }
}

/// The breakers that are not closed, by the names of their providers.
fn breakers(providers: &Providers, now: Instant) -> serde_json::Map<String, serde_json::Value> {
    let word = |state| match state {
        BreakerState::Closed => None,
        BreakerState::Open => Some("open"),
        BreakerState::HalfOpen => Some("half_open"),
    };
    providers.breakers(now).filter_map(|(name, state)| Some((name.to_string(), word(state)?.into()))).collect()
}

fn component(component: Component, error: &'static str) -> serde_json::Value {
    match component {
        Component::Up => json!({"status": "up"}),
        Component::Down => json!({"status": "down", "error": error}),
    }
}
