//! Moves messages between a session's three machines until nothing moves: what makes two sockets and an exchange one
//! machine. It decides only the order, and who waits for whom.

use super::client::ClientEvent;
use super::relay::Relays;
use super::session::{EffectId, HIGH_WATER, Life, Session, SessionEffect, Upstream};
use crate::exchange::{
    AnswerTo, Context, Effect, Exchange, FromUpstream, Input, LocalAnswer, NewRequest, Outcome, ToClient, ToUpstream,
    write_answer,
};
use crate::http1::{Framing, Malformed, RequestHead, Version};
use crate::proxy::RequestIds;
use crate::reject::{Dialect, Refusal, error_body};
use crate::time::Now;

/// How many times the patience with a client that goes on sending may be renewed.
const MOST_LINGERS: u32 = 15;

impl Session {
    pub(super) fn pump(&mut self, now: Now) {
        while self.take_from_upstream(now)
            || self.take_from_client(now)
            || self.give_held(now)
            || self.finish_exchange(now)
        {}
        let written = self.client.out.is_empty();
        self.life = match self.life {
            Life::Finishing if written && self.linger && !self.client.has_ended() => {
                let linger = self.rules.patience.linger;
                Life::Lingering { until: now.mono + linger, at_most: now.mono + linger * MOST_LINGERS }
            }
            Life::Finishing if written => Life::Over { reset: false },
            Life::Breaking if written => Life::Over { reset: self.until_close },
            life @ (Life::Open | Life::Finishing | Life::Breaking | Life::Lingering { .. } | Life::Over { .. }) => life,
        };
    }

    /// One message from the upstream to the exchange, if the client takes what follows from it.
    fn take_from_upstream(&mut self, now: Now) -> bool {
        let wanted = self.exchange.as_ref().is_some_and(Exchange::uses_upstream);
        if !wanted || !self.takes_upstream() || self.is_telling_client() {
            return false;
        }
        let Some(message) = self.next_from_upstream() else { return false };
        if let FromUpstream::Failed(_) = message {
            self.effects.push_back(SessionEffect::CloseUpstream);
            self.link = Upstream::None;
        }
        self.step(Input::Upstream(message), now);
        true
    }

    /// One message from the client: to the exchange that runs, or to begin one.
    fn take_from_client(&mut self, now: Now) -> bool {
        match &self.exchange {
            Some(exchange) if exchange.wants_content() => {
                if self.upstream.out.held() >= HIGH_WATER {
                    self.step(Input::Stalled, now);
                    return false;
                }
                if self.relays.as_ref().is_some_and(|relays| !relays.to_upstream.is_idle()) {
                    return false;
                }
                // The end of a tunnel's client counts once the upstream's socket has taken all before it.
                if self.client.is_at_tunnel_end() && !self.upstream.out.is_empty() {
                    return false;
                }
                let Some(event) = self.next_from_client() else { return false };
                match event {
                    ClientEvent::Data(data) => self.step(Input::Content(data), now),
                    ClientEvent::End(trailers) => self.step(Input::RequestEnd(trailers), now),
                    ClientEvent::Malformed(wrong) => self.step(Input::ClientMalformed(wrong), now),
                    ClientEvent::Request(..) => {}
                }
                true
            }
            Some(_) => false,
            None if self.life == Life::Open && self.client.out.held() < HIGH_WATER => self.begin_exchange(now),
            None => false,
        }
    }

    /// The next piece of content that is held, once the upstream has room for it.
    fn give_held(&mut self, now: Now) -> bool {
        let is_free = self.relays.as_ref().is_none_or(|relays| relays.to_upstream.is_idle());
        let gives =
            is_free && self.upstream.out.held() < HIGH_WATER && self.exchange.as_ref().is_some_and(Exchange::has_held);
        if gives {
            self.step(Input::Room, now);
        }
        gives
    }

    fn begin_exchange(&mut self, now: Now) -> bool {
        match self.next_from_client() {
            Some(ClientEvent::Request(head, framing)) => self.on_request(head, framing, now),
            Some(ClientEvent::Malformed(wrong)) => self.refuse_unread(&Refusal::Malformed(wrong), now),
            Some(ClientEvent::Data(_) | ClientEvent::End(_)) => {}
            None if !self.client.has_ended() || self.has_request_outside() => return false,
            None if self.client.has_partial_head() => {
                self.refuse_unread(&Refusal::Malformed(Malformed::HeadCutOff), now);
            }
            None => self.life = Life::Finishing,
        }
        true
    }

    fn on_request(&mut self, head: Box<RequestHead>, framing: Framing, now: Now) {
        let request = NewRequest { head, framing, peer: self.peer, draining: self.draining };
        let mut cx = Context { rules: &self.rules, now, scratch: &mut self.scratch };
        self.exchange = Some(Exchange::new(request, &mut self.ids, &mut cx));
        self.until_close = false;
        self.drain_exchange(now);
        if self.client.has_ended() {
            self.step(Input::ClientEnded, now);
        }
    }

    /// Takes what the exchange has to say to the world.
    pub(super) fn drain_exchange(&mut self, now: Now) {
        let Some(exchange) = &mut self.exchange else { return };
        let (effect, client, upstream) = (exchange.poll_effect(), exchange.poll_client(), exchange.poll_upstream());
        match effect {
            Some(Effect::Store(effect)) => {
                self.last_effect = EffectId(self.last_effect.0.wrapping_add(1));
                self.asked_store = true;
                self.effects.push_back(SessionEffect::Store(self.last_effect, effect));
            }
            Some(Effect::Connect(request)) => {
                if self.upstream.has_written() {
                    // A second attempt after bytes went out: the exchange says everything anew.
                    self.upstream.reset();
                }
                self.link = Upstream::Asked(request.provider.clone());
                self.effects.push_back(SessionEffect::Connect(request));
            }
            Some(Effect::Audit(draft)) => self.effects.push_back(SessionEffect::Audit(draft)),
            None => {}
        }
        if let Some(relays) = &mut self.relays {
            upstream.into_iter().for_each(|message| relays.to_upstream.send(message));
            client.into_iter().for_each(|message| relays.to_client.send(message));
            return;
        }
        if let Some(message) = upstream {
            self.tell_upstream(message);
        }
        if let Some(message) = client {
            self.tell_client(message, now);
        }
    }

    pub(super) fn tell_upstream(&mut self, message: ToUpstream) {
        match message {
            ToUpstream::Head(method, head, framing) => self.upstream.send_head(method, head, framing),
            ToUpstream::Upgrade(head) => self.upstream.send_upgrade(head),
            ToUpstream::Content(content) => self.upstream.send_data(content),
            ToUpstream::End(trailers) => self.upstream.send_end(&trailers),
        }
    }

    pub(super) fn tell_client(&mut self, message: ToClient, now: Now) {
        if self.client.out.is_empty() {
            self.last_write = now.mono;
        }
        let fits = match message {
            ToClient::Interim(bytes) | ToClient::Whole(bytes) => {
                self.client.send_whole(bytes);
                true
            }
            ToClient::Head(head, framing) => {
                self.until_close = framing == Framing::UntilClose;
                self.client.send_head(head, framing);
                true
            }
            ToClient::Switched(head) => {
                // Each lane is idle now: no message of a tunnel takes a detour.
                self.relays = None;
                self.until_close = true;
                self.client.send_switch(head);
                true
            }
            ToClient::Content(content) => self.client.send_data(content),
            ToClient::End(trailers) => self.client.send_end(&trailers),
            ToClient::Abort => false,
        };
        if !fits {
            self.client.stop_reading();
            self.life = Life::Breaking;
        }
    }

    /// Puts an exchange that is over away, and makes both connections ready for the next, or ends them.
    fn finish_exchange(&mut self, now: Now) -> bool {
        if self.life == Life::Open && self.is_telling_client() {
            return false;
        }
        let Some(ended) = self.exchange.as_ref().and_then(Exchange::ended) else { return false };
        let Some(exchange) = self.exchange.take() else { return false };
        self.asked_store = false;
        if let Some(relays) = &mut self.relays {
            **relays = Relays::default();
        }
        match std::mem::replace(&mut self.link, Upstream::None) {
            Upstream::None => {}
            Upstream::Open(provider) if self.upstream.is_reusable() => {
                self.effects.push_back(SessionEffect::Release(provider));
            }
            Upstream::Open(_) | Upstream::Asked(_) => self.effects.push_back(SessionEffect::CloseUpstream),
        }
        if let Some(token) = exchange.spent()
            && !self.upstream.has_written()
        {
            self.effects.push_back(SessionEffect::GiveBack(token));
        }
        self.upstream.reset();
        if self.life == Life::Open {
            if ended.outcome == Outcome::ClientGone {
                // It may still read, and must not take what it has for the whole.
                self.life = Life::Over { reset: self.until_close };
            } else if exchange.closes() || self.draining {
                self.finish();
            } else {
                self.client.next_request(now.mono);
            }
        }
        self.effects.push_back(SessionEffect::Ended(Box::new(ended)));
        true
    }

    fn finish(&mut self) {
        self.client.stop_reading();
        self.linger = true;
        self.life = Life::Finishing;
    }

    /// Answers bytes that are no request, and ends.
    pub(super) fn refuse_unread(&mut self, refusal: &Refusal, now: Now) {
        let ids = RequestIds::made(now.wall, &mut self.ids);
        let answer = refusal.answer();
        let content = error_body(Dialect::OpenAi, refusal, ids.request());
        let local = LocalAnswer {
            status: answer.status,
            content_type: "application/json",
            fields: &answer.fields,
            content: &content,
        };
        let to = AnswerTo { ids: &ids, version: Version::Http11, head_only: false, close: true, cors: None, now };
        let bytes = write_answer(&local, to, &mut self.scratch);
        self.last_write = now.mono;
        self.client.send_whole(bytes);
        self.finish();
    }
}
