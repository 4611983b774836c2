//! Where a Redis is, and as whom to use it. The password goes to the server and nowhere else: neither `Debug` nor
//! `Display` nor an error shows it.

use std::fmt;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, TlsCertificates};
use llm_proxy_core::secret::Secret;
use thiserror::Error;

const DEFAULT_PORT: u16 = 6379;

/// A Redis, and how to log in there.
#[derive(Clone)]
pub struct RedisAddress {
    info: ConnectionInfo,
    /// Certificates (PEM) that sign the server's; `None` is the system's roots.
    roots: Option<Vec<u8>>,
}

/// Why a text is no address. It holds nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RedisAddressError {
    /// It is of none of the forms.
    #[error(
        "this is no address of a Redis (in a URL, characters such as @ : / # ? % of a password are written as %40 and so on)"
    )]
    Malformed,
    /// What follows `?` or `#` would be passed over. One that was meant to secure the connection would not.
    #[error("an address of a Redis has no parameters")]
    Parameters,
}

impl RedisAddress {
    /// Reads `host`, `host:port`, or a URL `redis://[user[:password]@]host[:port][/database]`, `rediss://` for TLS.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn parse(text: &str) -> Result<Self, RedisAddressError> {
        let url = match text.split_once("://") {
            Some((scheme, rest)) if ["redis", "rediss"].contains(&scheme) && !rest.is_empty() => text.to_owned(),
            Some(_) => return Err(RedisAddressError::Malformed),
            None if text.is_empty() || text.contains(['/', '@']) => return Err(RedisAddressError::Malformed),
            None => format!("redis://{text}"),
        };
        if url.contains(['?', '#']) {
            return Err(RedisAddressError::Parameters);
        }
        let mut info = url.as_str().into_connection_info().map_err(|_| RedisAddressError::Malformed)?;
        if info.redis_settings().db() < 0 {
            return Err(RedisAddressError::Malformed);
        }
        let settings = info.redis_settings().clone().set_lib_name("llm-proxy", env!("CARGO_PKG_VERSION"));
        info = info.set_redis_settings(settings);
        Ok(Self { info, roots: None })
    }

    /// The same with another password.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        let settings = self.info.redis_settings().clone().set_password(password.reveal());
        self.info = self.info.set_redis_settings(settings);
        self
    }

    /// The same with another database.
    #[must_use]
    pub fn with_database(mut self, number: u32) -> Self {
        let settings = self.info.redis_settings().clone().set_db(i64::from(number));
        self.info = self.info.set_redis_settings(settings);
        self
    }

    /// The same, trusting these certificates (PEM) and not the system's.
    #[must_use]
    pub fn with_roots(mut self, pem: Vec<u8>) -> Self {
        self.roots = Some(pem);
        self
    }

    /// A client, which connects when it is told to.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub(super) fn client(&self) -> ::redis::RedisResult<::redis::Client> {
        match (self.info.addr(), &self.roots) {
            (ConnectionAddr::TcpTls { .. }, Some(roots)) => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(roots.clone()) };
                ::redis::Client::build_with_tls(self.info.clone(), certificates)
            }
            (_, _) => ::redis::Client::open(self.info.clone()),
        }
    }
}

/// Host, port and database.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => ("redis", host.as_str(), *port),
            ConnectionAddr::TcpTls { host, port, .. } => ("rediss", host.as_str(), *port),
            // Not read by `parse`.
            ConnectionAddr::Unix(_) | _ => ("redis", "", DEFAULT_PORT),
        };
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}:{port}/{}", self.info.redis_settings().db())
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        RedisAddress::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_host_with_a_port_and_both_schemes_are_read() {
        assert_eq!(shown("localhost:6380"), "redis://localhost:6380/0");
        assert_eq!(shown("cache"), "redis://cache:6379/0");
        assert_eq!(shown("redis://cache/3"), "redis://cache:6379/3");
        assert_eq!(shown("rediss://me:secret@[::1]:7000/12"), "rediss://[::1]:7000/12");
    }

    #[test]
    fn password_and_database_of_their_own_count_more_than_those_of_the_address() {
        let address = RedisAddress::parse("redis://me:first@cache/1").unwrap();
        let address = address.with_password(&Secret::new("second".into())).with_database(2);
        let settings = address.info.redis_settings();
        assert_eq!((settings.username(), settings.password(), settings.db()), (Some("me"), Some("second"), 2));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for text in [
            "",
            "redis://",
            "http://cache:hunter2",
            "me:hunter2@cache",
            "redis://cache/hunter2",
            "redis://cache/-1",
            "redis://me:hun/ter2@cache",
            "cache:hunter2",
        ] {
            let error = RedisAddress::parse(text).unwrap_err();
            assert_eq!(error, RedisAddressError::Malformed, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        for text in ["rediss://cache#insecure", "redis://cache?protocol=resp3"] {
            assert_eq!(RedisAddress::parse(text).unwrap_err(), RedisAddressError::Parameters, "{text}");
        }
    }

    #[test]
    fn neither_debug_nor_display_shows_the_password() {
        let address = RedisAddress::parse("redis://me:hunter2@cache").unwrap();
        assert!(
            !format!("{address} {address:?} {:?}", address.clone().with_password(&Secret::new("hunter2".into())))
                .contains("hunter2")
        );
    }
}
