//! Reading of a provider's base URL, `https://host[:port][/path]` (RFC 3986 section 3), strictly: what two programs
//! could read as two places is refused.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use super::{BaseUrl, Scheme};

/// Why a text is no base URL. No variant carries the text: it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BaseUrlError {
    /// Neither `http://` nor `https://`.
    #[error("a base URL begins with https:// or http://")]
    Scheme,
    /// `user@` or `user:password@`.
    #[error("a base URL cannot carry a user name or a password")]
    UserInfo,
    /// A `?`.
    #[error("a base URL cannot have a query")]
    Query,
    /// A `#`.
    #[error("a base URL cannot have a fragment")]
    Fragment,
    /// No host, or none that is a name or an address.
    #[error("a base URL needs a host: an ASCII name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// Not 1 to 65535.
    #[error("the port of a base URL is a number from 1 to 65535")]
    Port,
    /// A character that a path cannot have, or a broken percent-encoding.
    #[error("the path of a base URL has visible ASCII characters only, others percent-encoded")]
    Path,
    /// A segment that is `.` or `..` in any spelling, or empty.
    #[error("the path of a base URL cannot have empty segments, nor the segments . and ..")]
    Segment,
}

impl BaseUrl {
    /// Reads a base URL. Scheme and host may be in either case and are lowered; slashes at the end are dropped.
    ///
    /// # Errors
    /// [`BaseUrlError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let (scheme, rest) = split_scheme(text)?;
        if rest.contains('?') {
            return Err(BaseUrlError::Query);
        }
        if rest.contains('#') {
            return Err(BaseUrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let (host, shown) = parse_host(host)?;
        let port = match port {
            Some(text) => parse_port(text)?,
            None => scheme.default_port(),
        };
        let authority = if port == scheme.default_port() { shown } else { format!("{shown}:{port}") };
        let path_prefix = path.trim_end_matches('/').to_owned();
        check_path(&path_prefix)?;
        Ok(Self { scheme, host, port, authority, path_prefix })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.path_prefix)
    }
}

impl Scheme {
    /// The port where the URL names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), BaseUrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok((Scheme::Http, rest)),
        "https" => Ok((Scheme::Https, rest)),
        _ => Err(BaseUrlError::Scheme),
    }
}

/// The host, brackets included, and the port's text if there is a colon after it.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<&str>), BaseUrlError> {
    let host_end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(BaseUrlError::Host),
    }
}

pub(super) fn parse_port(text: &str) -> Result<u16, BaseUrlError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().unwrap_or(0) } else { 0 };
    if port == 0 { Err(BaseUrlError::Port) } else { Ok(port) }
}

/// The host to connect to, and as it is written in a URL.
pub(super) fn parse_host(text: &str) -> Result<(String, String), BaseUrlError> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr =
            inner.strip_suffix(']').and_then(|inner| inner.parse().ok()).ok_or(BaseUrlError::Host)?;
        return Ok((address.to_string(), format!("[{address}]")));
    }
    let host = text.to_ascii_lowercase();
    let labels_fit = host.len() <= 253 && host.split('.').all(is_label);
    // A name whose last label is a number is what some programs take for an IPv4 address in another spelling, so it
    // has to be one in the usual spelling.
    let numeric = host.rsplit('.').next().is_some_and(looks_numeric);
    if !labels_fit || (numeric && host.parse::<Ipv4Addr>().is_err()) {
        return Err(BaseUrlError::Host);
    }
    Ok((host.clone(), host))
}

/// A label of a host name (RFC 1123 section 2.1). The underscore is no part of that rule, but container networks use
/// it in names.
pub(super) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn looks_numeric(label: &str) -> bool {
    let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || (!label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()))
}

fn check_path(path: &str) -> Result<(), BaseUrlError> {
    path.split('/').skip(1).try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), BaseUrlError> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => encoded_byte(bytes.next(), bytes.next())?,
            _ if is_path_byte(byte) => byte,
            _ => return Err(BaseUrlError::Path),
        });
    }
    match decoded.as_slice() {
        b"" | b"." | b".." => Err(BaseUrlError::Segment),
        decoded if decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0..=0x1f | 0x7f)) => Err(BaseUrlError::Path),
        _ => Ok(()),
    }
}

fn encoded_byte(high: Option<u8>, low: Option<u8>) -> Result<u8, BaseUrlError> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let value = digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low);
    value.and_then(|value| u8::try_from(value).ok()).ok_or(BaseUrlError::Path)
}

/// A byte of a path segment as it stands (`pchar`, RFC 3986 section 3.3).
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_base_url_has_its_parts() {
        for (text, host, port, authority, prefix) in [
            ("https://api.openai.com", "api.openai.com", 443, "api.openai.com", ""),
            ("https://api.openai.com/", "api.openai.com", 443, "api.openai.com", ""),
            ("HTTPS://API.Example.COM:443/v1/", "api.example.com", 443, "api.example.com", "/v1"),
            ("https://example.com:8443/a/b//", "example.com", 8443, "example.com:8443", "/a/b"),
            ("http://localhost:80", "localhost", 80, "localhost", ""),
            ("http://127.0.0.1:11434", "127.0.0.1", 11434, "127.0.0.1:11434", ""),
            ("http://[::1]", "::1", 80, "[::1]", ""),
            ("https://[2001:DB8:0:0::1]:9000/x", "2001:db8::1", 9000, "[2001:db8::1]:9000", "/x"),
            ("https://my_host/%7Euser/a:b", "my_host", 443, "my_host", "/%7Euser/a:b"),
        ] {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            assert_eq!((url.authority.as_str(), url.path_prefix.as_str()), (authority, prefix), "{text}");
        }
    }

    #[test]
    fn what_is_no_base_url_says_why() {
        for (text, error) in [
            ("", BaseUrlError::Scheme),
            ("api.openai.com", BaseUrlError::Scheme),
            ("ftp://example.com", BaseUrlError::Scheme),
            (" https://example.com", BaseUrlError::Scheme),
            ("https:/example.com", BaseUrlError::Scheme),
            ("https://me:secret@example.com", BaseUrlError::UserInfo),
            ("https://example.com@evil.example/", BaseUrlError::UserInfo),
            ("https://example.com/?key=1", BaseUrlError::Query),
            ("https://example.com#top", BaseUrlError::Fragment),
            ("https://", BaseUrlError::Host),
            ("https:///path", BaseUrlError::Host),
            ("https://exa mple.com", BaseUrlError::Host),
            ("https://ex\u{e4}mple.com", BaseUrlError::Host),
            ("https://example..com", BaseUrlError::Host),
            ("https://example.com.", BaseUrlError::Host),
            ("https://-example.com", BaseUrlError::Host),
            ("https://exa%6dple.com", BaseUrlError::Host),
            ("https://example.com\\@evil", BaseUrlError::UserInfo),
            ("https://127.1", BaseUrlError::Host),
            ("https://2130706433", BaseUrlError::Host),
            ("https://0x7f.0x1", BaseUrlError::Host),
            ("https://1.2.3.256", BaseUrlError::Host),
            ("https://::1", BaseUrlError::Host),
            ("https://[::1", BaseUrlError::Host),
            ("https://[::1]x", BaseUrlError::Host),
            ("https://[fe80::1%25eth0]", BaseUrlError::Host),
            ("https://example.com:", BaseUrlError::Port),
            ("https://example.com:0", BaseUrlError::Port),
            ("https://example.com:65536", BaseUrlError::Port),
            ("https://example.com:+80", BaseUrlError::Port),
            ("https://example.com:80:80", BaseUrlError::Port),
            ("https://example.com/a b", BaseUrlError::Path),
            ("https://example.com/\u{e4}", BaseUrlError::Path),
            ("https://example.com/a\\b", BaseUrlError::Path),
            ("https://example.com/%2", BaseUrlError::Path),
            ("https://example.com/%zz", BaseUrlError::Path),
            ("https://example.com/a%2fb", BaseUrlError::Path),
            ("https://example.com/%00", BaseUrlError::Path),
            ("https://example.com/a//b", BaseUrlError::Segment),
            ("https://example.com/./a", BaseUrlError::Segment),
            ("https://example.com/a/..", BaseUrlError::Segment),
            ("https://example.com/%2e%2E/a", BaseUrlError::Segment),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_base_url_reads_as_itself(
            text in "(http|https)://([a-z]{1,9}(\\.[a-z]{1,3})?|\\[::[0-9a-f]{1,4}\\])(:[1-9][0-9]{0,3})?(/[a-z0-9.~]{1,6}){0,3}/?"
        ) {
            if let Ok(url) = BaseUrl::parse(&text) {
                prop_assert_eq!(BaseUrl::parse(&url.to_string()), Ok(url));
            }
        }

        #[test]
        fn any_text_has_an_answer(text in "(https?://)?\\PC{0,24}") {
            let _ = BaseUrl::parse(&text);
        }
    }
}
