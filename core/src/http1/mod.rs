//! HTTP/1.1 message syntax (RFC 9112) and the parts of RFC 9110 that framing needs: bytes to heads and bodies, and
//! back, in both directions.
//!
//! It decides what is well formed, where a message ends, and what must be refused because two parsers could read it
//! differently. It never decides what a request is for, never edits a field, never holds more than one head and the
//! bytes that a caller has not taken yet. Buffers belong to the caller; decoded data is handed out as [`bytes::Bytes`]
//! that share the caller's buffer.

mod body;
mod chars;
mod chunk;
mod fields;
mod framing;
mod head;
mod head_decoder;
mod host;
mod lines;
mod malformed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod replay;
mod section;
mod start_line;
mod target;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod table;

pub use body::{BodyDecoder, BodyLimits, BodyPart};
pub use chars::{is_field_value, is_token};
pub use chunk::ChunkHeader;
pub use fields::{Field, Fields, Span};
pub use framing::{Framing, request_framing, response_framing};
pub use head::{RequestHead, ResponseHead, Version};
pub use head_decoder::{HeadDecoder, HeadLimits};
pub use malformed::Malformed;
