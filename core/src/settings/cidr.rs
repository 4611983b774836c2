//! The list of networks whose word about a client's address is believed (`TRUSTED_PROXIES`).

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

/// Why a text is no list of networks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("entry {position} of the list is no network: write addresses or networks such as 10.0.0.0/8, ::1")]
pub struct NetworksError {
    /// Which entry, from 1.
    pub position: usize,
}

/// A list of networks; empty is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads addresses and networks (RFC 4632 section 3.1, RFC 4291 section 2.3) with commas between them, spaces
    /// around them allowed. A plain address is the network of that one address; bits beyond the prefix are ignored.
    ///
    /// # Errors
    /// [`NetworksError`] at the first entry that is neither, an empty one included.
    pub fn parse(text: &str) -> Result<Self, NetworksError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let entry = |(index, entry): (usize, &str)| {
            let entry = entry.trim();
            let network = entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
            network.map(canonical).ok_or(NetworksError { position: index + 1 })
        };
        text.split(',').enumerate().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `address` is in one of them. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`, as a socket that
    /// takes both reports it) is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The network with its host bits cleared, and as IPv4 where it is an IPv4 network in IPv6 clothes.
fn canonical(network: IpNet) -> IpNet {
    let as_v4 = match network.addr().to_canonical() {
        address @ IpAddr::V4(_) if network.addr().is_ipv6() && network.prefix_len() >= 96 => {
            IpNet::new(address, network.prefix_len() - 96).ok()
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    as_v4.unwrap_or(network).trunc()
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{network}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        Networks::parse(text).unwrap()
    }

    fn holds(list: &str, address: &str) -> bool {
        networks(list).contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_belongs_to_its_network() {
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.168.1.1, fd00::/8", "fd12::1"));
        assert!(holds("127.0.0.1", "127.0.0.1"));
        assert!(!holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::ffff:10.0.0.0/104", "11.1.2.3"));
    }

    #[test]
    fn an_empty_list_trusts_nobody() {
        assert!(!holds("", "127.0.0.1"));
        assert!(!holds("  ", "::1"));
    }

    #[test]
    fn the_printed_form_is_canonical() {
        assert_eq!(networks(" 10.1.2.3/8 ,::1").to_string(), "10.0.0.0/8,::1/128");
    }

    #[test]
    fn the_entry_that_is_no_network_is_named() {
        for (text, position) in
            [("ten", 1), ("10.0.0.0/8,", 2), ("10.0.0.0/33", 1), ("::1,::1/129", 2), ("10.0.0.0/8 ::1", 1), (",", 1)]
        {
            assert_eq!(Networks::parse(text), Err(NetworksError { position }), "{text}");
        }
    }
}
