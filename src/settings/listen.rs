//! Where the server listens (`LISTEN_ADDR`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address and a port, or a port on every interface. Port 0 lets the system choose one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListenAddr {
    /// `:8080`: every interface, IPv6 and IPv4.
    Everywhere(u16),
    /// `127.0.0.1:8080`, `[::1]:8080`.
    At(SocketAddr),
}

impl ListenAddr {
    /// Reads `:port`, `address:port`, `[IPv6 address]:port` or `localhost:port` (which is 127.0.0.1). Other names
    /// would have to be looked up, and might be several addresses.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten()?;
        match host {
            "" => Some(Self::Everywhere(port)),
            "localhost" => Some(Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))),
            _ => text.parse().ok().map(Self::At),
        }
    }

    /// The addresses to try to bind, in that order, until one can be bound. Every interface is the IPv6 wildcard,
    /// which takes IPv4 too where the socket is not limited to IPv6; a host without IPv6 has the IPv4 one.
    pub(crate) fn candidates(self) -> Vec<SocketAddr> {
        match self {
            Self::Everywhere(port) => [IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()]
                .map(|address| SocketAddr::from((address, port)))
                .into(),
            Self::At(address) => vec![address],
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_printed() {
        for text in [":8080", ":0", "127.0.0.1:0", "0.0.0.0:80", "[::1]:8080", "[::]:8080"] {
            assert_eq!(ListenAddr::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(ListenAddr::parse("localhost:1").unwrap().to_string(), "127.0.0.1:1");
    }

    #[test]
    fn what_is_no_address_with_a_port_is_refused() {
        for text in
            ["", "8080", ":", ":x", ":+1", ":65536", "127.0.0.1", "::1", "::1:80", "[::1]", "example.com:80", " :80"]
        {
            assert_eq!(ListenAddr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_interface_is_both_families() {
        let candidates = ListenAddr::Everywhere(9).candidates();
        assert_eq!(candidates.iter().map(ToString::to_string).collect::<Vec<_>>(), ["[::]:9", "0.0.0.0:9"]);
    }
}
