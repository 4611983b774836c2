//! A strict reader of HTTP/1 messages, for both ends of the wire.
//!
//! It accepts only what RFC 9112 lets a careful sender write: CRLF, one framing, exact chunks. Anything else is a
//! [`Broken`] that a test can name, never a guess.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Why a message was not read to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// The sender closed before the message was complete.
    Cut,
    /// The sender reset the connection.
    Reset,
    /// Nothing came in time.
    Silent,
    /// The bytes are not what they should be.
    Malformed(String),
}

/// What bytes go over: TCP or TLS.
pub(crate) trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A TCP stream that others hold too: to set its deadlines, to shut it.
pub(crate) struct Shared(pub(crate) Arc<TcpStream>);

impl Read for Shared {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(room)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message's head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Its bytes, the empty line included.
    pub(crate) raw: Vec<u8>,
    /// The request or status line.
    pub(crate) start_line: String,
    /// Its fields in order, names as written. Each byte of a value is one `char`.
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a whole head.
    pub(crate) fn parse(raw: Vec<u8>) -> Result<Self, Broken> {
        let text: String = raw.iter().map(|byte| char::from(*byte)).collect();
        let malformed = |line: &str| Broken::Malformed(format!("{line:?} in {text:?}"));
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start_line = lines.next().unwrap_or_default().to_owned();
        let mut fields = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(line))?;
            if name.is_empty() || name.contains([' ', '\t']) || line.contains(['\r', '\n', '\0']) {
                return Err(malformed(line));
            }
            fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        Ok(Self { raw, start_line, fields })
    }

    /// The values of a field, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// The value of a field that is there at most once.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() <= 1, "{name} is there more than once: {values:?}");
        values.first().copied()
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    /// The names as written, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The status of a response's head.
    pub(crate) fn status(&self) -> u16 {
        let well_formed = self.start_line.starts_with("HTTP/1.1 ") && self.start_line.as_bytes().get(12) == Some(&b' ');
        assert!(well_formed, "no status line: {:?}", self.start_line);
        self.start_line[9..12].parse().unwrap()
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The heads of interim responses before it.
    pub(crate) interim: Vec<Head>,
    /// Its head.
    pub(crate) head: Head,
    /// Its content, chunks joined.
    pub(crate) body: Vec<u8>,
    /// Its trailer fields.
    pub(crate) trailers: Vec<(String, String)>,
}

impl Response {
    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.head.value(name)
    }

    /// Its content as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Its content as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.head, self.text()))
    }
}

/// What is left of a body.
enum Framing {
    Done,
    Length(usize),
    /// Bytes left in the chunk.
    Chunk(usize),
    UntilClose,
}

/// Reads messages from a wire, keeps what belongs to the next one.
pub(crate) struct Incoming {
    pub(crate) wire: Box<dyn Wire>,
    buffer: Vec<u8>,
    framing: Framing,
    /// The trailer fields of the last chunked body.
    pub(crate) trailers: Vec<(String, String)>,
}

impl Incoming {
    pub(crate) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, buffer: Vec::new(), framing: Framing::Done, trailers: Vec::new() }
    }

    /// From here on all bytes are content, until the peer closes.
    pub(crate) const fn tunnel(&mut self) {
        self.framing = Framing::UntilClose;
    }

    /// Reads more. `false` at the end.
    pub(crate) fn fill(&mut self) -> Result<bool, Broken> {
        let mut room = [0; 16 * 1024];
        loop {
            let error = match self.wire.read(&mut room) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.buffer.extend_from_slice(&room[..count]);
                    return Ok(true);
                }
                Err(error) => error.kind(),
            };
            if matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut) {
                return Err(Broken::Silent);
            } else if error == ErrorKind::UnexpectedEof {
                return Ok(false);
            } else if error != ErrorKind::Interrupted {
                return Err(Broken::Reset);
            }
        }
    }

    /// Bytes that came and belong to no message yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads up to and with `end`; `None` if the sender closes before the first byte.
    fn until(&mut self, end: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Ok(Some(self.buffer.drain(..at + end.len()).collect()));
            }
            if !self.fill()? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Broken::Cut) };
            }
        }
    }

    /// Reads a head and takes the body's framing from it. `None` if the sender closes before its first byte.
    pub(crate) fn head(&mut self, of_response: bool, without_body: bool) -> Result<Option<Head>, Broken> {
        let Some(raw) = self.until(b"\r\n\r\n")? else { return Ok(None) };
        let head = Head::parse(raw)?;
        let coding = head.value("transfer-encoding");
        let length = head.value("content-length");
        let malformed = || Broken::Malformed(format!("framing of {:?}", head.fields));
        self.trailers.clear();
        self.framing = match (coding, length) {
            (Some(_), Some(_)) => return Err(malformed()),
            _ if without_body => Framing::Done,
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunk(0),
            (Some(_), None) => return Err(malformed()),
            (None, Some(length)) => Framing::Length(length.parse().map_err(|_| malformed())?),
            (None, None) if of_response && !matches!(head.status(), 100..=199 | 204 | 304) => Framing::UntilClose,
            (None, None) => Framing::Done,
        };
        if of_response && head.status() == 304 {
            self.framing = Framing::Done;
        }
        Ok(Some(head))
    }

    /// The next piece of the body, at most `limit` bytes; `None` at its clean end.
    pub(crate) fn piece(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Broken> {
        if matches!(self.framing, Framing::Chunk(0)) {
            self.chunk_line()?;
        }
        let left = match self.framing {
            Framing::Done | Framing::Length(0) => return Ok(None),
            Framing::Length(left) | Framing::Chunk(left) => left,
            Framing::UntilClose => usize::MAX,
        };
        if self.buffer.is_empty() && !self.fill()? {
            return if left == usize::MAX { Ok(None) } else { Err(Broken::Cut) };
        }
        let taken = left.min(limit).min(self.buffer.len());
        let piece = self.buffer.drain(..taken).collect();
        match &mut self.framing {
            Framing::Length(left) => *left -= taken,
            Framing::Chunk(left) => {
                *left -= taken;
                if *left == 0 && self.until(b"\r\n")?.is_none_or(|end| end != b"\r\n") {
                    return Err(Broken::Malformed("a chunk without its end".to_owned()));
                }
            }
            Framing::Done | Framing::UntilClose => {}
        }
        Ok(Some(piece))
    }

    /// Reads a chunk's size, and after the last chunk the trailers.
    fn chunk_line(&mut self) -> Result<(), Broken> {
        let line = self.until(b"\r\n")?.ok_or(Broken::Cut)?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let size = usize::from_str_radix(&text, 16).map_err(|_| Broken::Malformed(format!("chunk size {text:?}")))?;
        self.framing = Framing::Chunk(size);
        if size > 0 {
            return Ok(());
        }
        self.framing = Framing::Done;
        loop {
            let line = self.until(b"\r\n")?.ok_or(Broken::Cut)?;
            if line == b"\r\n" {
                return Ok(());
            }
            let mut head = b"trailers\r\n".to_vec();
            head.extend(line);
            self.trailers.extend(Head::parse(head)?.fields);
        }
    }

    /// The whole rest of the body.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(usize::MAX)? {
            body.extend(piece);
        }
        Ok(body)
    }
}
