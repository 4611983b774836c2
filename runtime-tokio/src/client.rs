//! A client's connection: TCP, or TLS over it. The handshake is part of reading, so that it waits under the session's own
//! limits (the first head's patience from the accept, the short one at the stop), and accepting never waits for it.
//!
//! TLS buffers: what was written may not have reached the socket, so that it must be flushed, and closed before it is
//! dropped. On plain TCP all that costs one look at the kind.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use llm_proxy_runtime_common::ClientTls;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// One connection.
pub(crate) enum ClientStream {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS whose handshake is under way. Nothing can be written yet.
    Handshake(Box<Accept<TcpStream>>),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake that failed.
    Failed,
}

impl ClientStream {
    /// Of a socket that was just accepted.
    pub(crate) fn new(tcp: TcpStream, tls: Option<&ClientTls>) -> Self {
        match tls {
            None => Self::Plain(tcp),
            Some(tls) => Self::Handshake(Box::new(TlsAcceptor::from(tls.present()).accept(tcp))),
        }
    }

    /// Its socket, if it is still there.
    pub(crate) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(tcp) => Some(tcp),
            Self::Handshake(accept) => accept.get_ref(),
            Self::Tls(tls) => Some(tls.get_ref().0),
            Self::Failed => None,
        }
    }

    /// Lets the peer see a reset when this is dropped, and no clean end of TLS either.
    pub(crate) fn reset(&self) {
        if let Some(tcp) = self.tcp() {
            // It fails only for a socket that is gone already.
            let _ = tcp.set_zero_linger();
        }
    }

    /// Moves what TLS holds towards the socket. An error shows when reading.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) {
        if let Self::Tls(tls) = self {
            let _ = Pin::new(tls).poll_flush(cx);
        }
    }

    /// Says that nothing more is sent. Ready when that is out, or cannot get out any more.
    pub(crate) fn shut_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx).map(drop),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx).map(drop),
            Self::Handshake(_) | Self::Failed => Poll::Ready(()),
        }
    }

    /// Makes ready to be dropped without a loss: what TLS holds, and its own end, goes out first. Nothing for plain TCP.
    pub(crate) fn finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx).map(drop),
            Self::Plain(_) | Self::Handshake(_) | Self::Failed => Poll::Ready(()),
        }
    }

    /// Goes on with the handshake.
    fn shake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Handshake(accept) = self else { return Poll::Ready(Ok(())) };
        match ready!(Pin::new(&mut **accept).poll(cx)) {
            Ok(tls) => {
                *self = Self::Tls(Box::new(tls));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                tracing::debug!(%error, "a client's TLS handshake failed");
                *self = Self::Failed;
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Self::Plain(tcp) = this {
            return Pin::new(tcp).poll_read(cx, buf);
        }
        ready!(this.shake(cx))?;
        match this {
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::Plain(_) | Self::Handshake(_) | Self::Failed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            // Reading goes on with the handshake.
            Self::Handshake(_) => Poll::Pending,
            Self::Failed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
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
            Self::Handshake(_) => Poll::Pending,
            Self::Failed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().flush(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().shut_write(cx).map(Ok)
    }
}
