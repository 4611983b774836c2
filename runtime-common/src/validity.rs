//! When a certificate is valid, for a warning: a walk over the first fields of its DER (RFC 5280 section 4.1) to the two
//! times. It judges nothing else of it; a certificate that does not read so far has no times here.

use llm_proxy_core::time::Timestamp;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From when to when a certificate is valid, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Validity {
    /// That of a certificate in DER.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = expect(SEQUENCE, certificate)?;
        let (to_be_signed, _) = expect(SEQUENCE, certificate)?;
        let after_version = match element(to_be_signed)? {
            (VERSION, _, rest) => rest,
            _ => to_be_signed,
        };
        let (_serial, _, rest) = element(after_version)?;
        let (_algorithm, _, rest) = element(rest)?;
        let (_issuer, _, rest) = element(rest)?;
        let (validity, _) = expect(SEQUENCE, rest)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self { not_before, not_after })
    }
}

/// The tag and the content of the first element, and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of the first element, which must be of that kind, and what is behind it.
fn expect(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == wanted).then_some((content, rest))
}

/// A time as RFC 5280 section 4.1.2.5 wants it: in UTC, with seconds. Two digits of a year are those of 1950 to 2049.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, content, rest) = element(der)?;
    let text = std::str::from_utf8(content).ok()?;
    let full = match tag {
        UTC_TIME if text.len() == 13 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        GENERALIZED_TIME if text.len() == 15 => text.to_owned(),
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| full.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second, zone) = (part(8..10)?, part(10..12)?, part(12..14)?, part(14..15)?);
    let at = Timestamp::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"))?;
    Some((at, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    /// The beginning of a certificate with that validity, as far as is read.
    fn certificate(version: &[u8], validity: &[u8]) -> Vec<u8> {
        let mut fields = version.to_vec();
        fields.extend(b"\x02\x01\x07\x30\x00\x30\x00");
        fields.extend([SEQUENCE, u8::try_from(validity.len()).unwrap()]);
        fields.extend(validity);
        let mut signed = vec![SEQUENCE, 0x81, u8::try_from(fields.len()).unwrap()];
        signed.extend(fields);
        let mut whole = vec![SEQUENCE, 0x82, 0, u8::try_from(signed.len()).unwrap()];
        whole.extend(signed);
        whole
    }

    #[test]
    fn both_forms_of_time_are_read_with_and_without_a_version() {
        for version in [&b""[..], b"\xa0\x03\x02\x01\x02"] {
            let der = certificate(version, b"\x17\x0d491231235959Z\x18\x0f20500101000000Z");
            let validity = Validity::of(&der).unwrap();
            assert_eq!(validity.not_before, at("2049-12-31T23:59:59Z"));
            assert_eq!(validity.not_after, at("2050-01-01T00:00:00Z"));
        }
    }

    #[test]
    fn two_digits_from_fifty_are_of_the_last_century() {
        let der = certificate(b"", b"\x17\x0d500101000000Z\x17\x0d991231235959Z");
        let validity = Validity::of(&der).unwrap();
        assert_eq!((validity.not_before, validity.not_after), (at("1950-01-01T00:00:00Z"), at("1999-12-31T23:59:59Z")));
    }

    #[test]
    fn what_is_cut_anywhere_has_no_validity() {
        let der = certificate(b"\xa0\x03\x02\x01\x02", b"\x17\x0d490101000000Z\x17\x0d491231235959Z");
        assert!(Validity::of(&der).is_some());
        for end in 0..der.len() {
            assert_eq!(Validity::of(&der[..end]), None, "{end}");
        }
    }

    #[test]
    fn what_is_no_time_has_no_validity() {
        for validity in
            [&b"\x17\x0d491301000000Z\x17\x0d491231235959Z"[..], b"\x17\x0b4901010000Z\x02\x01\x07", b"\x05\x00"]
        {
            assert_eq!(Validity::of(&certificate(b"", validity)), None);
        }
    }
}
