//! Messages of a session on a detour through its driver, for a driver that has HTTP libraries of its own: each message
//! between two machines is handed out, carried through a library, and handed back. It decides only that one message a
//! lane is outside at a time, so that order and bounds are those of a session without a detour.

use std::collections::VecDeque;

use super::client::ClientEvent;
use super::session::Session;
use crate::exchange::{FromUpstream, ToClient, ToUpstream};
use crate::time::Now;

/// A message that a relayed session hands out ([`super::Session::poll_relay`]) and takes back
/// ([`super::SessionInput::Relayed`]), the same as it was.
#[derive(Debug)]
pub enum Relay {
    /// What the client said, for the exchange.
    FromClient(ClientEvent),
    /// What the exchange says to the client.
    ToClient(ToClient),
    /// What the exchange says to the upstream.
    ToUpstream(ToUpstream),
    /// What the upstream said, for the exchange.
    FromUpstream(FromUpstream),
}

/// The four lanes of a session.
#[derive(Debug, Default)]
pub(super) struct Relays {
    pub(super) from_client: Lane<ClientEvent>,
    pub(super) to_client: Lane<ToClient>,
    pub(super) to_upstream: Lane<ToUpstream>,
    pub(super) from_upstream: Lane<FromUpstream>,
}

impl Relays {
    pub(super) fn hand_out(&mut self) -> Option<Relay> {
        let relay = self.from_client.hand_out().map(Relay::FromClient);
        let relay = relay.or_else(|| self.to_client.hand_out().map(Relay::ToClient));
        let relay = relay.or_else(|| self.to_upstream.hand_out().map(Relay::ToUpstream));
        relay.or_else(|| self.from_upstream.hand_out().map(Relay::FromUpstream))
    }
}

impl Session {
    /// The same session, but each message between its machines goes through the driver: [`Session::poll_relay`].
    #[must_use]
    pub fn relayed(mut self) -> Self {
        self.relays = Some(Box::default());
        self
    }

    /// The next message to carry, in a session that is [`Session::relayed`]. Give it back with
    /// [`super::SessionInput::Relayed`] before anything else is waited for; one whose exchange ended meanwhile may be dropped.
    #[must_use]
    pub fn poll_relay(&mut self) -> Option<Relay> {
        self.relays.as_mut()?.hand_out()
    }

    pub(super) fn next_from_upstream(&mut self) -> Option<FromUpstream> {
        let Some(relays) = &mut self.relays else { return self.upstream.poll_event() };
        relays.from_upstream.next(|| self.upstream.poll_event())
    }

    pub(super) fn next_from_client(&mut self) -> Option<ClientEvent> {
        let Some(relays) = &mut self.relays else { return self.client.poll_event() };
        relays.from_client.next(|| self.client.poll_event())
    }

    /// A message is back from its detour.
    pub(super) fn on_relayed(&mut self, relay: Relay, now: Now) {
        let Some(relays) = &mut self.relays else { return };
        match relay {
            Relay::FromClient(event) => relays.from_client.hand_back(event),
            Relay::FromUpstream(message) => relays.from_upstream.hand_back(message),
            Relay::ToClient(message) if relays.to_client.arrive() => self.tell_client(message, now),
            Relay::ToUpstream(message) if relays.to_upstream.arrive() => self.tell_upstream(message),
            Relay::ToClient(_) | Relay::ToUpstream(_) => {}
        }
    }

    /// Whether something of the client's is on its detour.
    pub(super) fn has_request_outside(&self) -> bool {
        self.relays.as_ref().is_some_and(|relays| !relays.from_client.is_idle())
    }

    /// Whether something for the client is on its detour.
    pub(super) fn is_telling_client(&self) -> bool {
        self.relays.as_ref().is_some_and(|relays| !relays.to_client.is_idle())
    }
}

/// Messages of one direction.
#[derive(Debug)]
pub(super) struct Lane<T> {
    waiting: VecDeque<T>,
    /// One was handed out and is not back.
    outside: bool,
    returned: Option<T>,
}

impl<T> Lane<T> {
    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.outside && self.returned.is_none()
    }

    pub(super) fn send(&mut self, message: T) {
        self.waiting.push_back(message);
    }

    /// The message that came back; else the lane, if it is idle, takes the next from `source`.
    pub(super) fn next(&mut self, source: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.is_idle() {
            self.waiting.extend(source());
        }
        self.returned.take()
    }

    /// Notes that the message outside is back; false if none is: it belonged to an exchange that is over.
    pub(super) const fn arrive(&mut self) -> bool {
        std::mem::replace(&mut self.outside, false)
    }

    /// Takes back a message that waits until it is asked for.
    pub(super) fn hand_back(&mut self, message: T) {
        if self.arrive() {
            self.returned = Some(message);
        }
    }

    fn hand_out(&mut self) -> Option<T> {
        let message = if self.outside { None } else { self.waiting.pop_front() };
        self.outside |= message.is_some();
        message
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), outside: false, returned: None }
    }
}
