//! Our own routes within an exchange: probes, and management calls from their content to the answer.

use http::StatusCode;
use serde_json::json;

use super::effect::{StoreEffect, Unavailable};
use super::message::{Context, Outcome, ToClient};
use super::{Exchange, LocalAnswer, State, Voice};
use crate::auth::{Denial, management_credential};
use crate::http1::Version;
use crate::manage::{self, CommandError, Reply};
use crate::reject::Refusal;
use crate::routing::{ManageRoute, Probe};

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

    pub(super) fn on_health(&mut self, health: Result<(), Unavailable>, cx: &mut Context<'_>) {
        let (timestamp, version) = (cx.now.wall, cx.rules.version);
        let (status, content) = match health {
            Ok(()) => (StatusCode::OK, json!({"status": "ok", "timestamp": timestamp, "version": version})),
            Err(unavailable) => {
                let store = json!({"status": "down", "error": unavailable.to_string()});
                let body = json!({"status": "degraded", "timestamp": timestamp, "version": version, "components": {"store": store}});
                (StatusCode::SERVICE_UNAVAILABLE, body)
            }
        };
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
            return self.refuse(&Refusal::Denied(denial), Voice::Own, cx);
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
        self.refuse(&Refusal::RequestTooLarge(manage::MAX_BODY as u64), Voice::Own, cx);
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
        match manage::decode(&call, &cx.rules.providers) {
            Ok(command) => {
                self.ask(StoreEffect::Manage(command));
                self.state = State::Managing { since: cx.now.mono };
            }
            Err(refusal) => self.refuse(&refusal, Voice::Own, cx),
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
