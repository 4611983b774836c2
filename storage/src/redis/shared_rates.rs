//! Rate limits that several instances count together: which counters a check needs, and what their answer says in the
//! words of the core.

use std::io;
use std::time::Duration;

use llm_proxy_core::quota::{RateCheck, RateKey, RateLimit, RateVerdict, Remaining};
use llm_proxy_core::secret::Secret;

use super::address::RedisAddress;
use super::gcra::{Answer, Counter};
use super::link::{Link, Target};
use super::names::Names;

/// How rates are shared.
#[derive(Clone, Debug)]
pub struct SharedRatesConfig {
    /// The Redis that counts.
    pub redis: RedisAddress,
    /// What the names of the counters begin with.
    pub prefix: String,
    /// The key under which tokens and addresses are hashed into names; `None` hashes them without one.
    pub key_secret: Option<Secret>,
    /// While Redis does not work: whether each instance counts for itself, or requests are refused.
    pub fallback: bool,
}

/// The limiter. It counts in Redis or not at all.
#[derive(Debug)]
pub(crate) struct SharedRates {
    link: Link,
    names: Names,
    fallback: bool,
}

impl SharedRates {
    /// Begins to connect, on a thread of its own.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(config: &SharedRatesConfig) -> io::Result<Self> {
        let names = Names::new(config.prefix.clone(), config.key_secret.clone());
        let target = Target {
            address: config.redis.clone(),
            // So many that it never refuses, and kept for a moment only.
            probe: Counter::new(names.of("probe", b""), 1_000_000, Duration::from_secs(1)),
            meanwhile: if config.fallback {
                "each instance counts rates for itself"
            } else {
                "requests with a limited rate are refused"
            },
        };
        Ok(Self { link: Link::start(target)?, names, fallback: config.fallback })
    }

    /// Whether requests are counted by each instance for itself while this cannot count.
    pub(crate) const fn falls_back(&self) -> bool {
        self.fallback
    }

    /// Waits until it was tried once to connect, at most two seconds.
    pub(crate) async fn tried(&self) {
        self.link.tried().await;
    }

    /// Whether Redis works.
    pub(crate) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Whether this is a check that is shared. What counts failed attempts never is.
    pub(crate) fn shares(check: &RateCheck) -> bool {
        check.limits.iter().all(|(key, _)| match key {
            RateKey::Everyone | RateKey::Address(_) | RateKey::Token(_) => true,
            RateKey::FailedAuth(..) | RateKey::FailedManagement(_) => false,
        })
    }

    /// Counts. `None` while Redis does not work: at once if that is known, within about a quarter of a second if not.
    /// `None` too for a check that is not shared.
    pub(crate) async fn check(&self, check: &RateCheck) -> Option<RateVerdict> {
        let Some((_, last)) = check.limits.last() else {
            return Some(RateVerdict::Allowed { remaining: None });
        };
        let counters = check.limits.iter().map(|(key, limit)| self.counter(key, *limit)).collect::<Option<_>>()?;
        Some(verdict(&self.link.check(counters).await?, *last))
    }

    fn counter(&self, key: &RateKey, limit: RateLimit) -> Option<Counter> {
        let name = match key {
            RateKey::Everyone => self.names.of("everyone", b""),
            RateKey::Address(address) => self.names.of("address", address.to_string().as_bytes()),
            RateKey::Token(id) => self.names.of("token", id.to_string().as_bytes()),
            RateKey::FailedAuth(..) | RateKey::FailedManagement(_) => return None,
        };
        Some(Counter::new(name, limit.requests, limit.window))
    }
}

fn verdict(answer: &Answer, limit: RateLimit) -> RateVerdict {
    let remaining = Some(Remaining { limit, requests: answer.remaining, next_in: answer.next_in });
    match answer.refused {
        Some(retry_after) => RateVerdict::Refused { retry_after, remaining },
        None => RateVerdict::Allowed { remaining },
    }
}
