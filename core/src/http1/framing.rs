//! Where a message's body ends (RFC 9112 section 6.3).

use http::Method;

use super::{Malformed, RequestHead, ResponseHead};

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes. Never zero: that is [`Framing::Empty`].
    Length(u64),
    /// Chunked transfer coding (RFC 9112 section 7.1), with trailers possible.
    Chunked,
    /// Everything until the connection closes; responses only.
    UntilClose,
}

/// The framing of a request's body.
///
/// # Errors
/// When lengths or codings contradict each other, or could be read in two ways.
pub fn request_framing(_head: &RequestHead) -> Result<Framing, Malformed> {
    Ok(Framing::Empty)
}

/// The framing of the body of a final response to `method`.
///
/// # Errors
/// When lengths or codings contradict each other, or could be read in two ways.
pub fn response_framing(_method: &Method, _head: &ResponseHead) -> Result<Framing, Malformed> {
    Ok(Framing::Empty)
}
