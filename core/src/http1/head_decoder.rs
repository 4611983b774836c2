//! Finds a whole head in a growing buffer and parses it. It looks at each byte for the end once, however the bytes
//! arrive, and refuses what is wrong as soon as it can be seen.

use bytes::BytesMut;

use super::{Malformed, RequestHead, ResponseHead};

/// What a head may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    /// Bytes of the start line and all field lines together.
    pub bytes: usize,
    /// Field lines.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, fields: 128 }
    }
}

/// Decodes heads, one after another, from the front of a buffer.
#[derive(Debug)]
pub struct HeadDecoder {
    #[expect(dead_code, reason = "skeleton")]
    limits: HeadLimits,
}

impl HeadDecoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self { limits }
    }

    /// Takes a request's head off the front of `buf`; `None` while it is incomplete. Empty lines before it are skipped
    /// (RFC 9112 section 2.2).
    ///
    /// # Errors
    /// As soon as the bytes cannot become an acceptable head.
    pub fn request(&mut self, _buf: &mut BytesMut) -> Result<Option<RequestHead>, Malformed> {
        Ok(None)
    }

    /// Takes a response's head off the front of `buf`; `None` while it is incomplete.
    ///
    /// # Errors
    /// As soon as the bytes cannot become an acceptable head.
    pub fn response(&mut self, _buf: &mut BytesMut) -> Result<Option<ResponseHead>, Malformed> {
        Ok(None)
    }
}
