//! Messages of a session on a detour through its driver, for a driver that has HTTP libraries of its own: each message
//! between two machines is handed out, carried through a library, and handed back. It decides only that one message a
//! lane is outside at a time, so that order and bounds are those of a session without a detour.

use std::collections::VecDeque;

use super::client::ClientEvent;
use crate::exchange::{FromUpstream, ToClient, ToUpstream};

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
