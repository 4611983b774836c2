//! Reads answers as cheaply as possible, and still notices a wrong one: status, length, number of chunks, clean end.

use std::io::{self, Read};

use bytes::BytesMut;
use llm_proxy_core::http1::{BodyDecoder, BodyLimits, BodyPart, Framing};
use memchr::memmem::Finder;

use crate::origin;
use crate::scenario::{CHUNKS, STAMP_DIGITS, STAMP_MARK, Scenario};

/// Reads the answers of one connection, one after another.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    scenario: Scenario,
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
    /// Of a stream: what is not decoded yet, how, what is, up to where stamps were looked for, and how many were found.
    wire: BytesMut,
    body: BodyDecoder,
    content: Vec<u8>,
    looked: usize,
    chunks: usize,
    mark: Finder<'static>,
}

/// Where a response's body begins, and its length if it says one.
#[derive(Clone, Copy, Debug)]
struct Head {
    end: usize,
    content_length: Option<usize>,
}

impl AnswerReader {
    /// A reader for answers of that kind.
    pub(crate) fn new(scenario: Scenario) -> Self {
        let (buffer, mark) = (vec![0; 128 * 1024], Finder::new(STAMP_MARK));
        let (wire, body, content) = (BytesMut::new(), chunked(), Vec::new());
        Self { scenario, buffer, filled: 0, head: None, wire, body, content, looked: 0, chunks: 0, mark }
    }

    /// Whether the answers are streams.
    pub(crate) const fn is_stream(&self) -> bool {
        self.scenario.is_stream()
    }

    /// Reads all that is there; `true` when the answer is complete. In a stream, adds the delay of each chunk.
    pub(crate) fn read(&mut self, socket: &mut impl Read, delays: &mut Vec<u64>) -> io::Result<bool> {
        loop {
            let room = self.buffer.len() - self.filled;
            let got = match socket.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            self.filled += got;
            if self.is_complete(delays)? {
                (self.filled, self.head, self.looked, self.chunks) = (0, None, 0, 0);
                self.body = chunked();
                self.content.clear();
                return Ok(true);
            }
            // A short read has emptied the socket: the next bytes bring a new event.
            if got < room {
                return Ok(false);
            }
        }
    }

    fn is_complete(&mut self, delays: &mut Vec<u64>) -> io::Result<bool> {
        let head = match self.head {
            Some(head) => head,
            None => match parse_head(&self.buffer[..self.filled])? {
                None => return Ok(false),
                Some(head) => {
                    self.head = Some(head);
                    head
                }
            },
        };
        if self.is_stream() { self.is_stream_complete(head, delays) } else { self.is_whole(head) }
    }

    fn is_whole(&self, head: Head) -> io::Result<bool> {
        let length = head.content_length.filter(|length| Some(*length) == self.scenario.body_len());
        let end = head.end + length.ok_or_else(|| io::Error::other("an answer of another length than the origin's"))?;
        if self.filled > end { Err(io::Error::other("bytes after the answer")) } else { Ok(self.filled == end) }
    }

    /// Decodes what came, since a proxy may cut the content into other chunks than the origin did.
    fn is_stream_complete(&mut self, head: Head, delays: &mut Vec<u64>) -> io::Result<bool> {
        let now = origin::stamp();
        self.wire.extend_from_slice(&self.buffer[head.end..self.filled]);
        self.filled = head.end;
        let ended = loop {
            match self.body.decode(&mut self.wire).map_err(io::Error::other)? {
                BodyPart::Data(data) => self.content.extend_from_slice(&data),
                BodyPart::End(_) => break true,
                BodyPart::NeedMore => break false,
            }
        };
        while let Some(sent) = self.next_stamp() {
            delays.push(now.saturating_sub(sent));
            self.chunks += 1;
        }
        if ended && self.chunks != CHUNKS {
            return Err(io::Error::other("the stream lost chunks"));
        }
        Ok(ended)
    }

    /// The stamp of the next chunk, if it is wholly there.
    fn next_stamp(&mut self) -> Option<u64> {
        let start = self.looked + self.mark.find(&self.content[self.looked..])? + STAMP_MARK.len();
        let digits = self.content.get(start..start + STAMP_DIGITS)?;
        self.looked = start + STAMP_DIGITS;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

fn chunked() -> BodyDecoder {
    BodyDecoder::new(Framing::Chunked, BodyLimits::default())
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let end = match response.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(end) => end,
        httparse::Status::Partial => return Ok(None),
    };
    if response.code != Some(200) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        return Err(io::Error::other(format!("the answer is no 200: {text}")));
    }
    let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let content_length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
    Ok(Some(Head { end, content_length }))
}
