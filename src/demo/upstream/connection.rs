//! One connection: reads requests with the core's codec, one after another, and writes their replies. It decides what is
//! too large or malformed and when the connection ends (RFC 9112 section 9); what a request means is for `routes`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use llm_proxy_core::http1::{
    BodyDecoder, BodyLimits, BodyPart, Framing, HeadDecoder, HeadLimits, Malformed, RequestHead, request_framing,
};

use super::reply::ReplyWriter;
use super::{openai, routes};

/// Bytes of a request's body.
const MAX_BODY: usize = 1024 * 1024;

/// How long the client may be silent, between requests or within one.
const IDLE: Duration = Duration::from_secs(120);

/// What is read of a refused request after its answer, so that the answer is not lost to a reset (RFC 9112 section 9.6).
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

const READ_SIZE: usize = 16 * 1024;

/// Why no request came out of the bytes.
enum Failure {
    /// The connection broke, or was silent for too long.
    Io,
    /// The bytes are no acceptable request.
    Malformed(Malformed),
    /// The body is over [`MAX_BODY`].
    TooLarge,
}

/// Serves the connection to its end.
///
/// # Errors
/// When the connection breaks.
pub(super) fn serve(stream: TcpStream, pause: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut connection = Connection { stream, buffer: BytesMut::new(), heads: HeadDecoder::new(HeadLimits::default()) };
    while connection.serve_one(pause)? {}
    Ok(())
}

/// Answers that there is no room, and closes.
pub(super) fn refuse(mut stream: TcpStream) {
    let reply = openai::error(StatusCode::SERVICE_UNAVAILABLE, "Too many connections to the demo upstream.");
    // A client that does not take the answer gets none.
    let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
    let _ = ReplyWriter::closing(&mut stream).write(&reply, Duration::ZERO);
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    heads: HeadDecoder,
}

impl Connection {
    /// Serves one request; whether another may follow.
    fn serve_one(&mut self, pause: Duration) -> io::Result<bool> {
        let received = match self.read_head() {
            Ok(None) => return Ok(false),
            Ok(Some(head)) => self.read_body(&head).map(|body| (head, body)),
            Err(failure) => Err(failure),
        };
        match received {
            Ok((head, body)) => {
                let reply = routes::route(&head, &body);
                let keep = head.wants_keep_alive();
                ReplyWriter::to_request(&mut self.stream, &head).write(&reply, pause)?;
                Ok(keep)
            }
            Err(failure) => self.fail(&failure).map(|()| false),
        }
    }

    /// The next head; `None` when the client is done.
    fn read_head(&mut self) -> Result<Option<RequestHead>, Failure> {
        loop {
            if let Some(head) = self.heads.request(&mut self.buffer).map_err(Failure::Malformed)? {
                return Ok(Some(head));
            }
            if self.read_more()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Failure::Io) };
            }
        }
    }

    fn read_body(&mut self, head: &RequestHead) -> Result<Vec<u8>, Failure> {
        let framing = request_framing(head).map_err(Failure::Malformed)?;
        if let Framing::Length(length) = framing
            && length > MAX_BODY as u64
        {
            return Err(Failure::TooLarge);
        }
        if head.expects_continue() && framing != Framing::Empty && self.buffer.is_empty() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Failure::Io)?;
        }
        let mut decoder = BodyDecoder::new(framing, BodyLimits::default());
        let mut body = Vec::new();
        loop {
            match decoder.decode(&mut self.buffer).map_err(Failure::Malformed)? {
                BodyPart::Data(data) if body.len() + data.len() > MAX_BODY => return Err(Failure::TooLarge),
                BodyPart::Data(data) => body.extend_from_slice(&data),
                BodyPart::End(_) => return Ok(body),
                BodyPart::NeedMore => {
                    if self.read_more()? == 0 {
                        return Err(Failure::Io);
                    }
                }
            }
        }
    }

    /// Reads once into the buffer; 0 at the end.
    fn read_more(&mut self) -> Result<usize, Failure> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_SIZE, 0);
        let got = self.stream.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + got.as_ref().map_or(0, |got| *got));
        got.map_err(|_| Failure::Io)
    }

    /// Says what was wrong, if anyone can still be told, and closes.
    fn fail(&mut self, failure: &Failure) -> io::Result<()> {
        let reply = match failure {
            Failure::Io => return Ok(()),
            Failure::Malformed(reason) => {
                openai::error(StatusCode::BAD_REQUEST, &format!("Malformed request: {reason}."))
            }
            Failure::TooLarge => openai::error(StatusCode::PAYLOAD_TOO_LARGE, "The body is over 1 MiB."),
        };
        ReplyWriter::closing(&mut self.stream).write(&reply, Duration::ZERO)?;
        self.stream.shutdown(Shutdown::Write)?;
        let mut rest = (&self.stream).take(MAX_DISCARDED as u64);
        io::copy(&mut rest, &mut io::sink()).map(drop)
    }
}
