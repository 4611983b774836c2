//! The response heads that go to the client.

use std::io::Write as _;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use http::{Method, StatusCode};

use super::RequestIds;
use super::cors::{Cors, is_cors_field, varies_by_origin};
use super::field_policy::{Nominated, is_framing, passes_to_client};
use super::leak::{shown_in, shows};
use super::rate_fields::rate_fields;
use super::request::write_field;
use super::upgrade::UPGRADE_FIELDS;
use crate::http1::{Field, Framing, ResponseHead, Version};
use crate::quota::Remaining;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Where the time up to the head went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// From the request's head to the response's, what the upstream did not take.
    pub proxy: Duration,
    /// From asking for a connection to the response's head.
    pub upstream: Duration,
}

/// What decides the head beside the upstream's own.
#[derive(Clone, Copy, Debug)]
pub struct ResponsePlan<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// How the client reads.
    pub client: Version,
    /// How the upstream's content is framed.
    pub framing: Framing,
    /// Whether the connection to the client closes after this response.
    pub close: bool,
    /// The exchange's ids.
    pub ids: &'a RequestIds,
    /// The key that must not come back.
    pub key: &'a Secret,
    /// What is said of origins, if that is ours to say: then the upstream says nothing of it.
    pub cors: Option<Cors<'a>>,
    /// For `Server-Timing`.
    pub timing: Timing,
    /// For `Date`, where the upstream sent none (RFC 9110 section 6.6.1).
    pub now: Timestamp,
    /// For `RateLimit-Policy` and `RateLimit`.
    pub rate: Option<&'a Remaining>,
}

/// How the content is framed for the client: as the upstream did, save where the client needs another way or the
/// upstream's would hide a broken end.
#[must_use]
pub fn client_framing(framing: Framing, client: Version) -> Framing {
    match (framing, client) {
        (Framing::Chunked | Framing::UntilClose, Version::Http11) => Framing::Chunked,
        (Framing::Chunked | Framing::UntilClose, Version::Http10) => Framing::UntilClose,
        (same @ (Framing::Empty | Framing::Length(_)), _) => same,
    }
}

/// Appends the whole head to `out`, its empty line included. Says how the content must be framed.
pub fn write_response_head(head: &ResponseHead, plan: ResponsePlan<'_>, out: &mut BytesMut) -> Framing {
    out.reserve(1024);
    write_status_line(head, plan.key, out);
    let seen = write_passing_fields(head, &plan, out);
    let framing = client_framing(plan.framing, plan.client);
    if framing == Framing::Chunked {
        out.put_slice(b"Transfer-Encoding: chunked\r\n");
    }
    write_own_fields(head, &plan, seen, out);
    out.put_slice(b"\r\n");
    framing
}

/// Appends the head of a 101 to `out`: it announces no content, and what follows it is no HTTP.
pub fn write_switch_head(head: &ResponseHead, plan: ResponsePlan<'_>, out: &mut BytesMut) {
    out.reserve(1024);
    write_status_line(head, plan.key, out);
    let seen = write_passing_fields(head, &plan, out);
    out.put_slice(UPGRADE_FIELDS);
    // Of its end the fields say nothing.
    write_own_fields(head, &ResponsePlan { close: false, ..plan }, seen, out);
    out.put_slice(b"\r\n");
}

/// Appends an interim head (1xx) to `out`.
pub fn write_interim_head(head: &ResponseHead, key: &Secret, out: &mut BytesMut) {
    write_status_line(head, key, out);
    let nominated = Nominated::of(head.fields());
    for field in head.fields().iter() {
        // An interim response has no content, so a length or coding would only confuse (RFC 9110 section 8.6).
        let frames = field.is("content-length") || field.is("transfer-encoding");
        if !frames && passes_to_client(field.name, nominated) && !shows(field.line, key.reveal().as_bytes()) {
            out.put_slice(field.line);
        }
    }
    out.put_slice(b"\r\n");
}

/// A reason phrase that shows the key is left out: it may be empty (RFC 9112 section 4).
fn write_status_line(head: &ResponseHead, key: &Secret, out: &mut BytesMut) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(head.status().as_str().as_bytes());
    out.put_u8(b' ');
    if !shows(head.reason(), key.reveal().as_bytes()) {
        out.put_slice(head.reason());
    }
    out.put_slice(b"\r\n");
}

/// Which of the fields that we would add the upstream sent, and has passed on.
#[derive(Clone, Copy, Default)]
struct Seen {
    date: bool,
    request_id: bool,
    accel_buffering: bool,
    event_stream: bool,
    varies_by_origin: bool,
}

impl Seen {
    fn note(&mut self, field: Field<'_>) {
        match field.name.len() {
            4 if field.is("date") => self.date = true,
            10 if field.is("request-id") => self.request_id = true,
            12 if field.is("x-request-id") => self.request_id = true,
            12 if field.is("content-type") => self.event_stream = is_event_stream(field.value),
            17 if field.is("x-accel-buffering") => self.accel_buffering = true,
            _ => {}
        }
    }
}

/// Whether a response of that status may not say a length (RFC 9110 section 8.6).
fn is_without_content(status: StatusCode) -> bool {
    [StatusCode::NO_CONTENT, StatusCode::SWITCHING_PROTOCOLS].contains(&status)
}

fn write_passing_fields(head: &ResponseHead, plan: &ResponsePlan<'_>, out: &mut BytesMut) -> Seen {
    let nominated = Nominated::of(head.fields());
    let key = shown_in(head.as_bytes(), plan.key.reveal().as_bytes());
    let mut seen = Seen::default();
    for field in head.fields().iter() {
        let replaced = match field.name.len() {
            14 => is_without_content(head.status()) && field.is("content-length"),
            17 => field.is("transfer-encoding"),
            18 => field.is("x-proxy-request-id"),
            _ => plan.cors.is_some() && is_cors_field(field.name),
        };
        if !replaced && passes_to_client(field.name, nominated) && (is_framing(field.name) || !shows(field.line, key)) {
            seen.note(field);
            seen.varies_by_origin |= plan.cors.is_some() && varies_by_origin(field);
            out.put_slice(field.line);
        }
    }
    seen
}

fn write_own_fields(head: &ResponseHead, plan: &ResponsePlan<'_>, seen: Seen, out: &mut BytesMut) {
    if !seen.date {
        write_field(out, b"Date", &[plan.now.to_http_date().as_bytes()]);
    }
    out.put_slice(match head.version() {
        Version::Http10 => b"Via: 1.0 llm-proxy\r\n",
        Version::Http11 => b"Via: 1.1 llm-proxy\r\n",
    });
    write_ids(plan.ids, !seen.request_id, out);
    if seen.event_stream && !seen.accel_buffering {
        out.put_slice(b"X-Accel-Buffering: no\r\n");
    }
    if let Some(cors) = plan.cors {
        cors.write(seen.varies_by_origin, out);
    }
    write_timing(plan.timing, out);
    for (name, value) in plan.rate.iter().flat_map(|rate| rate_fields(rate)) {
        write_field(out, name.as_bytes(), &[value.as_bytes()]);
    }
    write_persistence(plan.close, plan.client, out);
}

/// `X-Proxy-Request-ID`, and the same as `X-Request-ID` where the upstream sent none.
pub(crate) fn write_ids(ids: &RequestIds, also_as_request_id: bool, out: &mut BytesMut) {
    write_field(out, b"X-Proxy-Request-ID", &[ids.request().as_bytes()]);
    if also_as_request_id {
        write_field(out, b"X-Request-ID", &[ids.request().as_bytes()]);
    }
}

/// Says what the client could not know: that a 1.1 connection closes, that a 1.0 connection stays.
pub(crate) fn write_persistence(close: bool, client: Version, out: &mut BytesMut) {
    match (close, client) {
        (true, _) => out.put_slice(b"Connection: close\r\n"),
        (false, Version::Http10) => out.put_slice(b"Connection: keep-alive\r\n"),
        (false, Version::Http11) => {}
    }
}

/// `Server-Timing` in milliseconds with three decimals.
fn write_timing(timing: Timing, out: &mut BytesMut) {
    let part = |duration: Duration| (duration.as_micros() / 1000, duration.as_micros() % 1000);
    let ((proxy, proxy_frac), (upstream, upstream_frac)) = (part(timing.proxy), part(timing.upstream));
    // Writing into memory cannot fail.
    let _ = write!(
        out.writer(),
        "Server-Timing: proxy;dur={proxy}.{proxy_frac:03}, upstream;dur={upstream}.{upstream_frac:03}\r\n"
    );
}

pub(crate) fn is_event_stream(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}
