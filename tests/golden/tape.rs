//! One end of a connection in the hands of a script: reads raw bytes up to where a message ends, and sees how the
//! connection ends. It never mends or drops a byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use memchr::memmem;
use rustix::net::sockopt::set_socket_linger;
use std::time::Duration;

/// Why nothing more can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The peer closed its side.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// Nothing came in time.
    Silent,
}

/// What a script waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted<'a> {
    /// A whole request.
    Request,
    /// A whole response to anything but `HEAD`, final or interim.
    Response,
    /// A head alone.
    Head,
    /// All up to and with these bytes of a body, and the head before it. Heads have ids, which may hold any bytes.
    Until(&'a [u8]),
    /// All up to the connection's end.
    End,
}

/// One end of a connection.
pub(super) struct Tape {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Tape {
    pub(super) fn new(stream: TcpStream, patience: Duration) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        stream.set_write_timeout(Some(patience)).unwrap();
        Self { stream, held: Vec::new() }
    }

    /// Sends; `false` if the peer is gone.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads what is wanted. If the connection ends first: what came, and how it ended.
    pub(super) fn read(&mut self, wanted: Wanted<'_>) -> (Vec<u8>, Option<End>) {
        loop {
            if let Some(length) = wanted.length_in(&self.held) {
                return (self.held.drain(..length).collect(), None);
            }
            if let Err(end) = self.fill() {
                return (std::mem::take(&mut self.held), Some(end));
            }
        }
    }

    /// What came already, without waiting: bytes, and the end if there is one.
    pub(super) fn read_now(&mut self) -> (Vec<u8>, Option<End>) {
        self.stream.set_nonblocking(true).unwrap();
        let (bytes, end) = self.read(Wanted::End);
        self.stream.set_nonblocking(false).unwrap();
        (bytes, end.filter(|end| *end != End::Silent))
    }

    fn fill(&mut self) -> Result<(), End> {
        let mut room = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => {
                    self.held.extend_from_slice(&room[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(End::Silent);
                }
                Err(_) => return Err(End::Reset),
            }
        }
    }

    /// Closes the sending side.
    pub(super) fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes both sides.
    pub(super) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Resets the connection.
    pub(super) fn reset(self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }
}

impl Wanted<'_> {
    /// How many of the bytes are what is wanted; `None` if it takes more.
    fn length_in(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Request => message_length(bytes, Some(0)),
            Self::Response => message_length(bytes, None),
            Self::Head => after(bytes, b"\r\n\r\n"),
            Self::Until(end) => {
                let head = if starts_with_head(bytes) { after(bytes, b"\r\n\r\n")? } else { 0 };
                after(&bytes[head..], end).map(|length| head + length)
            }
            Self::End => None,
        }
    }
}

/// Whether a message begins here, not a piece of a body.
fn starts_with_head(bytes: &[u8]) -> bool {
    ["HTTP/1.", "GET ", "POST "].iter().any(|start| bytes.starts_with(start.as_bytes()))
}

/// Where the first `end` in the bytes ends.
fn after(bytes: &[u8], end: &[u8]) -> Option<usize> {
    memmem::find(bytes, end).map(|at| at + end.len())
}

/// How long the first message is, if all of it is there. `without_framing` is the length of a body that has none;
/// `None` for a body that ends with the connection.
fn message_length(bytes: &[u8], without_framing: Option<usize>) -> Option<usize> {
    let head = after(bytes, b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let bodiless = ["http/1.1 1", "http/1.1 204", "http/1.1 304"].iter().any(|start| text.starts_with(start));
    if bodiless {
        return Some(head);
    }
    if text.contains("\r\ntransfer-encoding:") {
        return chunks_length(&bytes[head..]).map(|body| head + body);
    }
    let length = text.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
    let body = match length {
        Some(length) => length.trim().parse().unwrap_or(0),
        None => without_framing?,
    };
    (bytes.len() >= head + body).then_some(head + body)
}

/// How long a chunked body is with its trailers, if all of it is there.
fn chunks_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let line = after(rest, b"\r\n")?;
        let digits = String::from_utf8_lossy(&rest[..line - 2]);
        match usize::from_str_radix(digits.split(';').next()?.trim(), 16) {
            Ok(0) => break,
            Ok(size) => at += line + size + 2,
            // No chunk: there is no end to find, and what comes is shown when the connection ends.
            Err(_) => return None,
        }
    }
    // The last chunk's line end and the empty line, with trailers between them if there are any.
    after(&bytes[at..], b"\r\n\r\n").map(|length| at + length)
}

#[test]
fn a_message_is_read_to_its_end_and_no_further() {
    let length = |text: &str| Wanted::Response.length_in(text.as_bytes());
    assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab|"), Some(40));
    assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"), None);
    assert_eq!(length("HTTP/1.1 200 OK\r\n\r\nab"), None);
    assert_eq!(length("HTTP/1.1 204 No Content\r\n\r\n|"), Some(27));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(length(&format!("{chunked}2\r\nab\r\n0\r\n\r\n|")), Some(chunked.len() + 12));
    assert_eq!(length(&format!("{chunked}0\r\nA: b\r\n\r\n|")), Some(chunked.len() + 11));
    assert_eq!(length(&format!("{chunked}2\r\nab\r\n0\r\n\r")), None);
    let until = |text: &str| Wanted::Until(b"ab").length_in(text.as_bytes());
    assert_eq!(until("HTTP/1.1 200 OK\r\nX-Request-ID: ab\r\n\r\n.ab|"), Some(40));
    assert_eq!((until("HTTP/1.1 200 OK\r\nX-Request-ID: ab\r\n"), until(".ab|")), (None, Some(3)));
    assert_eq!(Wanted::Request.length_in(b"GET / HTTP/1.1\r\n\r\n|"), Some(18));
}
