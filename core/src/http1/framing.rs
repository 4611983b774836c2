//! Where a message's body ends (RFC 9112 section 6.3), read from its head. Where two readers could find different ends
//! the message is refused, in both directions and also when it has no body: a proxy that guesses is how requests are
//! smuggled. It never looks at a body.

use http::{Method, StatusCode};

use super::{Fields, Malformed, RequestHead, ResponseHead, Version};

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes. Never zero: that is [`Framing::Empty`].
    Length(u64),
    /// Chunked transfer coding (RFC 9112 section 7.1), with trailers possible.
    Chunked,
    /// Everything until the connection closes; responses only.
    UntilClose,
}

/// The framing of a request's body.
///
/// # Errors
/// When lengths or codings contradict each other, or could be read in two ways.
pub fn request_framing(head: &RequestHead) -> Result<Framing, Malformed> {
    Ok(match announced(head.version(), head.fields())? {
        Announced::Nothing | Announced::Length(0) => Framing::Empty,
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
    })
}

/// The framing of the body of a response to `method`. Interim responses have none.
///
/// A status that forbids content must not announce any: whoever sends it does not agree with us on where the response
/// ends. A `Content-Length: 0` says the truth and is harmless. A 205 has no content either, but unlike a 204 it is
/// framed like any other response (RFC 9110 section 15.3.6, RFC 9112 section 6.3), so only a length is refused.
///
/// # Errors
/// When lengths or codings contradict each other, or could be read in two ways.
pub fn response_framing(method: &Method, head: &ResponseHead) -> Result<Framing, Malformed> {
    let announced = announced(head.version(), head.fields())?;
    match (head.status().as_u16(), announced) {
        (100..=199 | 204, Announced::Nothing | Announced::Length(0)) => return Ok(Framing::Empty),
        (100..=199 | 204, _) | (205, Announced::Length(1..)) => return Err(Malformed::ContentForbidden),
        _ => {}
    }
    if *method == Method::HEAD || head.status() == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Empty);
    }
    Ok(match announced {
        Announced::Nothing => Framing::UntilClose,
        Announced::Length(0) => Framing::Empty,
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
    })
}

/// What the fields say about the body.
#[derive(Clone, Copy)]
enum Announced {
    Nothing,
    Length(u64),
    Chunked,
}

fn announced(version: Version, fields: &Fields) -> Result<Announced, Malformed> {
    let mut length = None;
    let mut chunked = false;
    for field in fields.iter() {
        if field.is("content-length") {
            if length.replace(parse_length(field.value)?).is_some() {
                return Err(Malformed::ContentLengthRepeated);
            }
        } else if field.is("transfer-encoding") {
            if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferEncoding);
            }
            chunked = true;
        }
    }
    match (chunked, length) {
        (true, _) if version == Version::Http10 => Err(Malformed::TransferEncodingInHttp10),
        (true, Some(_)) => Err(Malformed::LengthAndCoding),
        (true, None) => Ok(Announced::Chunked),
        (false, Some(length)) => Ok(Announced::Length(length)),
        (false, None) => Ok(Announced::Nothing),
    }
}

/// `1*DIGIT`, nothing else. The grammar allows leading zeros, but some readers take `010` for eight, so only a lone
/// zero may begin with one.
fn parse_length(value: &[u8]) -> Result<u64, Malformed> {
    if value.is_empty() || (value.starts_with(b"0") && value != b"0") {
        return Err(Malformed::ContentLength);
    }
    value
        .iter()
        .try_fold(0u64, |length, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            length.checked_mul(10)?.checked_add(digit)
        })
        .ok_or(Malformed::ContentLength)
}
