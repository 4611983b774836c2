//! One content part on its way through a library: how much of it went in, and what came out so far. It never changes
//! how content is cut: what went in as one part comes out as one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_lite::AsyncRead;
use thiserror::Error;

/// A library did not do what it is there for. The connection is of no use then.
#[derive(Debug, Error)]
pub(crate) enum Broken {
    /// It said so.
    #[error("an HTTP library failed: {0}")]
    Failed(String),
    /// What came out is not what went in.
    #[error("an HTTP library lost or added content")]
    Changed,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A part that is read out of a library's reader.
pub(crate) struct Crossing {
    bytes: BytesMut,
    filled: usize,
}

impl Crossing {
    /// Of a part with that many bytes.
    pub(crate) fn of(length: usize) -> Self {
        Self { bytes: BytesMut::zeroed(length), filled: 0 }
    }

    /// The part, once all of it has come out.
    pub(crate) fn poll(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<Bytes, Broken>> {
        while self.filled < self.bytes.len() {
            match ready!(Pin::new(&mut *reader).poll_read(cx, &mut self.bytes[self.filled..]))? {
                0 => return Poll::Ready(Err(Broken::Changed)),
                n => self.filled += n,
            }
        }
        Poll::Ready(Ok(std::mem::take(&mut self.bytes).freeze()))
    }
}

/// Waits for the end of a library's reader, where nothing may come any more.
pub(crate) fn poll_end(reader: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
    match ready!(Pin::new(reader).poll_read(cx, &mut [0]))? {
        0 => Poll::Ready(Ok(())),
        _ => Poll::Ready(Err(Broken::Changed)),
    }
}
