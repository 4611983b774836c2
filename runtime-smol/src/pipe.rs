//! Memory between a session and the libraries: a [`Pipe`] for one content, a [`Wire`] in a socket's place. Whoever fills
//! one polls what reads it in the same task and the same turn, so that neither keeps a waker. Neither needs a bound:
//! a session lets one message a direction out at a time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_lite::{AsyncBufRead, AsyncRead, AsyncWrite};

/// Locks what only one task ever uses: never contended, and whole even after a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that is filled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe(Arc<Mutex<Filled>>);

#[derive(Default)]
struct Filled {
    part: Bytes,
    closed: bool,
}

/// Lengths only: content may hold a secret.
impl std::fmt::Debug for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Filled({} bytes, closed: {})", self.part.len(), self.closed)
    }
}

impl Pipe {
    /// Puts the next part in, after the last one was read.
    pub(crate) fn push(&self, part: Bytes) {
        lock(&self.0).part = part;
    }

    /// Says that no part follows.
    pub(crate) fn close(&self) {
        lock(&self.0).closed = true;
    }

    /// The other end, for a library.
    pub(crate) fn reader(&self) -> PipeReader {
        PipeReader { pipe: self.clone(), part: Bytes::new() }
    }
}

/// The end that is read.
pub(crate) struct PipeReader {
    pipe: Pipe,
    part: Bytes,
}

impl AsyncRead for PipeReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let part = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = part.len().min(buf.len());
        buf[..n].copy_from_slice(&part[..n]);
        self.consume(n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncBufRead for PipeReader {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.part.is_empty() {
            let mut filled = lock(&this.pipe.0);
            this.part = std::mem::take(&mut filled.part);
            if this.part.is_empty() && !filled.closed {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(&this.part))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        let n = n.min(self.part.len());
        self.part.advance(n);
    }
}

/// Both directions of a connection that exists as memory. The library has one clone, the guard the other.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Directions>>);

#[derive(Default)]
struct Directions {
    to_library: BytesMut,
    from_library: BytesMut,
}

impl Wire {
    /// Bytes for the library to read.
    pub(crate) fn give(&self, bytes: &[u8]) {
        lock(&self.0).to_library.extend_from_slice(bytes);
    }

    /// Looks at what the library wrote, and takes from it.
    pub(crate) fn take<T>(&self, from: impl FnOnce(&mut BytesMut) -> T) -> T {
        from(&mut lock(&self.0).from_library)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let bytes = &mut lock(&self.0).to_library;
        let n = bytes.len().min(buf.len());
        if n == 0 {
            return Poll::Pending;
        }
        buf[..n].copy_from_slice(&bytes[..n]);
        bytes.advance(n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).from_library.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
