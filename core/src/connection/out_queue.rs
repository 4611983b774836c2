//! Bytes on their way to one socket: shared segments in order, handed to vectored writes, taken off as they are
//! written. It knows nothing of HTTP but the chunked coding's lines, which are kept inline.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::http1::ChunkHeader;

/// How many segments one vectored write takes at most.
pub const MAX_SLICES: usize = 16;

enum Segment {
    Shared(Bytes),
    ChunkHeader { line: ChunkHeader, written: u8 },
    Static(&'static [u8]),
}

impl Segment {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::ChunkHeader { line, written } => &line.as_bytes()[usize::from(*written)..],
            Self::Static(bytes) => bytes,
        }
    }

    fn advance(&mut self, n: usize) {
        match self {
            Self::Shared(bytes) => bytes.advance(n),
            Self::ChunkHeader { written, .. } => *written += u8::try_from(n).unwrap_or(u8::MAX),
            Self::Static(bytes) => *bytes = &bytes[n..],
        }
    }
}

/// The queue. It allocates only while it grows; its users bound its size by what it holds.
#[derive(Default)]
pub struct OutQueue {
    segments: VecDeque<Segment>,
    len: usize,
}

impl OutQueue {
    /// Bytes that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Memory that it holds, bytes: what waits, and what it takes to keep it in pieces. A sender that cuts its content
    /// into single bytes makes the second much the larger.
    #[must_use]
    pub(super) fn held(&self) -> usize {
        self.len + self.segments.len() * size_of::<Segment>()
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `slices` with what waits, from the front, and says how many it filled.
    #[must_use]
    pub fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, segment) in slices.iter_mut().zip(&self.segments) {
            *slot = IoSlice::new(segment.as_slice());
            filled += 1;
        }
        filled
    }

    /// Takes `n` written bytes off the front; false, and nothing taken, if so many never waited.
    #[must_use]
    pub(super) fn advance(&mut self, n: usize) -> bool {
        if n > self.len {
            return false;
        }
        self.len -= n;
        let mut left = n;
        while let Some(front) = self.segments.front_mut() {
            let size = front.as_slice().len();
            if size > left {
                front.advance(left);
                break;
            }
            left -= size;
            self.segments.pop_front();
        }
        true
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.segments.push_back(Segment::Shared(bytes));
        }
    }

    pub(super) fn push_static(&mut self, bytes: &'static [u8]) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.segments.push_back(Segment::Static(bytes));
        }
    }

    pub(super) fn push_chunk_header(&mut self, size: usize) {
        let line = ChunkHeader::new(size);
        self.len += line.as_bytes().len();
        self.segments.push_back(Segment::ChunkHeader { line, written: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.len = 0;
    }
}

impl fmt::Debug for OutQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutQueue({} bytes in {} segments)", self.len, self.segments.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &OutQueue) -> String {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let filled = queue.fill(&mut slices);
        slices[..filled].iter().map(|slice| String::from_utf8_lossy(slice).into_owned()).collect()
    }

    #[test]
    fn any_sequence_of_partial_writes_gives_the_same_bytes() {
        for step in 1..=12 {
            let mut queue = OutQueue::default();
            queue.push(Bytes::from_static(b"head"));
            queue.push_chunk_header(0x1a);
            queue.push(Bytes::from_static(b"data"));
            queue.push_static(b"\r\n");
            let (whole, mut seen) = (text(&queue), String::new());
            while !queue.is_empty() {
                let n = step.min(queue.len());
                seen.push_str(&text(&queue)[..n]);
                assert!(queue.advance(n));
            }
            assert_eq!(seen, whole);
        }
    }

    #[test]
    fn more_than_waits_cannot_be_taken() {
        let mut queue = OutQueue::default();
        queue.push(Bytes::from_static(b"ab"));
        assert!(!queue.advance(3));
        assert_eq!(queue.len(), 2);
    }
}
