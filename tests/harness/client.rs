//! A client of plain sockets: sends what a test gives it, to the byte, and reads strictly.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};

use super::PATIENCE;
use super::http::{Broken, Head, Incoming, Response, Shared};

/// One connection to the program.
pub(crate) struct Client {
    stream: Arc<TcpStream>,
    incoming: Incoming,
}

/// A `GET` with a bearer token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// A `POST` of JSON with a bearer token.
pub(crate) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What a TLS handshake came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shaken {
    /// The version.
    pub(crate) version: Option<ProtocolVersion>,
    /// The protocol, where one was agreed on.
    pub(crate) protocol: Option<String>,
    /// The server's certificate.
    pub(crate) certificate: CertificateDer<'static>,
}

fn tcp(to: SocketAddr) -> Arc<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    Arc::new(stream)
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = tcp(to);
        Self { incoming: Incoming::new(Box::new(Shared(stream.clone()))), stream }
    }

    /// Over TLS, once the handshake is done.
    pub(crate) fn tls(to: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<(Self, Shaken)> {
        let stream = tcp(to);
        let name = ServerName::from(to.ip());
        let mut session = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut Shared(stream.clone()))?;
        }
        let shaken = Shaken {
            version: session.protocol_version(),
            protocol: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            certificate: session.peer_certificates().unwrap()[0].clone(),
        };
        let wire = StreamOwned::new(session, Shared(stream.clone()));
        Ok((Self { incoming: Incoming::new(Box::new(wire)), stream }, shaken))
    }

    /// One request on a connection of its own.
    pub(crate) fn once(to: SocketAddr, request: &[u8]) -> Response {
        let mut client = Self::connect(to);
        client.send(request);
        client.response()
    }

    /// How long a read may take before it is [`Broken::Silent`].
    pub(crate) fn patience(&self, limit: Duration) {
        self.stream.set_read_timeout(Some(limit)).unwrap();
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// Sends to a peer that may have closed.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.wire.write_all(bytes)
    }

    /// Sends as much of the bytes as the peer takes; 0 if it takes none for `limit`.
    pub(crate) fn send_some(&mut self, bytes: &[u8], limit: Duration) -> usize {
        self.stream.set_write_timeout(Some(limit)).unwrap();
        match self.incoming.wire.write(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            other => other.unwrap(),
        }
    }

    /// The next head, interim or final; the body is for [`Self::piece`] and [`Self::exactly`].
    pub(crate) fn head(&mut self) -> Head {
        self.incoming.head(true, false).unwrap().expect("the connection was closed without an answer")
    }

    /// The next response to anything but `HEAD`.
    pub(crate) fn response(&mut self) -> Response {
        self.try_response(false).unwrap()
    }

    /// The next response to a `HEAD`.
    pub(crate) fn response_to_head(&mut self) -> Response {
        self.try_response(true).unwrap()
    }

    /// The next response, or how it broke.
    pub(crate) fn try_response(&mut self, to_head: bool) -> Result<Response, Broken> {
        let mut interim = Vec::new();
        loop {
            let head = self.incoming.head(true, to_head)?.ok_or(Broken::Cut)?;
            if head.status() < 200 {
                interim.push(head);
                continue;
            }
            let body = self.incoming.rest()?;
            let trailers = std::mem::take(&mut self.incoming.trailers);
            return Ok(Response { interim, head, body, trailers });
        }
    }

    /// The head of a 101; what follows is read as a body that lasts until the close.
    pub(crate) fn switched(&mut self) -> Head {
        let head = self.head();
        assert_eq!(head.status(), 101, "{head:?}");
        self.incoming.tunnel();
        head
    }

    /// The next piece of the body, at most `limit` bytes; `None` at its clean end.
    pub(crate) fn piece(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Broken> {
        self.incoming.piece(limit)
    }

    /// Reads from the body exactly as many bytes as `expected` has, and compares.
    pub(crate) fn expect_body(&mut self, expected: &[u8]) {
        let mut got = Vec::new();
        while got.len() < expected.len() {
            got.extend(self.piece(expected.len() - got.len()).unwrap().expect("the body ended early"));
        }
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
    }

    /// Asserts that the body ends cleanly here.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.piece(usize::MAX), Ok(None));
    }

    /// Asserts that nothing more comes and the peer closes: cleanly or by a reset.
    pub(crate) fn expect_close(&mut self) {
        match self.incoming.fill() {
            Ok(true) => panic!("unexpected bytes: {:?}", String::from_utf8_lossy(self.incoming.unread())),
            Ok(false) | Err(Broken::Reset) => {}
            Err(broken) => panic!("the connection stayed open: {broken:?}"),
        }
    }

    /// Reads until the peer closes; gives all bytes.
    pub(crate) fn until_close(&mut self) -> Vec<u8> {
        while self.incoming.fill().unwrap_or(false) {}
        self.incoming.unread().to_vec()
    }

    /// Resets the connection, as a process that dies with unread bytes does: what is on the way is lost.
    pub(crate) fn reset(self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }

    /// Shuts the sending side, unless the peer was first to close.
    pub(crate) fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
