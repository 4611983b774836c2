//! Bodies: decodes by [`Framing`], and writes the chunked coding (RFC 9112 section 7.1).

use bytes::{Bytes, BytesMut};

use super::{Fields, Framing, Malformed};

/// What the framing of a chunked body may cost beside its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyLimits {
    /// Bytes of one chunk-size line with its extensions.
    pub chunk_line: usize,
    /// Bytes of the trailer section.
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
    Data(Bytes),
    /// The body is complete, with these trailers (mostly none). After it the decoder only ever says this again,
    /// without trailers.
    End(Fields),
    /// More bytes are needed.
    NeedMore,
}

/// Decodes one body.
#[derive(Debug)]
pub struct BodyDecoder {
    #[expect(dead_code, reason = "skeleton")]
    framing: Framing,
}

impl BodyDecoder {
    /// A decoder for a body with that framing.
    #[must_use]
    pub const fn new(framing: Framing, _limits: BodyLimits) -> Self {
        Self { framing }
    }

    /// Takes the next part off the front of `buf`. Bytes after the body's end stay in `buf`.
    ///
    /// # Errors
    /// When the chunked coding is broken or over its limits. The decoder must not be used after that.
    pub fn decode(&mut self, _buf: &mut BytesMut) -> Result<BodyPart, Malformed> {
        Ok(BodyPart::NeedMore)
    }

    /// The sender closed its side and `buf` is used up: ends a body that lasts until close.
    ///
    /// # Errors
    /// [`Malformed`] if the body was not complete.
    pub fn end_of_input(&mut self) -> Result<(), Malformed> {
        Ok(())
    }

    /// Whether the body is complete.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        false
    }
}

/// A chunk-size line (`1a\r\n`) in a small buffer of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkHeader {
    bytes: [u8; 18],
    len: u8,
}

impl ChunkHeader {
    /// The line for a chunk of `len` bytes.
    #[must_use]
    pub const fn new(_len: usize) -> Self {
        Self { bytes: [0; 18], len: 0 }
    }

    /// The line's bytes, CRLF included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
