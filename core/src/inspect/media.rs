//! Media types and the parameters that go with one (RFC 9110 section 8.3.1), read without any leniency: what is written
//! oddly may be read in two ways.

use crate::http1::is_token;

/// A field value such as `multipart/form-data; boundary=x`: what it names, and its parameters.
#[derive(Debug)]
pub(super) struct Parameterised<'a> {
    /// The type, or the disposition; as it came.
    pub(super) kind: &'a [u8],
    /// Names as they came, and values without their quotes.
    pub(super) params: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Parameterised<'a> {
    /// Reads a value; `None` if it is not of that form. Backslashes within quotes are kept, and none may stand before a
    /// quote: readers disagree on what that means.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let (kind, mut rest) = (value[..end].trim_ascii(), &value[end..]);
        let mut params = Vec::new();
        while let Some(after) = rest.strip_prefix(b";") {
            let after = after.trim_ascii_start();
            if after.is_empty() {
                // A semicolon at the end, which some clients write.
                rest = after;
                break;
            }
            let equals = after.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (&after[..equals], &after[equals + 1..]);
            let (value, after) = read_value(value)?;
            if !is_token(name) {
                return None;
            }
            params.push((name, value));
            rest = after.trim_ascii_start();
        }
        rest.is_empty().then_some(Self { kind, params })
    }

    /// The value of a parameter (its name without case): `Err` if it stands there twice, also if once as `name*` or
    /// `name*0` (RFC 2231), which not all readers know.
    pub(super) fn only(&self, name: &str) -> Result<Option<&'a [u8]>, ()> {
        let plain = |other: &[u8]| other.split(|byte| *byte == b'*').next().unwrap_or_default().to_ascii_lowercase();
        let mut found = self.params.iter().filter(|(other, _)| plain(other) == name.as_bytes());
        match (found.next(), found.next()) {
            (Some((other, _)), _) if other.contains(&b'*') => Err(()),
            (first, None) => Ok(first.map(|(_, value)| *value)),
            (_, Some(_)) => Err(()),
        }
    }

    /// Whether a charset is named that is not UTF-8 or a part of it.
    pub(super) fn has_odd_charset(&self) -> bool {
        match self.only("charset") {
            Ok(None) => false,
            Ok(Some(charset)) => {
                !["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name.as_bytes()))
            }
            Err(()) => true,
        }
    }
}

/// A token or a quoted text, and what follows it.
fn read_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        let end = bytes.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(bytes.len());
        return is_token(&bytes[..end]).then(|| bytes.split_at(end));
    };
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (value, after) = (&quoted[..end], &quoted[end + 1..]);
    if value.last() == Some(&b'\\') { None } else { Some((value, after)) }
}
