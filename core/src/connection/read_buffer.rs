//! The buffer into which a driver reads. It grows with what arrives (small for heads and events, large for bulk) and
//! reuses its memory once nobody holds a part of it, so that a steady stream allocates nothing.

use std::fmt;

use bytes::BytesMut;

const FIRST_READ: usize = 8 * 1024;
const LARGEST_READ: usize = 64 * 1024;
const LEAST_SPARE: usize = 2 * 1024;

/// A read buffer with an adaptive size.
pub(super) struct ReadBuffer {
    pub(super) bytes: BytesMut,
    next_read: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), next_read: FIRST_READ }
    }
}

impl ReadBuffer {
    /// The buffer with room for the next read.
    pub(super) fn for_reading(&mut self) -> &mut BytesMut {
        if self.bytes.capacity() - self.bytes.len() < LEAST_SPARE {
            self.bytes.reserve(self.next_read);
        }
        &mut self.bytes
    }

    /// Learns from a read of `n` bytes: one that filled the buffer asks for a larger one.
    pub(super) fn learn(&mut self, n: usize) {
        if n >= self.next_read || self.bytes.capacity() == self.bytes.len() {
            self.next_read = (self.next_read * 2).min(LARGEST_READ);
        } else if n < self.next_read / 4 {
            self.next_read = (self.next_read / 2).max(FIRST_READ);
        }
    }
}

/// The length only: what is in it may be a credential.
impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadBuffer({} bytes)", self.bytes.len())
    }
}
