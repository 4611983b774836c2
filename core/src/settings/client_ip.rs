//! Which address a request comes from: the peer's, or what trusted proxies in front of us said in `X-Forwarded-For`.
//!
//! A client can write anything into that field, and each proxy adds the address it saw at the right. So it is read from
//! the right, only as far as each hop is trusted; what an untrusted hop or a broken entry says is never believed.

use std::net::{IpAddr, SocketAddr};

use super::Networks;
use crate::http1::Fields;

/// The field that is read.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the first one, from the peer leftwards through all `X-Forwarded-For` lines, that is not a
/// trusted proxy's; the last one that could be read if all are trusted or an entry is malformed. An IPv4 address that
/// is mapped into IPv6 is given as IPv4.
#[must_use]
pub fn client_ip(peer: IpAddr, fields: &Fields, trusted: &Networks) -> IpAddr {
    let mut hop = peer.to_canonical();
    if !trusted.contains(hop) {
        return hop;
    }
    let lines: Vec<&[u8]> = fields.get_all(FORWARDED_FOR).collect();
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    for entry in entries {
        let Some(address) = address(entry) else { return hop };
        hop = address;
        if !trusted.contains(hop) {
            return hop;
        }
    }
    hop
}

/// An entry's address: IPv4 or IPv6, alone or with a port; IPv6 in brackets or not. A zone (`%eth0`) means nothing to
/// us and makes it malformed.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    if text.contains('%') {
        return None;
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inner) => inner.parse().ok().filter(IpAddr::is_ipv6)?,
        None => text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address for a peer and `X-Forwarded-For` lines, where `10.0.0.0/8` and `2001:db8::/32` are trusted.
    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = Networks::parse("10.0.0.0/8,2001:db8::/32").expect("a list");
        let lines: Vec<_> = lines.iter().map(|line| ("X-Forwarded-For", *line)).collect();
        client_ip(peer.parse().expect("an address"), &Fields::for_tests(&lines), &trusted).to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        assert_eq!(client("203.0.113.1", &["198.51.100.1"]), "203.0.113.1");
    }

    #[test]
    fn without_the_field_a_trusted_peer_is_the_client() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_first_untrusted_entry_from_the_right_is_the_client() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 203.0.113.7, 10.0.0.2"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["10.9.9.9, 203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1", "203.0.113.7", "10.0.0.3,10.0.0.2"]), "203.0.113.7");
    }

    #[test]
    fn if_all_are_trusted_the_leftmost_is_the_client() {
        assert_eq!(client("10.0.0.1", &["10.0.0.3", "10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn a_malformed_entry_ends_the_walk() {
        for broken in
            ["unknown", "", "10.0.0", "[10.0.0.9]", "10.0.0.9:", "10.0.0.9:99999", "[2001:db8::1", "fe80::1%1"]
        {
            assert_eq!(client("10.0.0.1", &[&format!("198.51.100.1,{broken}, 10.0.0.2")]), "10.0.0.2", "{broken}");
        }
    }

    #[test]
    fn ports_and_brackets_are_taken_off() {
        for (entry, address) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db9::1]:4711", "2001:db9::1"),
            ("[2001:db9::1]", "2001:db9::1"),
            ("2001:DB9::1", "2001:db9::1"),
            ("\t 203.0.113.7 \t", "203.0.113.7"),
        ] {
            assert_eq!(client("10.0.0.1", &[entry]), address, "{entry}");
        }
    }

    #[test]
    fn mapped_addresses_are_given_as_ipv4() {
        assert_eq!(client("::ffff:203.0.113.1", &[]), "203.0.113.1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.7, ::ffff:10.0.0.2"]), "203.0.113.7");
    }

    #[test]
    fn a_list_in_latin_1_is_malformed_and_no_more() {
        let fields = Fields::parse(bytes::Bytes::from_static(b"X-Forwarded-For: 203.0.113.7\xe4\r\n\r\n"));
        let trusted = Networks::parse("10.0.0.1").expect("a list");
        let client = client_ip("10.0.0.1".parse().expect("an address"), &fields.expect("fields"), &trusted);
        assert_eq!(client.to_string(), "10.0.0.1");
    }
}
