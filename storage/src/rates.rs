//! Who counts requests against rates: this instance, in memory. It decides at once and never waits, on the thread that
//! asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::exchange::GrantQuery;
use llm_proxy_core::quota::{RateCheck, RateTable, RateVerdict};
use llm_proxy_core::time::Instant;

/// The rates of this instance. What it costs is one short lock.
///
/// Where instances share their rates, `rate_checks` asks here only while that cannot be done, and for failed credentials,
/// which are always counted here.
#[derive(Debug)]
pub(crate) struct Rates {
    local: Mutex<RateTable>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { local: Mutex::new(RateTable::new(RateTable::CAPACITY)) }
    }
}

impl Rates {
    /// Counts a request, or says why not.
    pub(crate) fn check(&self, check: &RateCheck, now: Instant) -> RateVerdict {
        self.table().check(check, now)
    }

    /// The refusal of a look-up, where that token failed too often from that address.
    pub(crate) fn refuse_look_up(&self, query: &GrantQuery, now: Instant) -> Option<RateVerdict> {
        let (key, limit) = query.failures()?;
        let retry_after = self.table().wait(&key, limit, now)?;
        Some(RateVerdict::Refused { retry_after, remaining: None })
    }

    /// A panic elsewhere leaves the table whole: no step of it stops halfway.
    fn table(&self) -> MutexGuard<'_, RateTable> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
