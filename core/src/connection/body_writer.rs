//! Writes one message's content under the framing that its head announced (RFC 9112 sections 6 and 7.1), and knows
//! whether it came out whole. It never writes more than a `Content-Length` said: a sender that gives more or less is
//! found here.

use bytes::{Bytes, BytesMut};

use super::out_queue::OutQueue;
use crate::http1::{Fields, Framing};
use crate::proxy::passes_in_trailer;

/// The state of one outgoing body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BodyWriter {
    /// No head has been written.
    Idle,
    /// So many bytes are still owed.
    Length(u64),
    /// Chunks, until the last one.
    Chunked,
    /// Until the connection closes.
    UntilClose,
    /// Complete.
    Done,
}

/// The content does not fit the framing that the head announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mismatch;

impl BodyWriter {
    pub(super) const fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty => Self::Length(0),
            Framing::Length(bytes) => Self::Length(bytes),
            Framing::Chunked => Self::Chunked,
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(super) fn data(&mut self, data: Bytes, out: &mut OutQueue) -> Result<(), Mismatch> {
        match self {
            Self::Length(owed) => {
                *owed = owed.checked_sub(data.len() as u64).ok_or(Mismatch)?;
                out.push(data);
            }
            Self::Chunked => {
                if !data.is_empty() {
                    out.push_chunk_header(data.len());
                    out.push(data);
                    out.push_static(b"\r\n");
                }
            }
            Self::UntilClose => out.push(data),
            Self::Idle | Self::Done => return Err(Mismatch),
        }
        Ok(())
    }

    /// Ends the body. `trailers` may be carried only by the chunked coding; elsewhere they are dropped, as are those that
    /// may not be trailers (RFC 9110 section 6.5.1).
    pub(super) fn end(&mut self, trailers: &Fields, out: &mut OutQueue) -> Result<(), Mismatch> {
        match self {
            Self::Length(0) | Self::UntilClose => {}
            Self::Chunked if trailers.is_empty() => out.push_static(b"0\r\n\r\n"),
            Self::Chunked => {
                out.push_static(b"0\r\n");
                let mut section = BytesMut::new();
                let passing = trailers.iter().filter(|field| passes_in_trailer(field.name));
                passing.for_each(|field| section.extend_from_slice(field.line));
                out.push(section.freeze());
                out.push_static(b"\r\n");
            }
            Self::Length(_) | Self::Idle | Self::Done => return Err(Mismatch),
        }
        *self = Self::Done;
        Ok(())
    }

    pub(super) const fn is_done(self) -> bool {
        matches!(self, Self::Done)
    }
}
