//! Connections to upstreams: the worker's idle ones, and new ones: TCP, or TLS over it, verified against the system's
//! roots.

use std::io::{self, IoSlice, Read as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};

use async_io::{Async, Timer};
use futures_lite::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use llm_proxy_core::connection::Pool;
use llm_proxy_core::exchange::ConnectRequest;
use llm_proxy_core::reject::UpstreamFault;
use llm_proxy_core::settings::{BaseUrl, Scheme};
use llm_proxy_runtime_common::{Seats, Shortage, clock, tls_client_config};
use rustls::pki_types::ServerName;

use crate::call::Connected;
use crate::pipe::lock;

/// One connection.
#[derive(Debug)]
pub(crate) enum UpstreamStream {
    Plain(Async<TcpStream>),
    Tls(Box<TlsStream<Async<TcpStream>>>),
}

/// How often a connection is tried again that got no open file.
const TRIES_WITHOUT_FILES: usize = 10;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
}

/// A worker's connections to upstreams.
pub(crate) struct Upstreams {
    connector: Connector,
    seats: Seats,
    pool: Mutex<Pool<UpstreamStream>>,
}

impl Upstreams {
    pub(crate) fn new(connector: Connector, seats: Seats) -> Self {
        Self { connector, seats, pool: Mutex::default() }
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool<UpstreamStream>> {
        lock(&self.pool)
    }

    /// An idle connection if there is one and any will do, else a new one.
    pub(crate) async fn connect(&self, wanted: &ConnectRequest) -> Connected {
        let base = &wanted.provider.base;
        if let Some(idle) = self.take_idle(wanted) {
            return Ok((idle, true));
        }
        Ok((self.connect_anew(base).await?, false))
    }

    /// Connects to `base`, TLS handshake included. Where there is no open file for it, something idle is closed first. Why
    /// it failed is logged here, since the client is not told.
    async fn connect_anew(&self, base: &BaseUrl) -> Result<UpstreamStream, UpstreamFault> {
        let mut tries = TRIES_WITHOUT_FILES;
        loop {
            match self.connector.try_connect(base).await {
                Err(error) if tries > 0 && Shortage::of(&error).is_some() => {
                    tries -= 1;
                    self.free_open_files().await;
                }
                tried => {
                    return tried.map_err(|error| {
                        tracing::warn!(host = base.host, port = base.port, %error, "cannot reach the upstream");
                        if Shortage::of(&error).is_some() {
                            UpstreamFault::NoOpenFile
                        } else {
                            UpstreamFault::Unreachable
                        }
                    });
                }
            }
        }
    }

    /// Closes what is idle, since there is no open file left, and waits for it a moment.
    pub(crate) async fn free_open_files(&self) {
        drop(self.pool().take_oldest());
        let room = self.seats.make_room(Shortage::OpenFiles, clock::now().mono);
        Timer::after(room.wait()).await;
    }

    fn take_idle(&self, wanted: &ConnectRequest) -> Option<UpstreamStream> {
        self.pool().take(wanted, clock::now().mono, UpstreamStream::is_quiet)
    }
}

impl Connector {
    /// With the roots of that file; without one, those of the system (see [`tls_client_config`]).
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub(crate) fn new(roots_file: Option<&Path>) -> Result<Self, rustls::Error> {
        Ok(Self { tls: TlsConnector::from(tls_client_config(roots_file)?) })
    }

    async fn try_connect(&self, base: &BaseUrl) -> io::Result<UpstreamStream> {
        let tcp = connect_to_any(addresses(base).await?).await?;
        tcp.get_ref().set_nodelay(true)?;
        match base.scheme {
            Scheme::Http => Ok(UpstreamStream::Plain(tcp)),
            Scheme::Https => {
                let name = ServerName::try_from(base.host.clone()).map_err(io::Error::other)?;
                Ok(UpstreamStream::Tls(Box::new(self.tls.connect(name, tcp).await?)))
            }
        }
    }
}

async fn addresses(base: &BaseUrl) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = base.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, base.port)]);
    }
    let name = (base.host.clone(), base.port);
    // The system's resolver blocks.
    smol::unblock(move || name.to_socket_addrs().map(Iterator::collect)).await
}

async fn connect_to_any(addresses: Vec<SocketAddr>) -> io::Result<Async<TcpStream>> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match Async::<TcpStream>::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl UpstreamStream {
    /// Whether an idle connection is still quiet. Anything to read on it (bytes, or the end) makes it useless, also where
    /// only TLS knows of it: content that was decrypted and not read, or its end. Costs a system call.
    pub(crate) fn is_quiet(&self) -> bool {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => {
                let (tcp, session) = tls.get_ref();
                if !session.wants_read() || session.wants_write() {
                    return false;
                }
                tcp
            }
        };
        matches!(tcp.get_ref().read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_close(cx),
            Self::Tls(tls) => Pin::new(tls).poll_close(cx),
        }
    }
}
