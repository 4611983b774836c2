//! One system call to read or to write: the session's buffers and queues against a socket of any kind.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_lite::{AsyncRead, AsyncWrite};
use llm_proxy_core::connection::{MAX_SLICES, OutQueue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ready::Readiness;
use crate::upstream::UpstreamStream;

/// The most that one read takes.
const READ: usize = 64 * 1024;

thread_local! {
    /// Where a socket is read to: bytes are copied from here, since spare room cannot be lent out before it is written.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// What a connection reads from.
pub(crate) trait Socket: AsyncRead + Unpin {
    /// Asks to be told when there is more to read. Ready if there may be more now.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Socket for UpstreamStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => tcp.poll_readable(cx),
            // It may hold more than its socket does.
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }
}

/// Whether a peer is still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    There,
    /// It closed its sending side.
    Ended,
    /// The connection is broken.
    Gone,
}

/// Looks at a socket without reading it.
pub(crate) fn presence(socket: &TcpStream) -> Presence {
    let mut look = [PollFd::new(socket, PollFlags::RDHUP)];
    if poll(&mut look, Some(&Timespec::default())).is_err() {
        return Presence::There;
    }
    let seen = look[0].revents();
    if seen.intersects(PollFlags::ERR | PollFlags::NVAL) {
        Presence::Gone
    } else if seen.intersects(PollFlags::RDHUP | PollFlags::HUP) {
        Presence::Ended
    } else {
        Presence::There
    }
}

/// Writes what waits, with one system call. Pending too when nothing waits.
pub(crate) fn write_queue<S: AsyncWrite + Unpin>(
    stream: &mut S,
    queue: &OutQueue,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if queue.is_empty() {
        return Poll::Pending;
    }
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let filled = queue.fill(&mut slices);
    let written = match &slices[..filled] {
        [one] => ready!(Pin::new(stream).poll_write(cx, one)),
        many => ready!(Pin::new(stream).poll_write_vectored(cx, many)),
    };
    Poll::Ready(written.and_then(|n| if n == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(n) }))
}

/// Reads as much as fits into the spare room of `buffer`, with one system call. 0 is the end.
pub(crate) fn read_into<S: Socket>(
    stream: &mut S,
    buffer: &mut BytesMut,
    ready: &Readiness,
) -> Poll<io::Result<usize>> {
    let cx = &mut ready.context();
    SCRATCH.with_borrow_mut(|scratch| {
        let room = (buffer.capacity() - buffer.len()).min(scratch.len());
        let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut scratch[..room]));
        if let Ok(n) = read {
            buffer.extend_from_slice(&scratch[..n]);
            // One that gave less than there was room for is empty now: to be told of more costs no read.
            if n == room || stream.poll_readable(cx).is_ready() {
                ready.note();
            }
        }
        Poll::Ready(read)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener};
    use std::time::{Duration, Instant};

    use socket2::SockRef;

    use super::*;

    /// Both ends of a connection; the first has sent what the second has not read.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.write_all(b"unread").unwrap();
        (near, listener.accept().unwrap().0)
    }

    /// What is seen once the kernel has carried the end over.
    fn soon(socket: &TcpStream) -> Presence {
        let until = Instant::now() + Duration::from_secs(10);
        while presence(socket) == Presence::There && Instant::now() < until {
            std::thread::yield_now();
        }
        presence(socket)
    }

    #[test]
    fn a_peer_that_left_is_seen_behind_what_it_sent() {
        let (near, far) = connection();
        assert_eq!(presence(&far), Presence::There);
        near.shutdown(Shutdown::Write).unwrap();
        assert_eq!(soon(&far), Presence::Ended);
    }

    #[test]
    fn a_peer_that_reset_the_connection_is_gone() {
        let (near, far) = connection();
        SockRef::from(&near).set_linger(Some(Duration::ZERO)).unwrap();
        drop(near);
        assert_eq!(soon(&far), Presence::Gone);
    }
}
