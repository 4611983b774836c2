//! Connections to upstreams: TCP, or TLS over it, verified against the system's roots.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use llm_proxy_core::reject::UpstreamFault;
use llm_proxy_core::settings::{BaseUrl, Scheme};
use llm_proxy_runtime_common::{Shortage, tls_client_config};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::worker::Shared;

/// One connection.
#[derive(Debug)]
pub(crate) enum UpstreamStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How often a connection is tried again that got no open file.
const TRIES_WITHOUT_FILES: usize = 10;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
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
        let tcp = match base.host.parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect((ip, base.port)).await?,
            Err(_) => TcpStream::connect((base.host.as_str(), base.port)).await?,
        };
        tcp.set_nodelay(true)?;
        match base.scheme {
            Scheme::Http => Ok(UpstreamStream::Plain(tcp)),
            Scheme::Https => {
                let name = ServerName::try_from(base.host.clone()).map_err(io::Error::other)?;
                Ok(UpstreamStream::Tls(Box::new(self.tls.connect(name, tcp).await?)))
            }
        }
    }
}

/// Connects to `base`, TLS handshake included. Where there is no open file for it, something idle is closed first. Why it
/// failed is logged here, since the client is not told.
pub(crate) async fn connect(shared: Arc<Shared>, base: Arc<BaseUrl>) -> Result<UpstreamStream, UpstreamFault> {
    let mut tries = TRIES_WITHOUT_FILES;
    loop {
        match shared.connector.try_connect(&base).await {
            Err(error) if tries > 0 && Shortage::of(&error).is_some() => {
                tries -= 1;
                shared.free_open_files().await;
            }
            tried => {
                return tried.map_err(|error| {
                    tracing::warn!(host = base.host, port = base.port, %error, "cannot reach the upstream");
                    if Shortage::of(&error).is_some() { UpstreamFault::NoOpenFile } else { UpstreamFault::Unreachable }
                });
            }
        }
    }
}

impl UpstreamStream {
    /// Whether an idle connection is still quiet. Anything to read on it (bytes, or the end) makes it useless, also where
    /// only TLS knows of it: content that was decrypted and not read, or its end. Costs a system call only if the reactor
    /// saw something.
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
        matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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
        bufs: &[io::IoSlice<'_>],
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
