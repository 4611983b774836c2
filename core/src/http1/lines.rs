//! Finds the lines of a head, a trailer section or a chunk header in a growing buffer. It decides where a line ends and
//! that no control byte is in it (RFC 9112 section 2.2); what a line says is not its matter. It looks at each byte
//! once, however the bytes arrive.

use std::ops::Range;

use memchr::memchr;

use super::Malformed;
use super::chars::{has_control, is_control};

/// A place in a buffer, relative to the front of what is being read there.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Lines {
    /// Where the line begins that is not complete yet.
    start: usize,
    /// Up to where it was looked at.
    seen: usize,
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self { start: 0, seen: 0 }
    }

    /// Up to where complete lines were found.
    pub(super) const fn position(self) -> usize {
        self.start
    }

    /// The next line that is complete, without its CRLF. All lines together, CRLFs included, must be within `limit`
    /// bytes, else `too_long` is the error.
    pub(super) fn next(
        &mut self,
        bytes: &[u8],
        limit: usize,
        too_long: Malformed,
    ) -> Result<Option<Range<usize>>, Malformed> {
        let bytes = &bytes[..bytes.len().min(limit)];
        let fresh = &bytes[self.seen.min(bytes.len())..];
        let Some(feed) = memchr(b'\n', fresh) else {
            let (rest, pending) = match fresh {
                [rest @ .., b'\r'] => (rest, 1),
                _ => (fresh, 0),
            };
            check(rest)?;
            self.seen = bytes.len() - pending;
            return if bytes.len() == limit { Err(too_long) } else { Ok(None) };
        };
        match &fresh[..feed] {
            [rest @ .., b'\r'] => check(rest)?,
            rest => {
                check(rest)?;
                return Err(Malformed::BareLf);
            }
        }
        let end = self.seen + feed;
        let line = self.start..end - 1;
        (self.start, self.seen) = (end + 1, end + 1);
        Ok(Some(line))
    }
}

/// Says what the first control byte in `bytes` is, if there is one.
fn check(bytes: &[u8]) -> Result<(), Malformed> {
    if !has_control(bytes) {
        return Ok(());
    }
    match bytes.iter().find(|byte| is_control(**byte)) {
        Some(b'\r') => Err(Malformed::BareCr),
        _ => Err(Malformed::ControlByte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(lines: &mut Lines, bytes: &[u8]) -> Result<Option<Range<usize>>, Malformed> {
        lines.next(bytes, 16, Malformed::HeadTooLarge)
    }

    #[test]
    fn lines_come_one_by_one_and_the_unfinished_one_waits() {
        let mut lines = Lines::new();
        assert_eq!(next(&mut lines, b"ab\r\n\r\nc\r"), Ok(Some(0..2)));
        assert_eq!(next(&mut lines, b"ab\r\n\r\nc\r"), Ok(Some(4..4)));
        assert_eq!(next(&mut lines, b"ab\r\n\r\nc\r"), Ok(None));
        assert_eq!(lines.position(), 6);
        assert_eq!(next(&mut lines, b"ab\r\n\r\nc\r\n"), Ok(Some(6..7)));
    }

    #[test]
    fn bytes_that_were_seen_are_not_looked_at_again() {
        let mut lines = Lines::new();
        assert_eq!(next(&mut lines, b"abc"), Ok(None));
        assert_eq!(next(&mut lines, b"\0\0\0d\r\n"), Ok(Some(0..4)));
    }

    #[test]
    fn a_cr_at_the_end_waits_for_its_lf() {
        let mut lines = Lines::new();
        assert_eq!(next(&mut lines, b"a\r"), Ok(None));
        assert_eq!(next(&mut lines, b"a\rb"), Err(Malformed::BareCr));
    }

    #[test]
    fn the_first_wrong_byte_gives_the_reason() {
        assert_eq!(next(&mut Lines::new(), b"a\rb\0\n"), Err(Malformed::BareCr));
        assert_eq!(next(&mut Lines::new(), b"a\0b\r\r\n"), Err(Malformed::ControlByte));
        assert_eq!(next(&mut Lines::new(), b"a\n\0"), Err(Malformed::BareLf));
        assert_eq!(next(&mut Lines::new(), b"a\r\r\n"), Err(Malformed::BareCr));
    }

    #[test]
    fn the_limit_counts_the_line_ends_and_is_exact() {
        assert_eq!(next(&mut Lines::new(), b"0123456789abcd\r\n"), Ok(Some(0..14)));
        assert_eq!(next(&mut Lines::new(), b"0123456789abcde\r\n"), Err(Malformed::HeadTooLarge));
        assert_eq!(next(&mut Lines::new(), b"0123456789abcdef"), Err(Malformed::HeadTooLarge));
        assert_eq!(next(&mut Lines::new(), b"0123456789abcde"), Ok(None));
    }
}
