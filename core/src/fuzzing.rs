//! The bodies of the fuzz targets: laws that hold for any bytes whatever. Each function panics if one is broken; that
//! is how a fuzzer, a property test or the replay of a corpus sees it. Not part of the program.

mod exchange;
mod json;
mod path;

pub use exchange::exchange;
pub use json::json_scanner;
pub use path::path;

use http::Method;

use crate::http1::replay::{Kind, Message, Outcome, replay, write};
use crate::http1::{Framing, is_field_value, is_token};

/// Any bytes that a client may send.
///
/// # Panics
/// If a law is broken.
pub fn wire_request(data: &[u8]) {
    check(&Kind::Request, data);
}

/// Any bytes that an upstream may send, in answer to `GET` and to `HEAD`.
///
/// # Panics
/// If a law is broken.
pub fn wire_response(data: &[u8]) {
    check(&Kind::Response(Method::GET), data);
    check(&Kind::Response(Method::HEAD), data);
}

/// Any bytes where a chunked body begins.
///
/// # Panics
/// If a law is broken.
pub fn chunked(data: &[u8]) {
    check(&Kind::Chunked, data);
}

fn check(kind: &Kind, data: &[u8]) {
    let outcome = replay(kind, [data]);
    for length in [1, 2, 3, 7, usize::from(data.first().copied().unwrap_or(1)).max(1)] {
        assert_eq!(replay(kind, data.chunks(length)), outcome, "pieces of {length} bytes mean something else");
    }
    let Outcome::Message(message, rest) = outcome else { return };
    assert!(data.ends_with(&rest), "bytes after the message were changed");
    check_fields(&message);
    check_rewritten(kind, &message);
    if *kind != Kind::Chunked {
        let head = head_of(&data[..data.len() - rest.len()]);
        check_line_ends(head);
        check_with_httparse(kind, &message, head);
    }
}

/// What was accepted is safe to write again.
fn check_fields(message: &Message) {
    for (name, value) in message.fields.iter().chain(&message.trailers) {
        assert!(is_token(name) && is_field_value(value), "a field that cannot be written was accepted");
        assert_eq!(value.trim_ascii(), value, "whitespace around a value was kept");
    }
}

/// No accepted message has two readings: its plain form, in which nothing is left to a reader's taste, is the same
/// message, with the same bytes after it.
fn check_rewritten(kind: &Kind, message: &Message) {
    for chunk in [1, 5, usize::MAX] {
        let mut wire = write(kind, message, chunk);
        let after: &[u8] = if message.framing == Framing::UntilClose { b"" } else { b"GET /next" };
        wire.extend_from_slice(after);
        assert_eq!(replay(kind, [&wire[..]]), Outcome::Message(message.clone(), after.to_vec()));
    }
}

/// The head of an accepted message, without the empty lines before it.
fn head_of(data: &[u8]) -> &[u8] {
    let start = data.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    let end = memchr::memmem::find(&data[start..], b"\r\n\r\n").map_or(data.len(), |end| start + end + 4);
    &data[start..end]
}

fn check_line_ends(head: &[u8]) {
    let bare = String::from_utf8_lossy(head).replace("\r\n", "");
    assert!(!bare.contains(['\r', '\n', '\0']), "a head with a bare CR, LF or NUL was accepted");
}

/// httparse, which is more lenient, reads the same from what we accept. It knows no minor version beyond 1.
fn check_with_httparse(kind: &Kind, message: &Message, head: &[u8]) {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let (result, headers) = if *kind == Kind::Request {
        let mut request = httparse::Request::new(&mut headers);
        (request.parse(head), request.headers)
    } else {
        let mut response = httparse::Response::new(&mut headers);
        (response.parse(head), response.headers)
    };
    if result == Err(httparse::Error::Version) {
        return;
    }
    assert_eq!(result, Ok(httparse::Status::Complete(head.len())));
    let theirs = headers.iter().map(|header| (header.name.as_bytes(), header.value));
    assert!(
        theirs.eq(message.fields.iter().map(|(name, value)| (&name[..], &value[..]))),
        "httparse sees other fields"
    );
}
