//! One connection towards a client: requests come in, one at a time, and their responses go out in order. Bytes of the
//! next request wait, within a bound, until the current exchange is over.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::body_writer::BodyWriter;
use super::out_queue::OutQueue;
use super::read_buffer::ReadBuffer;
use crate::http1::{
    BodyDecoder, BodyLimits, BodyPart, Fields, Framing, HeadDecoder, HeadLimits, Malformed, RequestHead,
    request_framing,
};
use crate::time::Instant;

/// How many bytes of pipelined requests may wait. Beyond it the socket is not read.
const MOST_WAITING: usize = 64 * 1024;

/// What a client sent, part by part.
pub enum ClientEvent {
    /// A request's head, and where its body ends.
    Request(Box<RequestHead>, Framing),
    /// Some bytes of its content.
    Data(Bytes),
    /// Its end, with trailers (mostly none).
    End(Fields),
    /// The bytes are no acceptable message. Nothing more can be read on this connection.
    Malformed(Malformed),
}

/// Lengths only: the content may hold a secret.
impl fmt::Debug for ClientEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(head, framing) => write!(f, "Request({head:?}, {framing:?})"),
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::End(trailers) => write!(f, "End({trailers:?})"),
            Self::Malformed(wrong) => write!(f, "Malformed({wrong:?})"),
        }
    }
}

#[derive(Debug)]
enum Reading {
    Head,
    Body(BodyDecoder),
    /// The request is complete; what follows waits for the next turn.
    Complete,
    /// Opaque bytes, until the client's end.
    Tunnel,
    /// Nothing can be read any more: malformed, or the response said close.
    Over,
}

/// The machine for one client connection.
#[derive(Debug)]
pub struct ClientConnection {
    input: ReadBuffer,
    pub(super) out: OutQueue,
    reading: Reading,
    writer: BodyWriter,
    heads: HeadDecoder,
    /// Since when the current head is awaited: the accept, the end of the last exchange, or its first byte.
    head_since: Instant,
    ended: bool,
    /// At least one exchange is over.
    served: bool,
}

impl ClientConnection {
    /// A connection accepted at `now`.
    #[must_use]
    pub fn new(limits: HeadLimits, now: Instant) -> Self {
        Self {
            input: ReadBuffer::default(),
            out: OutQueue::default(),
            reading: Reading::Head,
            writer: BodyWriter::Idle,
            heads: HeadDecoder::new(limits),
            head_since: now,
            ended: false,
            served: false,
        }
    }

    pub(super) fn read_buffer(&mut self) -> &mut BytesMut {
        self.input.for_reading()
    }

    pub(super) fn received(&mut self, n: usize, now: Instant) {
        if matches!(self.reading, Reading::Head) && self.input.bytes.len() == n {
            self.head_since = now;
        }
        self.input.learn(n);
        if matches!(self.reading, Reading::Over) {
            self.input.bytes.clear();
        }
    }

    pub(super) fn received_end(&mut self) {
        self.ended = true;
    }

    /// Whether there is room for more bytes.
    pub(super) fn has_room(&self) -> bool {
        !self.ended && self.input.bytes.len() < MOST_WAITING
    }

    /// Whether the client closed its sending side.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether a head is awaited and some of its bytes are there.
    pub(super) fn has_partial_head(&self) -> bool {
        matches!(self.reading, Reading::Head) && !self.input.bytes.is_empty()
    }

    /// Whether nothing was served on this connection yet.
    pub(super) const fn awaits_first_head(&self) -> bool {
        matches!(self.reading, Reading::Head) && !self.served
    }

    pub(super) const fn head_since(&self) -> Instant {
        self.head_since
    }

    /// The next thing that the client said; `None` until more bytes come.
    pub(super) fn poll_event(&mut self) -> Option<ClientEvent> {
        let step = match &mut self.reading {
            Reading::Complete | Reading::Over => return None,
            Reading::Tunnel if !self.input.bytes.is_empty() => Ok(ClientEvent::Data(self.input.bytes.split().freeze())),
            Reading::Tunnel if self.ended => {
                self.reading = Reading::Complete;
                Ok(ClientEvent::End(Fields::default()))
            }
            Reading::Tunnel => return None,
            Reading::Head => match self.heads.request(&mut self.input.bytes) {
                Ok(None) => return None,
                Ok(Some(head)) => request_framing(&head).map(|framing| self.begin(head, framing)),
                Err(wrong) => Err(wrong),
            },
            Reading::Body(body) => match body.decode(&mut self.input.bytes) {
                Ok(BodyPart::NeedMore) => return None,
                Ok(BodyPart::Data(data)) => Ok(ClientEvent::Data(data)),
                Ok(BodyPart::End(trailers)) => {
                    self.reading = Reading::Complete;
                    Ok(ClientEvent::End(trailers))
                }
                Err(wrong) => Err(wrong),
            },
        };
        Some(step.unwrap_or_else(|wrong| {
            self.stop_reading();
            ClientEvent::Malformed(wrong)
        }))
    }

    fn begin(&mut self, head: RequestHead, framing: Framing) -> ClientEvent {
        self.writer = BodyWriter::Idle;
        self.reading = match framing {
            Framing::Empty => Reading::Complete,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                Reading::Body(BodyDecoder::new(framing, BodyLimits::default()))
            }
        };
        ClientEvent::Request(Box::new(head), framing)
    }

    /// Bytes that are a message of their own: an interim response, or a whole answer of ours.
    pub(super) fn send_whole(&mut self, message: Bytes) {
        self.out.push(message);
    }

    pub(super) fn send_head(&mut self, head: Bytes, framing: Framing) {
        self.out.push(head);
        self.writer = BodyWriter::new(framing);
    }

    /// The head of a 101: all that follows is opaque, in both directions, and so is what came behind the request.
    pub(super) fn send_switch(&mut self, head: Bytes) {
        self.send_head(head, Framing::UntilClose);
        self.reading = Reading::Tunnel;
    }

    /// Whether the client ended a tunnel, and nothing of it is left to take.
    pub(super) fn is_at_tunnel_end(&self) -> bool {
        matches!(self.reading, Reading::Tunnel) && self.ended && self.input.bytes.is_empty()
    }

    /// False if the content does not fit what the head announced: the response is then broken.
    #[must_use]
    pub(super) fn send_data(&mut self, data: Bytes) -> bool {
        self.writer.data(data, &mut self.out).is_ok()
    }

    /// False as for [`Self::send_data`].
    #[must_use]
    pub(super) fn send_end(&mut self, trailers: &Fields) -> bool {
        self.writer.end(trailers, &mut self.out).is_ok()
    }

    /// Bytes that were read and not taken yet.
    #[cfg(test)]
    pub(super) fn ahead(&self) -> usize {
        self.input.bytes.len()
    }

    pub(super) fn wrote(&mut self, n: usize) -> bool {
        self.out.advance(n)
    }

    /// The exchange is over and the connection stays: the next head may be read.
    pub(super) fn next_request(&mut self, now: Instant) {
        self.reading = Reading::Head;
        self.served = true;
        self.head_since = now;
    }

    /// Reads nothing more: what still comes is thrown away.
    pub(super) fn stop_reading(&mut self) {
        self.reading = Reading::Over;
        self.input.bytes.clear();
    }
}
