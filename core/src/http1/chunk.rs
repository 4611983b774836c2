//! The line before each chunk's data (RFC 9112 section 7.1): its size and its extensions. Extensions are checked
//! against their grammar and dropped, as section 7.1.1 asks of a recipient that knows none of them.

use super::Malformed;
use super::chars::is_token_byte;

/// More digits than a `u64` needs are refused, even if the leading ones are zeros.
const MAX_DIGITS: usize = 16;

/// A chunk-size line (`1a\r\n`) in a small buffer of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkHeader {
    bytes: [u8; 18],
    len: u8,
}

impl ChunkHeader {
    /// The line for a chunk of `len` bytes. The one for zero begins the last chunk.
    #[must_use]
    pub const fn new(len: usize) -> Self {
        let digits = if len == 0 { 1 } else { (usize::BITS - len.leading_zeros()).div_ceil(4) as usize };
        let mut bytes = [0; 18];
        let mut at = 0;
        while at < digits {
            bytes[at] = b"0123456789abcdef"[(len >> (4 * (digits - 1 - at))) & 0xf];
            at += 1;
        }
        bytes[digits] = b'\r';
        bytes[digits + 1] = b'\n';
        Self { bytes, len: digits as u8 + 2 }
    }

    /// The line's bytes, CRLF included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The size in a chunk-size line that holds no control byte and not its CRLF.
pub(super) fn parse_size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > MAX_DIGITS {
        return Err(Malformed::ChunkSize);
    }
    let (size, extensions) = line.split_at(digits);
    check_extensions(extensions)?;
    Ok(size.iter().fold(0, |size, digit| (size << 4) | u64::from(hex_value(*digit))))
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`. Bad whitespace must be accepted where the grammar
/// has it (RFC 9110 section 5.6.3), so not at the end of the line, nor after a size without extensions.
fn check_extensions(mut rest: &[u8]) -> Result<(), Malformed> {
    if !rest.is_empty() && !rest.trim_ascii_start().starts_with(b";") {
        return Err(Malformed::ChunkSize);
    }
    while !rest.is_empty() {
        rest = after_extension(rest).ok_or(Malformed::ChunkExtension)?;
    }
    Ok(())
}

/// What follows the first extension in `rest`.
fn after_extension(rest: &[u8]) -> Option<&[u8]> {
    let rest = after_token(rest.trim_ascii_start().strip_prefix(b";")?.trim_ascii_start())?;
    match rest.trim_ascii_start().strip_prefix(b"=") {
        Some(value) => match value.trim_ascii_start() {
            [b'"', quoted @ ..] => after_quoted(quoted),
            value => after_token(value),
        },
        None => Some(rest),
    }
}

fn after_token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take_while(|byte| is_token_byte(**byte)).count();
    (length > 0).then(|| &bytes[length..])
}

/// What follows a `quoted-string` (RFC 9110 section 5.6.4) whose opening quote is gone. It must close on its line.
fn after_quoted(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', _, rest @ ..] => rest,
            [b'\\'] | [] => return None,
            [_, rest @ ..] => rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_header_is_the_size_in_hexadecimal_and_crlf() {
        for (len, line) in [(0, "0\r\n"), (9, "9\r\n"), (10, "a\r\n"), (16, "10\r\n"), (0xfff, "fff\r\n")] {
            assert_eq!(ChunkHeader::new(len).as_bytes(), line.as_bytes());
        }
        assert_eq!(ChunkHeader::new(usize::MAX).as_bytes(), format!("{:x}\r\n", usize::MAX).as_bytes());
    }
}
