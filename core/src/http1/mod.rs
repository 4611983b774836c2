//! HTTP/1.1 message syntax (RFC 9112) and the parts of RFC 9110 that framing needs: bytes to heads and bodies, and
//! back, in both directions.
//!
//! It decides what is well formed, where a message ends, and what must be refused because two parsers could read it
//! differently. It never decides what a request is for, never edits a field, never holds more than one head and the
//! bytes that a caller has not taken yet. Buffers belong to the caller; decoded data is handed out as [`bytes::Bytes`]
//! that share the caller's buffer.
//!
//! To read a message: call [`HeadDecoder`] on a buffer until it gives a head; ask [`request_framing`] or
//! [`response_framing`] where the body ends; call a [`BodyDecoder`] of that framing on the same buffer until the end.
//! What is left in the buffer then belongs to the next message.
//!
//! # Where the RFC leaves a choice
//!
//! | matter | decision |
//! | --- | --- |
//! | a bare LF as a line end (9112 2.2) | refused |
//! | line folding in a response (9112 5.2) | refused |
//! | empty lines before a request (9112 2.2) | four are skipped |
//! | lenient spacing of start lines (9112 3, 4) | refused, but the space before an empty reason may be missing |
//! | a later minor version (9110 2.5) | read as HTTP/1.1 |
//! | an empty `Host` (9112 3.2) | accepted: it is what a client without an authority has to send |
//! | an absolute form without a path (9112 3.2.2) | read as `/`, or as `*` for a bare `OPTIONS` |
//! | equal `Content-Length` values, lists of them (9112 6.3) | refused, in responses too |
//! | leading zeros of a `Content-Length` (9110 8.6) | refused, since some readers take them for octal |
//! | `Transfer-Encoding` beside `Content-Length` (9112 6.1) | refused |
//! | codings other than `chunked` (9112 7) | refused |
//! | a length or coding on a 1xx or 204 (9110 8.6, 9112 6.1) | refused, but a length of zero is accepted |
//! | a 205 (9110 15.3.6) | framed like a 200; a length other than zero is refused |
//! | bad whitespace in chunk extensions (9112 7.1.1) | accepted where the grammar has it, so never last on the line |
//! | chunk sizes (9112 7.1) | sixteen digits at most |
//! | fields that are forbidden in trailers (9110 6.5.1) | handed out; whoever passes trailers on must filter them |
//!
//! # What holds
//!
//! 1. The result does not depend on how the bytes are cut: every case of `table`, and
//!    `it_does_not_matter_where_the_bytes_are_cut`.
//! 2. What was accepted has one reading: written again in its plain form it is the same message
//!    (`near_messages_keep_the_laws`, and `crate::fuzzing`).
//! 3. What was written is read as it was (`a_request_that_was_written_is_read_as_it_was`,
//!    `a_body_survives_the_chunked_coding`).
//! 4. Nothing that is handed out is a copy (`decoded_data_shares_the_buffer`).

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
#[cfg(test)]
mod tests;

pub use body::{BodyDecoder, BodyLimits, BodyPart};
pub use chars::{is_field_value, is_token};
pub use chunk::ChunkHeader;
pub use fields::{Field, Fields, Span};
pub use framing::{Framing, request_framing, response_framing};
pub use head::{RequestHead, ResponseHead, Version};
pub use head_decoder::{HeadDecoder, HeadLimits};
pub use malformed::Malformed;
