//! Classes of bytes (RFC 9110 section 5.6). They decide what may stand in a line, never what it means.

/// The bytes of a token (RFC 9110 section 5.6.2).
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};

/// Whether a token may hold this byte.
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2), as methods and field names are. A name for which this holds is
/// safe to write.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// Whether `bytes` may stand as a field value (RFC 9110 section 5.5): no control byte but HTAB, so no CR, LF or NUL.
/// A value for which this holds is safe to write; whitespace around it is lost to the reader.
#[must_use]
pub fn is_field_value(bytes: &[u8]) -> bool {
    !has_control(bytes)
}

/// A control byte other than HTAB.
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Whether a control byte other than HTAB is among `bytes`. It looks at all of them: without an early way out the
/// compiler makes this a loop over vectors.
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | is_control(*byte))
}

/// Visible ASCII: what a request target may hold.
pub(super) fn is_visible(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |fine, byte| fine & byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_or_more_of_the_bytes_that_the_rfc_lists() {
        let listed: Vec<u8> = (0..=255).filter(|byte| is_token(&[*byte])).collect();
        assert_eq!(
            listed.escape_ascii().to_string(),
            "!#$%&\\'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"
        );
        assert!(!is_token(b""));
        assert!(!is_token(b"two words"));
    }

    #[test]
    fn a_field_value_holds_everything_but_controls() {
        assert!(is_field_value(b""));
        assert!(is_field_value(b"a\tb \xc3\xa9~"));
        for byte in (0..0x20).chain([0x7f]).filter(|byte| *byte != b'\t') {
            assert!(!is_field_value(&[b'a', byte, b'b']), "{byte}");
        }
    }
}
