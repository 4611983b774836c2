//! Everything that stays the same for all exchanges of a running program: the checked settings that machines decide by.

use std::time::Duration;

use crate::auth::TokenKeySlot;
use crate::http1::HeadLimits;
use crate::quota::{Concurrency, Holds, RateLimits};
use crate::secret::Secret;
use crate::settings::{Networks, ProvidersSlot};

/// The rules. Made once at the start and shared; only the providers, in a place of their own, may be replaced later.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where requests may go. A reload replaces what is in it.
    pub providers: ProvidersSlot,
    /// The operator's credential.
    pub management_token: Secret,
    /// The key of token digests, once the store is open. Empty, the program is starting: alive, but not ready.
    pub token_key: TokenKeySlot,
    /// Whether an inactive project stops its tokens (LLM_PROXY_ENFORCE_PROJECT_ACTIVE).
    pub enforce_project_active: bool,
    /// Whether the upstream is told the client's address (FORWARD_CLIENT_IP).
    pub forward_client_ip: bool,
    /// The proxies before us whose `X-Forwarded-For` is believed (TRUSTED_PROXIES).
    pub trusted_proxies: Networks,
    /// How many proxied requests may run at once (MAX_CONCURRENT_REQUESTS).
    pub concurrency: Concurrency,
    /// How much content is held while it is looked at (INSPECTION_MAX_BYTES, INSPECTION_MAX_TOTAL_BYTES).
    pub holds: Holds,
    /// How many requests come in a minute (GLOBAL_RATE_LIMIT, IP_RATE_LIMIT), and how many credentials fail
    /// (AUTH_FAILURE_LIMIT).
    pub rates: RateLimits,
    /// What a head may cost, in both directions.
    pub head_limits: HeadLimits,
    /// The time limits that are not a provider's.
    pub patience: Patience,
    /// How long a tunnel may go on until its token is looked at again (GRANT_MAX_AGE).
    pub grant_max_age: Duration,
    /// The program's version, for `/health`.
    pub version: &'static str,
}

/// How long the program waits for what is not an upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For a whole request head, from its first byte or from the accept.
    pub client_head: Duration,
    /// For the next bytes of a request's content.
    pub client_body: Duration,
    /// For a client to take bytes that wait for it, where no other limit runs.
    pub client_write: Duration,
    /// For the next request on a connection.
    pub keep_alive: Duration,
    /// For the first head of a fresh connection, once the program is stopping.
    pub first_head_at_stop: Duration,
    /// For the next bytes of a client that still sends after an answer that closes; in all, fifteen times that.
    pub linger: Duration,
    /// For the store.
    pub store: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            client_head: Duration::from_secs(10),
            client_body: Duration::from_secs(30),
            client_write: Duration::from_secs(30),
            keep_alive: Duration::from_secs(120),
            first_head_at_stop: Duration::from_secs(1),
            linger: Duration::from_secs(2),
            store: Duration::from_millis(4500),
        }
    }
}
