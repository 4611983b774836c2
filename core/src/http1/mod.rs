//! HTTP/1.1 message syntax (RFC 9112) and the parts of RFC 9110 that framing needs: bytes to heads and bodies, and
//! back, in both directions.
//!
//! It decides what is well formed, where a message ends, and what must be refused because two parsers could read it
//! differently. It never decides what a request is for, never edits a field, never holds more than one head and the
//! bytes that a caller has not taken yet. Buffers belong to the caller; decoded data is handed out as [`bytes::Bytes`]
//! that share the caller's buffer.

mod body;
mod fields;
mod framing;
mod head;
mod head_decoder;
mod malformed;

pub use body::{BodyDecoder, BodyLimits, BodyPart, ChunkHeader};
pub use fields::{Field, Fields, Span};
pub use framing::{Framing, request_framing, response_framing};
pub use head::{RequestHead, ResponseHead, Version};
pub use head_decoder::{HeadDecoder, HeadLimits};
pub use malformed::Malformed;
