//! Finds a whole head in a growing buffer and parses it. It looks at each byte for the end once, however the bytes
//! arrive, and refuses what is wrong as soon as it can be seen.
//!
//! Wrong bytes are found in the order in which they stand, so the reason for a refusal does not depend on how they
//! arrive: first byte, start line, then line ends and limits; names and colons once the head is complete, and `Host`
//! last.

use bytes::{Buf, Bytes, BytesMut};

use super::fields::Fields;
use super::host::is_host_value;
use super::lines::Lines;
use super::start_line::{RequestLine, StatusLine};
use super::{Malformed, RequestHead, ResponseHead, Version, chars};

/// How many empty lines before a request are skipped. Old clients send one after a body.
const MAX_EMPTY_LINES: u8 = 4;

/// What a head may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    /// Bytes of the start line and all field lines together, the empty line at the end included.
    pub bytes: usize,
    /// Field lines.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, fields: 128 }
    }
}

/// Decodes heads, one after another, from the front of a buffer. While a head is incomplete the caller only appends to
/// the buffer. After an error the decoder must not be used again.
#[derive(Debug)]
pub struct HeadDecoder {
    limits: HeadLimits,
    lines: Lines,
    empty_lines: u8,
    request_line: Option<RequestLine>,
    status_line: Option<StatusLine>,
    /// Where the field section begins, once the start line is complete.
    fields_at: usize,
    /// How many field lines are complete.
    fields: usize,
}

impl HeadDecoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            lines: Lines::new(),
            empty_lines: 0,
            request_line: None,
            status_line: None,
            fields_at: 0,
            fields: 0,
        }
    }

    /// Takes a request's head off the front of `buf`; `None` while it is incomplete. Empty lines before it are skipped
    /// (RFC 9112 section 2.2).
    ///
    /// # Errors
    /// As soon as the bytes cannot become an acceptable head.
    pub fn request(&mut self, buf: &mut BytesMut) -> Result<Option<RequestHead>, Malformed> {
        if self.request_line.is_none() {
            self.skip_empty_lines(buf)?;
            check_first_byte(buf)?;
            let Some(line) = self.start_line(buf)? else { return Ok(None) };
            self.request_line = Some(RequestLine::parse(line)?);
        }
        if !self.has_ended(buf)? {
            return Ok(None);
        }
        let Some(line) = self.request_line.take() else { return Ok(None) };
        let RequestLine { method, version, target, first } = line;
        if let Some(first) = first {
            buf[target.range().start] = first;
        }
        let (bytes, fields) = self.split(buf)?;
        check_host(version, &fields)?;
        Ok(Some(RequestHead { bytes, method, target, version, fields }))
    }

    /// Takes a response's head off the front of `buf`; `None` while it is incomplete.
    ///
    /// # Errors
    /// As soon as the bytes cannot become an acceptable head.
    pub fn response(&mut self, buf: &mut BytesMut) -> Result<Option<ResponseHead>, Malformed> {
        if self.status_line.is_none() {
            check_protocol_name(buf)?;
            let Some(line) = self.start_line(buf)? else { return Ok(None) };
            self.status_line = Some(StatusLine::parse(line)?);
        }
        if !self.has_ended(buf)? {
            return Ok(None);
        }
        let Some(line) = self.status_line.take() else { return Ok(None) };
        let StatusLine { version, status, reason } = line;
        let (bytes, fields) = self.split(buf)?;
        Ok(Some(ResponseHead { bytes, version, status, reason, fields }))
    }

    fn skip_empty_lines(&mut self, buf: &mut BytesMut) -> Result<(), Malformed> {
        while buf.starts_with(b"\r\n") {
            if self.empty_lines == MAX_EMPTY_LINES {
                return Err(Malformed::EmptyLines);
            }
            self.empty_lines += 1;
            buf.advance(2);
        }
        Ok(())
    }

    /// The start line, without its CRLF, as soon as it is complete.
    fn start_line<'a>(&mut self, buf: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let line = self.lines.next(buf, self.limits.bytes, Malformed::HeadTooLarge)?;
        self.fields_at = self.lines.position();
        Ok(line.map(|line| &buf[line]))
    }

    /// Goes on over the field lines; whether the empty line after them was found.
    fn has_ended(&mut self, buf: &[u8]) -> Result<bool, Malformed> {
        while let Some(line) = self.lines.next(buf, self.limits.bytes, Malformed::HeadTooLarge)? {
            if line.is_empty() {
                return Ok(true);
            }
            self.fields += 1;
            if self.fields > self.limits.fields {
                return Err(Malformed::TooManyFields);
            }
        }
        Ok(false)
    }

    /// Takes the complete head out of `buf`, and starts over.
    fn split(&mut self, buf: &mut BytesMut) -> Result<(Bytes, Fields), Malformed> {
        let bytes = buf.split_to(self.lines.position()).freeze();
        let fields = Fields::lex(bytes.clone(), self.fields_at, self.fields)?;
        *self = Self::new(self.limits);
        Ok((bytes, fields))
    }
}

/// A method begins with the first byte of a token; neither a TLS hello nor most rubbish does.
fn check_first_byte(buf: &[u8]) -> Result<(), Malformed> {
    match buf {
        [] | [b'\r'] => Ok(()),
        [b'\r', ..] => Err(Malformed::BareCr),
        [b'\n', ..] => Err(Malformed::BareLf),
        [byte, ..] if chars::is_token_byte(*byte) => Ok(()),
        _ => Err(Malformed::NotHttp),
    }
}

/// Each byte that has come agrees with the beginning of every status line.
fn check_protocol_name(buf: &[u8]) -> Result<(), Malformed> {
    let name = b"HTTP/";
    let length = name.len().min(buf.len());
    if buf[..length] == name[..length] { Ok(()) } else { Err(Malformed::NotHttp) }
}

/// RFC 9112 section 3.2: HTTP/1.1 has exactly one, HTTP/1.0 at most one.
fn check_host(version: Version, fields: &Fields) -> Result<(), Malformed> {
    let mut hosts = fields.get_all("host");
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::Http11 => Err(Malformed::HostMissing),
        (None, _) => Ok(()),
        (_, Some(_)) => Err(Malformed::HostRepeated),
        (Some(host), None) if is_host_value(host) => Ok(()),
        (Some(_), None) => Err(Malformed::HostValue),
    }
}
