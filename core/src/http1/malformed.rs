//! Why bytes are not an acceptable message. The reason is the same on both sides of the proxy; who is guilty (client or
//! upstream) is said by the caller that wraps it.

use thiserror::Error;

/// What is wrong with the bytes. The texts may be shown to the sender: they hold none of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The head is longer than the limit.
    #[error("the head is too large")]
    HeadTooLarge,
    /// More field lines than the limit.
    #[error("the head has too many fields")]
    TooManyFields,
    /// The start line is not one (RFC 9112 sections 3 and 4).
    #[error("the start line is malformed")]
    StartLine,
}
