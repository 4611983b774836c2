//! The ids by which an exchange is quoted: the client's own where it sent a usable one, else a UUIDv7.

use std::fmt;

use smallvec::SmallVec;

use super::leak::shows_credential;
use crate::audit::begins_like_a_key;
use crate::http1::Fields;
use crate::ids::{IdSeed, uuid_v7};
use crate::time::Timestamp;

const LONGEST: usize = 128;

/// Where random parts of ids come from: a small generator (SplitMix64) seeded by the driver. Request ids must differ,
/// not be secret.
#[derive(Clone, Debug)]
pub struct IdSource(u64, u64);

impl IdSource {
    /// A source from 16 random bytes.
    #[must_use]
    pub const fn new(seed: u128) -> Self {
        Self(seed as u64, (seed >> 64) as u64)
    }

    /// The next seed for one id.
    pub fn next_seed(&mut self) -> IdSeed {
        let (a, b) = (step(&mut self.0), step(&mut self.1));
        let mut seed = IdSeed::default();
        seed[..8].copy_from_slice(&a.to_le_bytes());
        seed[8..].copy_from_slice(&b.to_le_bytes()[..2]);
        seed
    }
}

const fn step(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Visible ASCII, 1 to 128 characters, inline while it is no longer than a UUID.
type Id = SmallVec<[u8; 36]>;

/// The two ids of one exchange.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestIds {
    request: Id,
    correlation: Id,
}

impl RequestIds {
    /// The ids of a request with those fields, received at `at`. A correlation id that the client did not send is the
    /// request id.
    #[must_use]
    pub fn of(fields: &Fields, at: Timestamp, source: &mut IdSource) -> Self {
        let request = usable(fields, "x-request-id").unwrap_or_else(|| made(at, source));
        let correlation = usable(fields, "x-correlation-id").unwrap_or_else(|| request.clone());
        Self { request, correlation }
    }

    /// Ids where no request could be read.
    #[must_use]
    pub fn made(at: Timestamp, source: &mut IdSource) -> Self {
        let request = made(at, source);
        Self { correlation: request.clone(), request }
    }

    /// The request id.
    #[must_use]
    pub fn request(&self) -> &str {
        std::str::from_utf8(&self.request).unwrap_or_default()
    }

    /// The correlation id.
    #[must_use]
    pub fn correlation(&self) -> &str {
        std::str::from_utf8(&self.correlation).unwrap_or_default()
    }
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.request(), self.correlation())
    }
}

/// Whether a client's id is one that may be passed on and logged.
fn is_usable(value: &[u8]) -> bool {
    (1..=LONGEST).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

/// The value of the only line of that name, if it is usable. Two lines are two opinions: neither counts. Nor does one
/// that shows the client's own credential, or what looks like one, since ids are passed on and logged.
fn usable(fields: &Fields, name: &str) -> Option<Id> {
    let mut values = fields.get_all(name);
    let value = values.next().filter(|value| is_usable(value))?;
    let harmless =
        values.next().is_none() && !shows_credential(value, fields) && begins_like_a_key(value, None).is_none();
    harmless.then(|| Id::from_slice(value))
}

fn made(at: Timestamp, source: &mut IdSource) -> Id {
    let mut text = [0_u8; uuid::fmt::Hyphenated::LENGTH];
    uuid_v7(at, &source.next_seed()).hyphenated().encode_lower(&mut text);
    Id::from_buf(text)
}
