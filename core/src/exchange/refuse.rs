//! The end of an exchange by our own word: an answer of ours, an error in the shape that the client knows, or a break.

use http::Method;

use super::answer::{AnswerTo, LocalAnswer, write_answer};
use super::message::{Context, Outcome, ToClient};
use super::{Exchange, State, Voice};
use crate::proxy::rate_fields;
use crate::reject::{Dialect, Refusal, error_body, manage_error_body};

impl Exchange {
    /// Ends with an error: as an answer while none has begun, else by breaking off the one that has.
    pub(super) fn cut(&mut self, refusal: &Refusal, outcome: Outcome, cx: &mut Context<'_>) {
        if self.status.is_some() {
            self.code = Some(refusal.answer().code);
            self.to_client = Some(ToClient::Abort);
            return self.end(outcome, cx.now);
        }
        let voice = match self.state {
            State::Collecting { .. } => return self.record_refusal(refusal.clone(), outcome, cx),
            State::Recording { .. } => return self.finish_refusal(cx),
            State::Rating { .. } => return self.cut_rating(refusal, outcome, cx),
            State::Managing { .. } | State::Probing { .. } => Voice::Own,
            State::Admitting { .. }
            | State::Inspecting(_)
            | State::Spending { .. }
            | State::Forwarding(_)
            | State::Tunneling(_)
            | State::Over(..) => self.voice(),
        };
        self.refuse(refusal, voice, cx);
        self.end(outcome, cx.now);
    }

    pub(super) fn voice(&self) -> Voice {
        let head = &self.request.head;
        Voice::Provider(self.dialect.unwrap_or_else(|| Dialect::guess(head.path(), head.fields())))
    }

    /// Answers with an error of ours, and ends.
    pub(super) fn refuse(&mut self, refusal: &Refusal, voice: Voice, cx: &mut Context<'_>) {
        let answer = refusal.answer();
        let content = match voice {
            Voice::Own => manage_error_body(refusal),
            Voice::Provider(dialect) => error_body(dialect, refusal, self.ids.request()),
        };
        self.code = Some(answer.code);
        let mut fields = answer.fields;
        fields.extend(self.rate.iter().flat_map(rate_fields));
        let local =
            LocalAnswer { status: answer.status, content_type: "application/json", fields: &fields, content: &content };
        self.answer(&local, Outcome::Refused, cx);
    }

    /// Answers ourselves, and ends. A request that is not complete is not read any further.
    pub(super) fn answer(&mut self, local: &LocalAnswer<'_>, outcome: Outcome, cx: &mut Context<'_>) {
        self.close |= !self.request_complete;
        self.status = Some(local.status);
        let head_only = *self.request.head.method() == Method::HEAD;
        self.bytes.1 = if head_only { 0 } else { local.content.len() as u64 };
        let to = AnswerTo {
            ids: &self.ids,
            version: self.request.head.version(),
            head_only,
            close: self.close,
            cors: self.list_of.cors(&self.request.head, cx.rules),
            now: cx.now,
        };
        self.to_client = Some(ToClient::Whole(write_answer(local, to, cx.scratch)));
        self.end(outcome, cx.now);
    }
}
