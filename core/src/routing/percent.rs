//! Percent-encoding (RFC 3986 section 2.1): decodes a text once. What a decoded byte may be is the caller's rule.

use std::borrow::Cow;

/// What follows a percent sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Triplet {
    /// Two hex digits, and the byte that they say.
    Byte(u8),
    /// Anything else.
    Broken,
}

/// Decodes `text`, asking `check` about each byte that was encoded. `None` if an encoding is broken or the result is
/// not UTF-8; borrowed if nothing was encoded.
pub(super) fn decode<E>(text: &str, check: impl Fn(u8) -> Result<(), E>) -> Result<Option<Cow<'_, str>>, E> {
    let Some(first) = text.find('%') else {
        return Ok(Some(Cow::Borrowed(text)));
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    decoded.extend_from_slice(&rest[..first]);
    rest = &rest[first..];
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = after;
            continue;
        }
        let Triplet::Byte(said) = triplet(after) else {
            return Ok(None);
        };
        check(said)?;
        decoded.push(said);
        rest = &after[2..];
    }
    Ok(String::from_utf8(decoded).ok().map(Cow::Owned))
}

/// Every percent sign in `text`, as what follows it.
pub(super) fn triplets(text: &str) -> impl Iterator<Item = Triplet> {
    text.as_bytes().split(|byte| *byte == b'%').skip(1).map(triplet)
}

/// Reads the two bytes after a percent sign.
fn triplet(after: &[u8]) -> Triplet {
    let digit = |at: usize| {
        after.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    match (digit(0), digit(1)) {
        (Some(high), Some(low)) => Triplet::Byte(high << 4 | low),
        _ => Triplet::Broken,
    }
}
