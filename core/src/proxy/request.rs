//! The request head that goes upstream.

use std::net::IpAddr;

use bytes::{BufMut, BytesMut};

use super::RequestIds;
use super::field_policy::{Nominated, is_framing, passes_upstream};
use super::leak::{shows, token_shown_twice};
use super::upgrade::{UPGRADE_FIELDS, write_subprotocols};
use crate::http1::{Field, RequestHead, Version};
use crate::reject::Dialect;
use crate::secret::Secret;
use crate::settings::{KeyPlacement, Provider};

/// What decides the head beside the client's own.
#[derive(Clone, Copy, Debug)]
pub struct RequestPlan<'a> {
    /// Where it goes, and how the key is carried there.
    pub provider: &'a Provider,
    /// The project's key.
    pub key: &'a Secret,
    /// The exchange's ids.
    pub ids: &'a RequestIds,
    /// The content is at hand: no expectation of the client's needs an answer any more.
    pub content_is_here: bool,
    /// The path, in the client's encoding.
    pub path: &'a str,
    /// The client's address, where the setting FORWARD_CLIENT_IP allows it.
    pub client_ip: Option<IpAddr>,
}

/// Appends the whole head to `out`, its empty line included. Framing fields pass as they are: the head was refused
/// before if they could be read in two ways.
pub fn write_request_head(head: &RequestHead, plan: RequestPlan<'_>, out: &mut BytesMut) {
    let base = &plan.provider.base;
    out.reserve(1024);
    out.put_slice(head.method().as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(base.path_prefix.as_bytes());
    out.put_slice(plan.path.as_bytes());
    write_query(head.query(), plan.provider.dialect, out);
    out.put_slice(b" HTTP/1.1\r\n");
    let mut host_written = false;
    let nominated = Nominated::of(head.fields());
    let token = token_shown_twice(head);
    for field in head.fields().iter() {
        if field.is("expect") && (head.version() == Version::Http10 || plan.content_is_here) {
            // It is answered already; or it would be an HTTP/1.1 expectation upstream, of a client that knows no interim
            // response (RFC 9110 section 10.1.1).
            continue;
        }
        if field.is("host") {
            write_field(out, field.name, &[base.authority.as_bytes()]);
            host_written = true;
        } else if passes_upstream(field.name, nominated) && !is_ours(field.name, plan.ids, field.value) {
            if field.is("sec-websocket-protocol") {
                write_subprotocols(field, token, out);
            } else if !shows(field.line, token) {
                write_passing_field(field, out);
            }
        }
    }
    if !host_written {
        write_field(out, b"Host", &[base.authority.as_bytes()]);
    }
    write_key(plan.provider.auth, plan.key, out);
    write_own_fields(head, plan, nominated, out);
    out.put_slice(b"\r\n");
}

/// The client's own line, save for what frames: there an upstream's parser must find no odd blank to stumble over.
fn write_passing_field(field: Field<'_>, out: &mut BytesMut) {
    if is_framing(field.name) {
        write_field(out, field.name, &[field.value]);
    } else {
        out.put_slice(field.line);
    }
}

/// Whether a client's id field is replaced by ours: it is not the id that was accepted.
fn is_ours(name: &[u8], ids: &RequestIds, value: &[u8]) -> bool {
    match name.len() {
        12 if name.eq_ignore_ascii_case(b"x-request-id") => value != ids.request().as_bytes(),
        16 if name.eq_ignore_ascii_case(b"x-correlation-id") => value != ids.correlation().as_bytes(),
        _ => false,
    }
}

fn write_own_fields(head: &RequestHead, plan: RequestPlan<'_>, nominated: Nominated<'_>, out: &mut BytesMut) {
    if head.asks_for_websocket() {
        out.put_slice(UPGRADE_FIELDS);
    }
    // RFC 9110 section 7.6.3: the version in which the message was received.
    out.put_slice(match head.version() {
        Version::Http10 => b"Via: 1.0 llm-proxy\r\n",
        Version::Http11 => b"Via: 1.1 llm-proxy\r\n",
    });
    for (name, id) in [("X-Request-ID", plan.ids.request()), ("X-Correlation-ID", plan.ids.correlation())] {
        let passed =
            !nominated.contains(name.as_bytes()) && head.fields().get_all(name).any(|value| value == id.as_bytes());
        if !passed {
            write_field(out, name.as_bytes(), &[id.as_bytes()]);
        }
    }
    if let Some(ip) = plan.client_ip {
        write_field(out, b"X-Forwarded-For", &[ip.to_string().as_bytes()]);
    }
}

fn write_key(placement: KeyPlacement, key: &Secret, out: &mut BytesMut) {
    let key = key.reveal().as_bytes();
    match placement {
        KeyPlacement::Bearer => write_field(out, b"Authorization", &[b"Bearer ", key]),
        KeyPlacement::XApiKey => write_field(out, b"x-api-key", &[key]),
        KeyPlacement::ApiKey => write_field(out, b"api-key", &[key]),
        KeyPlacement::XGoogApiKey => write_field(out, b"x-goog-api-key", &[key]),
    }
}

pub(super) fn write_field(out: &mut BytesMut, name: &[u8], value: &[&[u8]]) {
    out.put_slice(name);
    out.put_slice(b": ");
    value.iter().for_each(|part| out.put_slice(part));
    out.put_slice(b"\r\n");
}

/// The client's query, without a `key` parameter where the upstream would take one for a credential (Gemini).
fn write_query(query: Option<&str>, dialect: Dialect, out: &mut BytesMut) {
    let Some(query) = query else { return };
    if dialect != Dialect::Gemini || !query.split('&').any(is_key_parameter) {
        out.put_u8(b'?');
        out.put_slice(query.as_bytes());
        return;
    }
    let mut separator = b'?';
    for parameter in query.split('&').filter(|parameter| !is_key_parameter(parameter)) {
        out.put_u8(separator);
        out.put_slice(parameter.as_bytes());
        separator = b'&';
    }
}

/// Whether a query parameter is named `key`, in any percent-encoding.
fn is_key_parameter(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default().as_bytes();
    let mut rest = name;
    for expected in *b"key" {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return false,
            },
            [byte, after @ ..] => (*byte, after),
            [] => return false,
        };
        if byte != expected {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
