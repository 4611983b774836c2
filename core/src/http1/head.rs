//! Decoded heads: the start line's parts and the field section, over the bytes that came.

use std::fmt;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::fields::{Fields, Span};

/// The two versions that are spoken. Anything else is malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, no interim responses, closes unless asked to stay.
    Http10,
    /// HTTP/1.1 (any later 1.x is read as this, RFC 9110 section 2.5).
    Http11,
}

/// A request's head.
#[derive(Clone)]
pub struct RequestHead {
    /// As they came, but for one byte where the target had no path, see `target::Target::first`.
    pub(super) bytes: Bytes,
    pub(super) method: Method,
    pub(super) target: Span,
    pub(super) version: Version,
    pub(super) fields: Fields,
}

impl RequestHead {
    /// The whole head as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The target in origin form (`/path?query`), whatever form it came in; `*` for a server-wide `OPTIONS`. Visible
    /// ASCII only.
    #[must_use]
    pub fn target(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.target.range()]).unwrap_or("/")
    }

    /// The target's path, still encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().split_once('?').map_or_else(|| self.target(), |(path, _)| path)
    }

    /// The target's query without its `?`, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The field section.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether the client wants the connection kept open (RFC 9112 section 9.3).
    #[must_use]
    pub fn wants_keep_alive(&self) -> bool {
        wants_keep_alive(self.version, &self.fields)
    }

    /// Whether the client asks to leave HTTP for a WebSocket (RFC 6455 section 4.1): a GET without content, in HTTP/1.1.
    /// Other protocols are not offered on (RFC 9110 section 7.8).
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        let fields = &self.fields;
        self.method == Method::GET
            && self.version == Version::Http11
            && fields.list_contains("upgrade", "websocket")
            && fields.list_contains("connection", "upgrade")
            && !fields.contains("transfer-encoding")
            && fields.get("content-length").is_none_or(|length| length == b"0")
    }

    /// Whether the client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.fields.list_contains("expect", "100-continue")
    }
}

/// The method and the path's length only: a target may carry what should not be printed.
impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} …({} bytes) {:?} {:?}", self.method, self.target().len(), self.version, self.fields)
    }
}

/// A response's head.
#[derive(Clone)]
pub struct ResponseHead {
    pub(super) bytes: Bytes,
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) reason: Span,
    pub(super) fields: Fields,
}

impl ResponseHead {
    /// The version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The status, 100 to 999.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The whole head as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The reason phrase as it came, possibly empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.bytes[self.reason.range()]
    }

    /// The field section.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether the server will keep the connection open after this response (RFC 9112 section 9.3).
    #[must_use]
    pub fn wants_keep_alive(&self) -> bool {
        wants_keep_alive(self.version, &self.fields)
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?}", self.version, self.status.as_u16(), self.fields)
    }
}

fn wants_keep_alive(version: Version, fields: &Fields) -> bool {
    match version {
        _ if fields.list_contains("connection", "close") => false,
        Version::Http11 => true,
        Version::Http10 => fields.list_contains("connection", "keep-alive"),
    }
}
