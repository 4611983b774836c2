//! Reads answers as cheaply as possible, and still notices a wrong one: status, length, number of chunks, clean end.

use std::io::{self, Read};

use memchr::memmem::Finder;

use crate::origin;
use crate::scenario::{CHUNKS, STAMP_DIGITS, STAMP_MARK, Scenario};

const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// Reads the answers of one connection, one after another.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    scenario: Scenario,
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
    /// Up to where stamps were looked for, and how many were found.
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
        Self { scenario, buffer, filled: 0, head: None, looked: 0, chunks: 0, mark }
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
                    (self.head, self.looked) = (Some(head), head.end);
                    head
                }
            },
        };
        if self.is_stream() { self.is_stream_complete(delays) } else { self.is_whole(head) }
    }

    fn is_whole(&self, head: Head) -> io::Result<bool> {
        let length = head.content_length.filter(|length| Some(*length) == self.scenario.body_len());
        let end = head.end + length.ok_or_else(|| io::Error::other("an answer of another length than the origin's"))?;
        if self.filled > end { Err(io::Error::other("bytes after the answer")) } else { Ok(self.filled == end) }
    }

    fn is_stream_complete(&mut self, delays: &mut Vec<u64>) -> io::Result<bool> {
        let now = origin::stamp();
        while let Some(sent) = self.next_stamp() {
            delays.push(now.saturating_sub(sent));
            self.chunks += 1;
        }
        match self.buffer[..self.filled].ends_with(LAST_CHUNK) {
            true if self.chunks != CHUNKS => Err(io::Error::other("the stream lost chunks")),
            ended => Ok(ended),
        }
    }

    /// The stamp of the next chunk, if it is wholly there.
    fn next_stamp(&mut self) -> Option<u64> {
        let filled = &self.buffer[..self.filled];
        let start = self.looked + self.mark.find(&filled[self.looked..])? + STAMP_MARK.len();
        let digits = filled.get(start..start + STAMP_DIGITS)?;
        self.looked = start + STAMP_DIGITS;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
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
