//! One connection towards an upstream: a request goes out, a response comes in. Bytes that no request asked for make
//! the connection useless; nothing of one exchange is left for the next.

use bytes::{Bytes, BytesMut};
use http::Method;

use super::body_writer::BodyWriter;
use super::out_queue::OutQueue;
use super::read_buffer::ReadBuffer;
use crate::exchange::{Failure, FromUpstream};
use crate::http1::{
    BodyDecoder, BodyLimits, BodyPart, Fields, Framing, HeadDecoder, HeadLimits, Malformed, ResponseHead,
    response_framing,
};
use crate::reject::UpstreamFault;

#[derive(Debug)]
enum Reading {
    /// Nothing is awaited: any byte is one too many.
    Idle,
    Head,
    Body(BodyDecoder),
    Failed,
}

/// How the upstream's sending side ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Closed in order: completes a body that lasts until close.
    Clean,
    /// Reset, or cut inside TLS: completes nothing.
    Broken,
}

/// The machine for one upstream connection, or for one after another: `attach` begins anew.
#[derive(Debug)]
pub struct UpstreamConnection {
    input: ReadBuffer,
    pub(super) out: OutQueue,
    writer: BodyWriter,
    reading: Reading,
    heads: HeadDecoder,
    limits: HeadLimits,
    method: Method,
    /// A 101 answers the request.
    upgrade: bool,
    keep_alive: bool,
    ending: Option<Ending>,
    received_any: bool,
    written_any: bool,
    /// It carried exchanges before: what it says before it is asked belongs to none of ours.
    reused: bool,
    /// It takes nothing more: what would be written is thrown away.
    deaf: bool,
}

impl UpstreamConnection {
    /// A machine without a connection.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            input: ReadBuffer::default(),
            out: OutQueue::default(),
            writer: BodyWriter::Idle,
            reading: Reading::Idle,
            heads: HeadDecoder::new(limits),
            limits,
            method: Method::GET,
            upgrade: false,
            keep_alive: false,
            ending: None,
            received_any: false,
            written_any: false,
            reused: false,
            deaf: false,
        }
    }

    /// Begins with another connection. What waits to be written stays (it goes to the new one: nothing of it was
    /// written, or the caller has cleared it); what the old one sent is forgotten.
    pub(super) fn attach(&mut self, reused: bool) {
        self.reused = reused;
        self.input.bytes.clear();
        self.heads = HeadDecoder::new(self.limits);
        if !matches!(self.reading, Reading::Idle) {
            self.reading = Reading::Head;
        }
        self.ending = None;
        (self.received_any, self.written_any, self.deaf) = (false, false, false);
    }

    /// Forgets everything, so that the next exchange starts from nothing.
    pub(super) fn reset(&mut self) {
        self.input.bytes.clear();
        self.out.clear();
        (self.writer, self.reading) = (BodyWriter::Idle, Reading::Idle);
        self.heads = HeadDecoder::new(self.limits);
        (self.upgrade, self.keep_alive, self.ending) = (false, false, None);
        (self.received_any, self.written_any, self.deaf) = (false, false, false);
    }

    pub(super) fn send_head(&mut self, method: Method, head: Bytes, framing: Framing) {
        self.method = method;
        self.out.push(head);
        self.writer = BodyWriter::new(framing);
        if framing == Framing::Empty {
            let _ = self.writer.end(&Fields::default(), &mut self.out);
        }
        self.reading = Reading::Head;
    }

    /// The head of a request to upgrade.
    pub(super) fn send_upgrade(&mut self, head: Bytes) {
        self.send_head(Method::GET, head, Framing::Empty);
        self.upgrade = true;
    }

    /// Content for the request. The framing was checked when it was decoded, so a mismatch cannot happen; if it did,
    /// the request stays incomplete and the upstream waits for the rest.
    pub(super) fn send_data(&mut self, data: Bytes) {
        let _ = self.writer.data(data, &mut self.out);
        self.forget_if_deaf();
    }

    pub(super) fn send_end(&mut self, trailers: &Fields) {
        let _ = self.writer.end(trailers, &mut self.out);
        self.forget_if_deaf();
    }

    pub(super) fn read_buffer(&mut self) -> &mut BytesMut {
        self.input.for_reading()
    }

    pub(super) fn received(&mut self, n: usize) {
        self.input.learn(n);
        if self.reused && !self.written_any {
            self.input.bytes.clear();
            return self.broke();
        }
        self.received_any = true;
    }

    /// The upstream closed its side, in order.
    pub(super) fn received_end(&mut self) {
        self.ending = self.ending.or(Some(Ending::Clean));
    }

    /// The connection broke, in either direction.
    pub(super) fn broke(&mut self) {
        self.ending = Some(Ending::Broken);
    }

    /// Writing failed. If nothing had gone out, the connection was of no use; else the upstream may have answered
    /// before it closed, and that answer counts (RFC 9112 section 9.5).
    pub(super) fn write_failed(&mut self) {
        if self.written_any {
            self.deaf = true;
            self.forget_if_deaf();
        } else {
            self.broke();
        }
    }

    fn forget_if_deaf(&mut self) {
        if self.deaf {
            self.out.clear();
        }
    }

    /// Bytes that were read and not taken yet.
    pub(super) fn ahead(&self) -> usize {
        self.input.bytes.len()
    }

    pub(super) fn wrote(&mut self, n: usize) -> bool {
        let fits = self.out.advance(n);
        self.written_any |= fits && n > 0;
        fits
    }

    pub(super) const fn has_written(&self) -> bool {
        self.written_any
    }

    /// Whether the response is complete, the request too, and the upstream keeps the connection open.
    pub(super) fn is_reusable(&self) -> bool {
        matches!(self.reading, Reading::Idle)
            && self.writer.is_done()
            && self.out.is_empty()
            && self.input.bytes.is_empty()
            && self.keep_alive
            && self.ending.is_none()
            && !self.deaf
    }

    /// The next thing that the upstream said; `None` until more bytes come.
    pub(super) fn poll_event(&mut self) -> Option<FromUpstream> {
        match &mut self.reading {
            Reading::Idle | Reading::Failed => None,
            Reading::Head => match self.heads.response(&mut self.input.bytes) {
                Ok(Some(head)) => Some(self.on_head(head)),
                Ok(None) => self.ending.is_some().then(|| self.fail(UpstreamFault::ClosedEarly)),
                Err(wrong) => Some(self.fail(UpstreamFault::Malformed(wrong))),
            },
            Reading::Body(body) => match body.decode(&mut self.input.bytes) {
                Ok(BodyPart::Data(data)) => Some(FromUpstream::Content(data)),
                Ok(BodyPart::End(trailers)) => Some(self.end(trailers)),
                Ok(BodyPart::NeedMore) => match self.ending? {
                    Ending::Clean if body.end_of_input().is_ok() => Some(self.end(Fields::default())),
                    Ending::Clean | Ending::Broken => Some(self.fail(UpstreamFault::ClosedEarly)),
                },
                Err(wrong) => Some(self.fail(UpstreamFault::Malformed(wrong))),
            },
        }
    }

    fn on_head(&mut self, head: ResponseHead) -> FromUpstream {
        if head.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            return self.on_switch(head);
        }
        if head.status().is_informational() {
            return FromUpstream::Interim(head);
        }
        match response_framing(&self.method, &head) {
            Ok(framing) => {
                self.keep_alive = head.wants_keep_alive() && framing != Framing::UntilClose;
                self.reading = Reading::Body(BodyDecoder::new(framing, BodyLimits::default()));
                FromUpstream::Head(head, framing)
            }
            Err(wrong) => self.fail(UpstreamFault::Malformed(wrong)),
        }
    }

    /// A 101 to what asked for no upgrade, or to another protocol than was asked for, answers nothing (RFC 9110 sections
    /// 7.8 and 15.2.2).
    fn on_switch(&mut self, head: ResponseHead) -> FromUpstream {
        if !self.upgrade || !head.fields().list_contains("upgrade", "websocket") {
            return self.fail(UpstreamFault::Malformed(Malformed::UnaskedSwitch));
        }
        if let Err(wrong) = response_framing(&self.method, &head) {
            return self.fail(UpstreamFault::Malformed(wrong));
        }
        self.writer = BodyWriter::new(Framing::UntilClose);
        self.reading = Reading::Body(BodyDecoder::new(Framing::UntilClose, BodyLimits::default()));
        FromUpstream::Switched(head)
    }

    fn end(&mut self, trailers: Fields) -> FromUpstream {
        self.reading = Reading::Idle;
        FromUpstream::End(trailers)
    }

    fn fail(&mut self, fault: UpstreamFault) -> FromUpstream {
        self.reading = Reading::Failed;
        self.keep_alive = false;
        FromUpstream::Failed(Failure { fault, received: self.received_any, written: self.written_any })
    }
}
