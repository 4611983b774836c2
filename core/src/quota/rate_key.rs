//! The words of rate limits: what is counted, how much of it is allowed, and what a check says. Whoever keeps the
//! counts, in memory or shared by several instances, speaks in these; nothing here counts.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use smallvec::SmallVec;

use crate::auth::TokenDigest;
use crate::ids::TokenId;

/// What has a rate of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RateKey {
    /// All requests together (GLOBAL_RATE_LIMIT).
    Everyone,
    /// Those of one client address (IP_RATE_LIMIT); see [`RateKey::address`].
    Address(IpAddr),
    /// Those with one token (its `requests_per_minute`).
    Token(TokenId),
    /// Failed attempts with one credential from one address (AUTH_FAILURE_LIMIT). Never shared between instances.
    FailedAuth(IpAddr, CredentialDigest),
    /// Failed attempts at the management routes from one address. Never shared between instances.
    FailedManagement(IpAddr),
}

impl RateKey {
    /// The key of a client's address; of IPv6, that of its network.
    #[must_use]
    pub fn address(client: IpAddr) -> Self {
        Self::Address(network_of(client))
    }

    /// The key of failed attempts with that credential.
    #[must_use]
    pub fn failed_auth(client: IpAddr, credential: CredentialDigest) -> Self {
        Self::FailedAuth(network_of(client), credential)
    }

    /// The key of failed attempts at the management routes.
    #[must_use]
    pub fn failed_management(client: IpAddr) -> Self {
        Self::FailedManagement(network_of(client))
    }
}

/// An IPv6 client is given at least a whole /64 and chooses from it freely (RFC 6177 section 2, RFC 8981), so one address
/// of it says nothing; an IPv4 address stands for itself.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Stands for a credential that was presented: the first half of its keyed digest. The text cannot be had from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialDigest([u8; 16]);

impl From<&TokenDigest> for CredentialDigest {
    fn from(digest: &TokenDigest) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&digest.as_bytes()[..16]);
        Self(half)
    }
}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// So many at once, then evenly refilled over the window. Neither of them is zero in a limit that is in effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// How many requests.
    pub requests: u64,
    /// In how long a time.
    pub window: Duration,
}

impl RateLimit {
    /// A limit per minute; `None` for 0, which is no limit.
    #[must_use]
    pub const fn per_minute(requests: u64) -> Option<Self> {
        if requests == 0 { None } else { Some(Self { requests, window: Duration::from_secs(60) }) }
    }
}

/// The rates that hold for whoever comes. `None` is no limit, and costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RateLimits {
    /// Of everyone together (GLOBAL_RATE_LIMIT).
    pub everyone: Option<RateLimit>,
    /// Of one client address (IP_RATE_LIMIT).
    pub address: Option<RateLimit>,
    /// Of failures with one credential from one address, and at the management routes from one address
    /// (AUTH_FAILURE_LIMIT).
    pub failures: Option<RateLimit>,
    /// Of each token that has none of its own (DISTRIBUTED_RATE_LIMIT_MAX).
    pub other_tokens: Option<RateLimit>,
}

/// A question about one request: whether all these limits let it in. It counts against all of them, or, refused by one,
/// against none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateCheck {
    /// What it counts against.
    pub limits: SmallVec<[(RateKey, RateLimit); 2]>,
}

impl RateCheck {
    /// A check against one limit.
    #[must_use]
    pub fn one(key: RateKey, limit: RateLimit) -> Self {
        Self { limits: SmallVec::from_iter([(key, limit)]) }
    }
}

/// The answer to a [`RateCheck`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateVerdict {
    /// It is let in, and was counted.
    Allowed {
        /// What the check's last limit has left; `None` if nobody could say.
        remaining: Option<Remaining>,
    },
    /// It is not, and nothing was counted.
    Refused {
        /// When all the limits would let it in, if nothing else came meanwhile.
        retry_after: Duration,
        /// What the check's last limit has left.
        remaining: Option<Remaining>,
    },
}

/// What is left of a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remaining {
    /// The limit.
    pub limit: RateLimit,
    /// How many requests it would let in at once now.
    pub requests: u64,
    /// Until it lets one more in than now; zero if all of it is there.
    pub next_in: Duration,
}
