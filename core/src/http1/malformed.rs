//! Why bytes are not an acceptable message. The reason is the same on both sides of the proxy; who is guilty (client or
//! upstream) is said by the caller that wraps it.

use thiserror::Error;

/// What is wrong with the bytes. The texts may be shown to the sender: they hold none of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The head is longer than the limit, or has not ended within it.
    #[error("the head is too large")]
    HeadTooLarge,
    /// More field lines than the limit.
    #[error("the head has too many fields")]
    TooManyFields,

    /// The first bytes cannot begin an HTTP/1.x message: another protocol, or rubbish (RFC 9112 section 2.1).
    #[error("this is not HTTP/1.x")]
    NotHttp,
    /// More empty lines before a request than are skipped (RFC 9112 section 2.2).
    #[error("there are too many empty lines before the request line")]
    EmptyLines,
    /// A CR that no LF follows (RFC 9112 section 2.2).
    #[error("a carriage return stands alone")]
    BareCr,
    /// A LF that follows no CR (RFC 9112 section 2.2 lets a recipient accept it; recipients that differ here are how
    /// requests are smuggled).
    #[error("a line feed stands alone")]
    BareLf,
    /// A control byte other than HTAB, CR and LF (RFC 9110 section 5.5).
    #[error("there is a control byte in the head")]
    ControlByte,

    /// The start line has not the parts that it needs, each parted by one space (RFC 9112 sections 3 and 4).
    #[error("the start line is malformed")]
    StartLine,
    /// The method is no token, or longer than any method in use (RFC 9110 section 9.1).
    #[error("the method is malformed")]
    Method,
    /// `CONNECT`: this is no tunnel (RFC 9110 section 9.3.6).
    #[error("CONNECT is not supported")]
    Connect,
    /// The target has none of the allowed forms, or bytes that no target has (RFC 9112 section 3.2).
    #[error("the request target is malformed")]
    Target,
    /// The version is not `HTTP/1.x` (RFC 9112 section 2.3).
    #[error("the HTTP version is malformed or not supported")]
    Version,
    /// The status is not three digits from 100 on (RFC 9112 section 4).
    #[error("the status code is malformed")]
    Status,

    /// A field line without a colon (RFC 9112 section 5).
    #[error("a field line has no colon")]
    FieldLine,
    /// A field name that is empty or no token (RFC 9110 section 5.1).
    #[error("a field name is malformed")]
    FieldName,
    /// Whitespace between a field name and its colon (RFC 9112 section 5.1).
    #[error("there is whitespace before the colon of a field line")]
    SpaceBeforeColon,
    /// A line that begins with whitespace: an obsolete line folding (RFC 9112 section 5.2), or whitespace before the
    /// first field (RFC 9112 section 2.2).
    #[error("a field line begins with whitespace")]
    ObsFold,

    /// HTTP/1.1 without `Host` (RFC 9112 section 3.2).
    #[error("the Host field is missing")]
    HostMissing,
    /// More than one `Host` line (RFC 9112 section 3.2).
    #[error("there is more than one Host field")]
    HostRepeated,
    /// A `Host` value that is no `uri-host [ ":" port ]` (RFC 9112 section 3.2).
    #[error("the Host field is malformed")]
    HostValue,

    /// A `Content-Length` that is not one plain decimal number (RFC 9110 section 8.6, RFC 9112 section 6.3).
    #[error("the Content-Length is malformed")]
    ContentLength,
    /// More than one `Content-Length` line, even with equal values (RFC 9112 section 6.3).
    #[error("there is more than one Content-Length field")]
    ContentLengthRepeated,
    /// A transfer coding other than `chunked`, once (RFC 9112 sections 6.1 and 6.3).
    #[error("the only supported Transfer-Encoding is chunked, once")]
    TransferEncoding,
    /// `Transfer-Encoding` in a message of HTTP/1.0 (RFC 9112 section 6.1).
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    TransferEncodingInHttp10,
    /// Both `Transfer-Encoding` and `Content-Length` (RFC 9112 section 6.1).
    #[error("there is both a Transfer-Encoding and a Content-Length")]
    LengthAndCoding,
    /// A status that forbids content, with a length or coding that announces some (RFC 9110 sections 8.6 and 15.3.6,
    /// RFC 9112 section 6.1).
    #[error("a response of this status cannot have content")]
    ContentForbidden,
    /// The sender closed its side within a head (RFC 9112 section 8).
    #[error("the head is cut off")]
    HeadCutOff,
    /// A 101 although no upgrade was asked for (RFC 9110 section 15.2.2).
    #[error("it switches protocols, which nobody asked for")]
    UnaskedSwitch,

    /// A chunk size that is not one to sixteen hexadecimal digits (RFC 9112 section 7.1).
    #[error("a chunk size is malformed")]
    ChunkSize,
    /// Chunk extensions against their grammar (RFC 9112 section 7.1.1).
    #[error("a chunk extension is malformed")]
    ChunkExtension,
    /// A chunk-size line over the limit (RFC 9112 section 7.1.1 asks for one).
    #[error("a chunk-size line is too long")]
    ChunkLineTooLong,
    /// All chunk-size lines together are out of proportion to the data (RFC 9112 section 7.1.1 asks for a limit).
    #[error("the chunks have too much beside their data")]
    ChunkOverhead,
    /// A chunk's data is not followed by CRLF (RFC 9112 section 7.1).
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// The trailer section is over its limits (RFC 9112 section 7.1.2).
    #[error("the trailer section is too large")]
    TrailersTooLarge,
    /// The sender closed before the body was complete (RFC 9112 section 8).
    #[error("the body was cut off")]
    BodyCutOff,
}
