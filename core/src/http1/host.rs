//! Whether a host and port can be one (RFC 9110 section 7.2, RFC 3986 section 3.2). What host it is does not matter
//! here, and nothing is resolved.

use std::net::Ipv6Addr;

use memchr::memchr;

/// `uri-host [ ":" port ]`, as in `Host`. The empty value is one: a client whose URI has no authority must send it
/// (RFC 9112 section 3.2).
pub(super) fn is_host_value(value: &[u8]) -> bool {
    value.is_empty() || is_authority(value)
}

/// The same where a host must be: `http` URIs with an empty one are invalid (RFC 9110 section 4.2.1). User information
/// is refused (section 4.2.4), since `@` can be in no host.
pub(super) fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = match authority {
        [b'[', rest @ ..] => match memchr(b']', rest) {
            Some(end) if is_ipv6(&rest[..end]) => (&authority[..end + 2], &rest[end + 1..]),
            _ => return false,
        },
        _ => authority.split_at(memchr(b':', authority).unwrap_or(authority.len())),
    };
    is_port(port) && (host.starts_with(b"[") || is_reg_name(host))
}

/// Nothing, or a colon and a port; the port may be empty (RFC 3986 section 3.2.3) and otherwise has to fit TCP.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            digits.len() <= 5
                && digits.iter().all(u8::is_ascii_digit)
                && digits.iter().fold(0, |port, digit| port * 10 + u32::from(digit - b'0')) <= u32::from(u16::MAX)
        }
        _ => false,
    }
}

/// An IPv6 address. Zones and the `v`-forms of later versions are refused: nobody serves them.
fn is_ipv6(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// A name that is not empty, IPv4 addresses included (RFC 3986 section 3.2.2).
fn is_reg_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (byte, tail) if is_name_byte(*byte) => tail,
            _ => return false,
        };
    }
    !name.is_empty()
}

/// `unreserved` and `sub-delims` (RFC 3986 section 2).
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}
