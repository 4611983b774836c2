//! Replies, and how they get on the wire: with a length where the content is known, in chunks where it comes word by word
//! (RFC 9112 sections 6 and 7), until close for HTTP/1.0.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use llm_proxy_core::http1::{ChunkHeader, RequestHead, Version};
use serde_json::Value;

/// An answer to one request.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// Further fields: name and value.
    pub(super) fields: Vec<(&'static str, String)>,
    /// Its content.
    pub(super) content: Content,
}

/// What a reply holds.
#[derive(Debug)]
pub(super) enum Content {
    /// One document.
    Json(Value),
    /// Events of a stream, sent one by one with a pause between them; each is whole, its empty line included.
    Events(Vec<String>),
}

impl Reply {
    /// A 200 with a document.
    pub(super) const fn json(value: Value) -> Self {
        Self { status: StatusCode::OK, fields: Vec::new(), content: Content::Json(value) }
    }

    /// A 200 with a stream of events.
    pub(super) const fn events(events: Vec<String>) -> Self {
        Self { status: StatusCode::OK, fields: Vec::new(), content: Content::Events(events) }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same with one more field.
    pub(super) fn with_field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// Writes one reply.
pub(super) struct ReplyWriter<'a, W> {
    out: &'a mut W,
    /// Whether chunks may be used.
    chunked: bool,
    /// Whether another request may follow.
    keep: bool,
    /// Whether the body stays off the wire.
    head_only: bool,
}

impl<'a, W: Write> ReplyWriter<'a, W> {
    /// For the answer to that request.
    pub(super) fn to_request(out: &'a mut W, head: &RequestHead) -> Self {
        let chunked = head.version() == Version::Http11;
        Self { out, chunked, keep: head.wants_keep_alive(), head_only: head.method() == Method::HEAD }
    }

    /// For the last answer of a connection, whose request could not be read.
    pub(super) const fn closing(out: &'a mut W) -> Self {
        Self { out, chunked: true, keep: false, head_only: false }
    }

    /// Writes all of it; `pause` lies before each event but the first.
    pub(super) fn write(&mut self, reply: &Reply, pause: Duration) -> io::Result<()> {
        match &reply.content {
            Content::Json(value) => self.write_document(reply, &value.to_string()),
            Content::Events(events) => self.write_events(reply, events, pause),
        }
    }

    fn write_document(&mut self, reply: &Reply, document: &str) -> io::Result<()> {
        let framing = format!("Content-Length: {}\r\n", document.len());
        let mut wire = self.head(reply, "application/json", &framing, self.keep);
        if !self.head_only {
            wire.push_str(document);
        }
        self.out.write_all(wire.as_bytes())
    }

    fn write_events(&mut self, reply: &Reply, events: &[String], pause: Duration) -> io::Result<()> {
        let framing = if self.chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
        let head = self.head(reply, "text/event-stream; charset=utf-8", framing, self.keep && self.chunked);
        self.out.write_all(head.as_bytes())?;
        if self.head_only {
            return Ok(());
        }
        for (number, event) in events.iter().enumerate() {
            if number > 0 {
                thread::sleep(pause);
            }
            self.out.write_all(&self.encode(event))?;
        }
        if self.chunked { self.out.write_all(b"0\r\n\r\n") } else { Ok(()) }
    }

    /// One event as one write, so that it leaves as one packet.
    fn encode(&self, event: &str) -> Vec<u8> {
        if self.chunked {
            [ChunkHeader::new(event.len()).as_bytes(), event.as_bytes(), b"\r\n"].concat()
        } else {
            event.as_bytes().to_vec()
        }
    }

    fn head(&self, reply: &Reply, kind: &str, framing: &str, keep: bool) -> String {
        let status = reply.status;
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {kind}\r\n{framing}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            httpdate::fmt_http_date(SystemTime::now())
        );
        for (name, value) in &reply.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(match (keep, self.chunked) {
            (false, _) => "Connection: close\r\n\r\n",
            (true, true) => "\r\n",
            (true, false) => "Connection: keep-alive\r\n\r\n",
        });
        head
    }
}
