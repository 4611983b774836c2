//! Which origins may use a provider from a browser: how one is written in the providers file, and whether a request
//! comes from one of them (RFC 6454 sections 4, 6.2 and 7).
//!
//! What is listed is kept as browsers write it, so that comparing is comparing bytes: nothing that a client sends is
//! lowered, decoded or cut before it is compared. It never refuses and never writes a field.

use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use super::base_url::{is_label, parse_host, parse_port, split_port};
use crate::http1::Fields;

/// Why a text is no origin that can be listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum OriginError {
    /// `null`, which every sandboxed frame and local file sends.
    #[error("null cannot be listed: it is the origin of every sandboxed frame and every local file")]
    Null,
    /// No `://`, or no scheme before it.
    #[error("an origin begins with a scheme: write it like https://app.example.com")]
    Scheme,
    /// `user@` or `user:password@`.
    #[error("an origin has no user name and no password: write it like https://app.example.com")]
    UserInfo,
    /// Something after the host and port, be it one slash.
    #[error("an origin ends with its host or port, without a slash or path: write it like https://app.example.com")]
    Path,
    /// No host, or none that is a name or an address.
    #[error(
        "an origin needs a host: an ASCII name (an international one in its xn-- form), an IPv4 address, or an IPv6 \
         address in brackets"
    )]
    Host,
    /// Not 1 to 65535.
    #[error("the port of an origin is a number from 1 to 65535")]
    Port,
    /// A `*` anywhere but as the whole first label of a name.
    #[error("a wildcard stands for the labels before a name: write it like https://*.example.com")]
    Wildcard,
}

/// The origins that a provider lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origins {
    /// `*`: all of them.
    Any,
    /// Those that one of these describes.
    Listed(Vec<OriginPattern>),
}

/// One line of such a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginPattern(Pattern);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Pattern {
    /// As browsers send it.
    Exact(String),
    /// Every name below one: what stands before its labels (`https://`), and what after them (`.example.com:8443`).
    Below { before: String, after: String },
}

/// What a request's `Origin` fields say, against a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing<'a> {
    /// There is none: no browser asks for a script of another origin.
    NoOrigin,
    /// There is one, and it is listed. The bytes are visible ASCII.
    Listed(&'a [u8]),
    /// It is not listed, or empty, or there are several.
    NotListed,
}

impl Origins {
    /// Where a request stands.
    #[must_use]
    pub fn judge<'a>(&self, fields: &'a Fields) -> Standing<'a> {
        let mut origins = fields.get_all("origin");
        match (origins.next(), origins.next()) {
            (None, _) => Standing::NoOrigin,
            (Some(origin), None) if self.contain(origin) => Standing::Listed(origin),
            (Some(_), _) => Standing::NotListed,
        }
    }

    /// Whether this is one of them.
    fn contain(&self, origin: &[u8]) -> bool {
        match self {
            Self::Any => !origin.is_empty() && origin.iter().all(u8::is_ascii_graphic),
            Self::Listed(patterns) => patterns.iter().any(|pattern| pattern.matches(origin)),
        }
    }
}

impl OriginPattern {
    /// Reads `scheme://host[:port]`, where a name may begin with `*.` for every name below the rest, however deep, as in
    /// a content security policy (CSP Level 3, section 6.7.2.8). Scheme and host are lowered and the scheme's default
    /// port is dropped, as browsers do (RFC 6454 section 6.2).
    ///
    /// # Errors
    /// [`OriginError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case("null") {
            return Err(OriginError::Null);
        }
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = lower_scheme(scheme)?;
        if rest.contains('@') {
            return Err(OriginError::UserInfo);
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(OriginError::Path);
        }
        let (host, port) = split_port(rest).map_err(|_| OriginError::Host)?;
        let below = host.strip_prefix("*.");
        let name = shown_host(below.unwrap_or(host))?;
        let port = match port {
            None => String::new(),
            Some(port) => shown_port(&scheme, parse_port(port).map_err(|_| OriginError::Port)?),
        };
        let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        match below {
            None => Ok(Self(Pattern::Exact(format!("{scheme}://{name}{port}")))),
            Some(_) if is_address => Err(OriginError::Wildcard),
            Some(_) => Ok(Self(Pattern::Below { before: format!("{scheme}://"), after: format!(".{name}{port}") })),
        }
    }

    fn matches(&self, origin: &[u8]) -> bool {
        match &self.0 {
            Pattern::Exact(listed) => origin == listed.as_bytes(),
            Pattern::Below { before, after } => {
                let rest = origin.strip_prefix(before.as_bytes());
                rest.and_then(|rest| rest.strip_suffix(after.as_bytes())).is_some_and(are_lowered_labels)
            }
        }
    }
}

/// A scheme (RFC 3986 section 3.1), lowered. Not only those of the web: programs that show pages of their own, and
/// browser extensions, have origins with schemes of theirs.
fn lower_scheme(text: &str) -> Result<String, OriginError> {
    let scheme = text.to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(fits) {
        Ok(scheme)
    } else {
        Err(OriginError::Scheme)
    }
}

fn shown_port(scheme: &str, port: u16) -> String {
    match (scheme, port) {
        ("http", 80) | ("https", 443) => String::new(),
        (_, port) => format!(":{port}"),
    }
}

fn shown_host(text: &str) -> Result<String, OriginError> {
    if text.contains('*') {
        return Err(OriginError::Wildcard);
    }
    let (host, shown) = parse_host(text).map_err(|_| OriginError::Host)?;
    // Browsers write such an address in hexadecimal throughout (WHATWG URL, section 3.5).
    let mapped = host.parse::<Ipv6Addr>().ok().filter(|address| address.to_ipv4_mapped().is_some());
    Ok(mapped.map_or(shown, |address| {
        let [.., high, low] = address.segments();
        format!("[::ffff:{high:x}:{low:x}]")
    }))
}

/// Whether these are labels of a name, as browsers write them.
fn are_lowered_labels(bytes: &[u8]) -> bool {
    let lowered = !bytes.iter().any(u8::is_ascii_uppercase);
    lowered && std::str::from_utf8(bytes).is_ok_and(|labels| labels.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(texts: &[&str]) -> Origins {
        Origins::Listed(texts.iter().map(|text| OriginPattern::parse(text).expect(text)).collect())
    }

    fn stands(origins: &Origins, lines: &[&str]) -> bool {
        let lines: Vec<_> = lines.iter().map(|value| ("Origin", *value)).collect();
        matches!(origins.judge(&Fields::for_tests(&lines)), Standing::Listed(_))
    }

    #[test]
    fn what_is_listed_is_kept_as_browsers_write_it() {
        for (text, shown) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.COM", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80", "http://app.example.com"),
            ("http://app.example.com:443", "http://app.example.com:443"),
            ("https://app.example.com:80", "https://app.example.com:80"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:03000", "http://localhost:3000"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
            ("http://[2001:DB8::0:1]", "http://[2001:db8::1]"),
            ("http://[::ffff:192.0.2.7]", "http://[::ffff:c000:207]"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ] {
            assert_eq!(OriginPattern::parse(text), Ok(OriginPattern(Pattern::Exact(shown.to_owned()))), "{text}");
            assert!(stands(&listed(&[text]), &[shown]), "{text}");
        }
    }

    #[test]
    fn what_no_browser_would_send_cannot_be_listed() {
        for (text, error) in [
            ("null", OriginError::Null),
            ("NULL", OriginError::Null),
            ("", OriginError::Scheme),
            ("app.example.com", OriginError::Scheme),
            ("//app.example.com", OriginError::Scheme),
            ("://app.example.com", OriginError::Scheme),
            ("1http://app.example.com", OriginError::Scheme),
            ("ht tp://app.example.com", OriginError::Scheme),
            ("*://app.example.com", OriginError::Scheme),
            ("https:app.example.com", OriginError::Scheme),
            ("https://me@app.example.com", OriginError::UserInfo),
            ("https://app.example.com/", OriginError::Path),
            ("https://app.example.com/chat", OriginError::Path),
            ("https://app.example.com?a", OriginError::Path),
            ("https://app.example.com#a", OriginError::Path),
            ("https://app.example.com\\", OriginError::Path),
            ("https://", OriginError::Host),
            ("https://:443", OriginError::Host),
            ("https://app..example.com", OriginError::Host),
            ("https://app.example.com.", OriginError::Host),
            ("https:// app.example.com", OriginError::Host),
            ("https://bücher.example", OriginError::Host),
            ("https://127.1", OriginError::Host),
            ("https://[::1", OriginError::Host),
            ("https://[::1]x", OriginError::Host),
            ("https://a.example,https://b.example", OriginError::Path),
            ("https://app.example.com:", OriginError::Port),
            ("https://app.example.com:0", OriginError::Port),
            ("https://app.example.com:65536", OriginError::Port),
            ("https://app.example.com:+1", OriginError::Port),
            ("https://app.example.com:*", OriginError::Port),
            ("https://*", OriginError::Wildcard),
            ("https://*example.com", OriginError::Wildcard),
            ("https://app.*.example.com", OriginError::Wildcard),
            ("https://*.*.example.com", OriginError::Wildcard),
            ("https://*.192.0.2.7", OriginError::Wildcard),
            ("https://*.[::1]", OriginError::Wildcard),
            ("https://*.", OriginError::Host),
        ] {
            assert_eq!(OriginPattern::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_origin_matches_only_byte_for_byte() {
        let origins = listed(&["https://app.example.com", "http://localhost:3000"]);
        assert!(stands(&origins, &["https://app.example.com"]) && stands(&origins, &["http://localhost:3000"]));
        for origin in [
            "http://app.example.com",
            "https://app.example.com.evil.test",
            "https://app.example.com:443",
            "https://app.example.com:8443",
            "https://app.example.com/",
            "https://app.example.co",
            "https://app.example.com%00",
            "https://app.example.com@evil.test",
            "https://evil.test/https://app.example.com",
            "https://evilapp.example.com",
            "https://xapp.example.com",
            "https://APP.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com https://evil.test",
            "https://app.example.com, https://evil.test",
            "http://localhost",
            "http://localhost:30000",
            "null",
            "*",
            "",
        ] {
            assert!(!stands(&origins, &[origin]), "{origin}");
        }
    }

    #[test]
    fn a_name_in_two_alphabets_is_two_origins() {
        // The second is written with a Cyrillic letter, which browsers send in its xn-- form.
        let origins = listed(&["https://apple.example"]);
        assert!(!stands(&origins, &["https://xn--pple-43d.example"]));
        assert!(!stands(&origins, &["https://аpple.example"]));
    }

    #[test]
    fn a_wildcard_matches_every_name_below_and_nothing_else() {
        let origins = listed(&["https://*.Example.com", "http://*.localhost:3000"]);
        for origin in ["https://app.example.com", "https://a.b-c.xn--bcher-kva.example.com", "http://a.localhost:3000"]
        {
            assert!(stands(&origins, &[origin]), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://appexample.com",
            "https://evil.test/.example.com",
            "https://evil.test#.example.com",
            "https://evil.test:1.example.com",
            "https://me@a.example.com",
            "https://-a.example.com",
            "https://a.example.com:8443",
            "https://A.example.com",
            "https://*.example.com",
            "https://app.example.com.evil.test",
            "http://app.example.com",
            "http://a.localhost",
        ] {
            assert!(!stands(&origins, &[origin]), "{origin}");
        }
    }

    #[test]
    fn several_origins_or_an_empty_one_are_not_listed_even_where_all_are() {
        for origins in [listed(&["https://a.example"]), Origins::Any] {
            assert!(stands(&origins, &["https://a.example"]));
            for lines in [&["https://a.example", "https://a.example"][..], &[""], &["", "https://a.example"], &["a b"]]
            {
                assert!(!stands(&origins, lines), "{lines:?}");
            }
            assert_eq!(origins.judge(&Fields::default()), Standing::NoOrigin);
        }
    }

    #[test]
    fn where_all_are_listed_null_is_too() {
        assert!(stands(&Origins::Any, &["null"]) && stands(&Origins::Any, &["app://."]));
    }

    proptest! {
        #[test]
        fn an_origin_is_listed_in_one_way_and_comes_in_that_way(
            text in prop_oneof!["\\PC{0,40}", "(?i)(https?|app)://(\\*\\.)?[a-z0-9.-]{1,12}(:[0-9]{1,5})?"],
        ) {
            let Ok(pattern) = OriginPattern::parse(&text) else { return Ok(()) };
            let shown = match &pattern.0 {
                Pattern::Exact(shown) => shown.clone(),
                Pattern::Below { before, after } => format!("{before}*{after}"),
            };
            prop_assert_eq!(OriginPattern::parse(&shown), Ok(pattern.clone()));
            let sent = shown.replace('*', "a.b");
            prop_assert!(pattern.matches(sent.as_bytes()), "{}", sent);
            prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{}", sent);
            for other in [format!("{sent}."), format!("{sent}/"), format!("x{sent}"), format!("{sent}.evil.test")] {
                prop_assert!(!pattern.matches(other.as_bytes()), "{}", other);
            }
        }
    }
}
