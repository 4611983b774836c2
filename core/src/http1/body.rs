//! Bodies: takes the content out of a growing buffer by its [`Framing`]. It decides where the body ends, and for the
//! chunked coding (RFC 9112 section 7.1) what is broken or too much. Content is handed out as it comes, whole chunks or
//! parts of them: nothing is collected, copied, or looked into.

use bytes::{Buf, BytesMut};

use super::chunk::parse_size;
use super::lines::Lines;
use super::{Fields, Framing, Malformed};

/// What the framing of a chunked body may cost beside its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyLimits {
    /// Bytes of one chunk-size line with its extensions, CRLF included. All these lines together may exceed what is in
    /// proportion to the data by four times as much.
    pub chunk_line: usize,
    /// Bytes of the trailer section, the empty line at its end included.
    pub trailer_bytes: usize,
    /// Lines of the trailer section.
    pub trailer_fields: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { chunk_line: 4096, trailer_bytes: 16 * 1024, trailer_fields: 64 }
    }
}

/// The next part of a body.
#[derive(PartialEq, Eq, Debug)]
pub enum BodyPart {
    /// Some bytes of the content; never empty. A chunk may come in several parts.
    Data(bytes::Bytes),
    /// The body is complete, with these trailers (mostly none). After it the decoder only ever says this again,
    /// without trailers.
    End(Fields),
    /// More bytes are needed.
    NeedMore,
}

/// Decodes one body.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    limits: BodyLimits,
    /// By how many bytes the chunk-size lines so far exceed what is in proportion to the data.
    excess: u64,
}

/// What comes next in the buffer.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Content, up to so many bytes; not zero. Then the end.
    Length(u64),
    /// Content, until the sender closes.
    UntilClose,
    /// A chunk-size line.
    ChunkLine(Lines),
    /// A chunk's data, so many bytes more; not zero.
    ChunkData(u64),
    /// The CRLF after a chunk's data.
    ChunkEnd,
    /// The trailer section, of which so many lines were seen.
    Trailers(Lines, usize),
    /// Nothing.
    Complete,
}

impl BodyDecoder {
    /// A decoder for a body with that framing.
    #[must_use]
    pub const fn new(framing: Framing, limits: BodyLimits) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Complete,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkLine(Lines::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, limits, excess: 0 }
    }

    /// Takes the next part off the front of `buf`. Bytes after the body's end stay in `buf`. Between two calls the
    /// caller only appends to `buf`.
    ///
    /// # Errors
    /// When the chunked coding is broken or over its limits. The decoder must not be used after that.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<BodyPart, Malformed> {
        loop {
            let part = match self.state {
                State::Complete => Some(BodyPart::End(Fields::default())),
                State::UntilClose => Some(take(buf, u64::MAX).0),
                State::Length(left) => Some(self.data(buf, left, State::Length, State::Complete)),
                State::ChunkData(left) => Some(self.data(buf, left, State::ChunkData, State::ChunkEnd)),
                State::ChunkLine(lines) => self.chunk_line(buf, lines)?,
                State::ChunkEnd => self.chunk_end(buf)?,
                State::Trailers(lines, count) => Some(self.trailers(buf, lines, count)?),
            };
            if let Some(part) = part {
                return Ok(part);
            }
        }
    }

    /// The sender closed its side and `buf` is used up: ends a body that lasts until close.
    ///
    /// # Errors
    /// [`Malformed::BodyCutOff`] if the body was not complete.
    pub fn end_of_input(&mut self) -> Result<(), Malformed> {
        match self.state {
            State::UntilClose | State::Complete => {
                self.state = State::Complete;
                Ok(())
            }
            State::Length(_) | State::ChunkLine(_) | State::ChunkData(_) | State::ChunkEnd | State::Trailers(..) => {
                Err(Malformed::BodyCutOff)
            }
        }
    }

    /// Whether the body is complete.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Content, and the state after it.
    fn data(&mut self, buf: &mut BytesMut, left: u64, more: fn(u64) -> State, done: State) -> BodyPart {
        let (part, left) = take(buf, left);
        self.state = if left == 0 { done } else { more(left) };
        part
    }

    fn chunk_line(&mut self, buf: &mut BytesMut, mut lines: Lines) -> Result<Option<BodyPart>, Malformed> {
        let Some(line) = lines.next(buf, self.limits.chunk_line, Malformed::ChunkLineTooLong)? else {
            self.state = State::ChunkLine(lines);
            return Ok(Some(BodyPart::NeedMore));
        };
        let size = parse_size(&buf[line])?;
        self.count_excess(lines.position(), size)?;
        buf.advance(lines.position());
        self.state = match size {
            0 => State::Trailers(Lines::new(), 0),
            size => State::ChunkData(size),
        };
        Ok(None)
    }

    /// A chunk has sixteen bytes for its line, and two more for each byte of data. The sum of what goes beyond that is
    /// limited, else a stream of tiny chunks with long extensions costs much and brings nothing. (The rule and its
    /// figures are those of Go's `net/http`.)
    fn count_excess(&mut self, line: usize, size: u64) -> Result<(), Malformed> {
        let fair = size.saturating_mul(2).saturating_add(16);
        self.excess = self.excess.saturating_add(line as u64).saturating_sub(fair);
        if self.excess > self.limits.chunk_line as u64 * 4 { Err(Malformed::ChunkOverhead) } else { Ok(()) }
    }

    fn chunk_end(&mut self, buf: &mut BytesMut) -> Result<Option<BodyPart>, Malformed> {
        match &**buf {
            [b'\r', b'\n', ..] => {
                buf.advance(2);
                self.state = State::ChunkLine(Lines::new());
                Ok(None)
            }
            [] | [b'\r'] => Ok(Some(BodyPart::NeedMore)),
            _ => Err(Malformed::ChunkEnd),
        }
    }

    fn trailers(&mut self, buf: &mut BytesMut, mut lines: Lines, mut count: usize) -> Result<BodyPart, Malformed> {
        while let Some(line) = lines.next(buf, self.limits.trailer_bytes, Malformed::TrailersTooLarge)? {
            if line.is_empty() {
                self.state = State::Complete;
                let section = buf.split_to(lines.position());
                // The usual empty section must not keep the caller's buffer in use.
                let fields = if count == 0 { Fields::default() } else { Fields::lex(section.freeze(), 0, count)? };
                return Ok(BodyPart::End(fields));
            }
            count += 1;
            if count > self.limits.trailer_fields {
                return Err(Malformed::TrailersTooLarge);
            }
        }
        self.state = State::Trailers(lines, count);
        Ok(BodyPart::NeedMore)
    }
}

/// Up to `left` bytes off the front of `buf`, and how many are left then.
fn take(buf: &mut BytesMut, left: u64) -> (BodyPart, u64) {
    if buf.is_empty() {
        return (BodyPart::NeedMore, left);
    }
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
    (BodyPart::Data(buf.split_to(length).freeze()), left - length as u64)
}
