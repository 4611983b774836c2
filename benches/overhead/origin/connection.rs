//! One connection of the origin: requests in, answers out, one at a time.

use std::io;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use super::{KEY, stamp};
use crate::scenario;
use crate::socket::Socket;

const MAX_REQUEST: usize = 64 * 1024;
const REFUSAL: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

/// A connection, the request that it is getting, and the stream that it is sending.
pub(super) struct Connection {
    socket: Socket,
    input: Vec<u8>,
    filled: usize,
    running: Option<Running>,
}

/// A stream under way.
struct Running {
    chunks_left: usize,
    due: Instant,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { socket: Socket::new(stream), input: vec![0; MAX_REQUEST], filled: 0, running: None }
    }

    /// When the next chunk is to be sent.
    pub(super) fn due(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.due)
    }

    /// The socket can be read or written: takes what is there, answers a request that is complete. With a `gap`, chunks
    /// follow the answer.
    pub(super) fn handle_ready(&mut self, answer: &[u8], gap: Option<Duration>) -> io::Result<()> {
        self.socket.send(&[])?;
        loop {
            let room = self.input.len() - self.filled;
            let got = self.socket.read(&mut self.input[self.filled..])?;
            self.filled += got;
            match read_request(&self.input[..self.filled])? {
                None => {}
                Some(false) => return self.socket.send(REFUSAL),
                Some(true) => {
                    self.filled = 0;
                    self.socket.send(answer)?;
                    let start = |gap| Running { chunks_left: scenario::CHUNKS, due: Instant::now() + gap };
                    self.running = gap.map(start);
                }
            }
            // A short read has emptied the socket: the next bytes bring a new event.
            if got < room {
                return Ok(());
            }
        }
    }

    /// Sends the chunk that is due, if one is; after the last one, the end.
    pub(super) fn send_due(&mut self, now: Instant, gap: Duration) -> io::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        if running.due > now {
            return Ok(());
        }
        running.due += gap;
        running.chunks_left -= 1;
        let last = running.chunks_left == 0;
        self.socket.send(&scenario::chunk(stamp()))?;
        if last {
            self.running = None;
            self.socket.send(scenario::STREAM_END)?;
        }
        Ok(())
    }
}

/// Whether the request's key is right; `None` while it is not wholly there.
fn read_request(bytes: &[u8]) -> io::Result<Option<bool>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(head) if bytes.len() >= head + content_length(request.headers)? => {
            Ok(Some(has_key(request.headers)))
        }
        httparse::Status::Complete(_) | httparse::Status::Partial => Ok(None),
    }
}

/// Requests here always have a length; a proxy that re-frames them would be measured at something else.
fn content_length(fields: &[httparse::Header<'_>]) -> io::Result<usize> {
    let value = field(fields, "content-length").ok_or_else(|| io::Error::other("a request without Content-Length"))?;
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(|| io::Error::other("bad length"))
}

fn has_key(fields: &[httparse::Header<'_>]) -> bool {
    field(fields, "authorization").and_then(|value| value.strip_prefix(b"Bearer ")) == Some(KEY.as_bytes())
}

fn field<'a>(fields: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}
