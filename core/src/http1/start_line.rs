//! Request lines and status lines (RFC 9112 sections 3 and 4), read from a complete line that holds no control byte.
//! Every reading is strict: one space between parts, none around them.

use http::{Method, StatusCode};
use memchr::{memchr, memrchr};

use super::chars::is_token;
use super::target::{self, Target};
use super::{Malformed, Span, Version};

/// No method in use is longer; the longest registered one (`UPDATEREDIRECTREF`) has 17 bytes.
const MAX_METHOD: usize = 32;

/// The parts of a request line.
#[derive(Debug)]
pub(super) struct RequestLine {
    pub(super) method: Method,
    pub(super) version: Version,
    /// The target's origin form.
    pub(super) target: Span,
    /// What to write over the first byte of it, see [`Target::first`].
    pub(super) first: Option<u8>,
}

impl RequestLine {
    /// Reads `line`; spans count from its first byte.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let (Some(first), Some(last)) = (memchr(b' ', line), memrchr(b' ', line)) else {
            return Err(Malformed::StartLine);
        };
        let method = parse_method(&line[..first])?;
        if first == last || memchr(b' ', &line[first + 1..last]).is_some() {
            return Err(Malformed::StartLine);
        }
        let version = parse_version(&line[last + 1..])?;
        if method == Method::CONNECT {
            return Err(Malformed::Connect);
        }
        let Target { range, first: patch } = target::parse(&method, &line[first + 1..last])?;
        let target = Span::new(first + 1 + range.start, first + 1 + range.end);
        Ok(Self { method, version, target, first: patch })
    }
}

/// The parts of a status line.
#[derive(Debug)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) reason: Span,
}

impl StatusLine {
    /// Reads `line`; spans count from its first byte. The space after the status may be missing together with the
    /// reason: servers forget it, and nothing else can be meant.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let space = memchr(b' ', line).ok_or(Malformed::StartLine)?;
        let version = parse_version(&line[..space])?;
        let rest = &line[space + 1..];
        let (status, reason) = match memchr(b' ', rest) {
            Some(end) => (&rest[..end], space + 1 + end + 1),
            None => (rest, line.len()),
        };
        let status = StatusCode::from_bytes(status).map_err(|_| Malformed::Status)?;
        Ok(Self { version, status, reason: Span::new(reason, line.len()) })
    }
}

fn parse_method(method: &[u8]) -> Result<Method, Malformed> {
    if method.len() > MAX_METHOD || !is_token(method) {
        return Err(Malformed::Method);
    }
    Method::from_bytes(method).map_err(|_| Malformed::Method)
}

/// A later minor version is read as the highest that is known (RFC 9110 section 2.5); the name has a case.
fn parse_version(version: &[u8]) -> Result<Version, Malformed> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Ok(Version::Http11),
        _ => Err(Malformed::Version),
    }
}
