//! What surrounds a session in the harness, beside the store: how bytes are cut, and each use of an upstream
//! connection.

use std::io::IoSlice;

use crate::connection::{MAX_SLICES, OutQueue};

/// How bytes are cut on their way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Not at all.
    Whole,
    /// Once, after so many bytes.
    At(usize),
    /// Into pieces of that size.
    Every(usize),
}

impl Split {
    pub(super) fn pieces(self, bytes: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![bytes],
            Self::At(at) if at < bytes.len() => vec![&bytes[..at], &bytes[at..]],
            Self::At(_) => vec![bytes],
            Self::Every(size) => bytes.chunks(size.max(1)).collect(),
        }
    }
}

/// What became of a connection after an exchange used it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseEnd {
    /// It went back to the pool.
    Released,
    /// It was closed.
    Closed,
}

/// One exchange's use of one upstream connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// All that the upstream heard in it.
    pub heard: Vec<u8>,
    /// Whether the connection came from the pool.
    pub reused: bool,
    /// How it ended, once it has.
    pub end: Option<UseEnd>,
}

/// Takes up to `most` bytes out of a queue, as a socket would.
pub(super) fn take(queue: &OutQueue, most: usize, to: &mut Vec<u8>) -> usize {
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let filled = queue.fill(&mut slices);
    let before = to.len();
    for slice in &slices[..filled] {
        let room = most - (to.len() - before);
        to.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    to.len() - before
}
