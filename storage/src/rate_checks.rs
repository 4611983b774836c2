//! Who answers a check of rates: the counters in Redis where they are shared, this instance's own otherwise, and what
//! is answered while Redis does not work. It counts nothing itself.

use std::io;

use llm_proxy_core::exchange::{Component, Unavailable};
use llm_proxy_core::quota::{RateCheck, RateVerdict};

use crate::redis::{SharedRates, SharedRatesConfig};

/// The choice; `None` shares nothing.
#[derive(Debug, Default)]
pub(crate) struct RateChecks(Option<SharedRates>);

impl RateChecks {
    /// Begins to connect, if rates are shared.
    ///
    /// # Errors
    /// If there can be no thread for that.
    pub(crate) fn start(config: Option<&SharedRatesConfig>) -> io::Result<Self> {
        config.map(SharedRates::start).transpose().map(Self)
    }

    /// Waits until it was tried once to connect, at most two seconds, so that the first requests are shared too.
    pub(crate) async fn tried(&self) {
        if let Some(shared) = &self.0 {
            shared.tried().await;
        }
    }

    /// Whether Redis works; `None` if it is not used.
    pub(crate) fn health(&self) -> Option<Component> {
        self.0.as_ref().map(|shared| if shared.is_up() { Component::Up } else { Component::Down })
    }

    /// The verdict if it can be had without waiting. `locally` counts in this instance.
    pub(crate) fn now(
        &self,
        check: &RateCheck,
        locally: impl FnOnce() -> RateVerdict,
    ) -> Option<Result<RateVerdict, Unavailable>> {
        match self.sharing(check) {
            None => Some(Ok(locally())),
            Some(shared) if shared.is_up() => None,
            Some(shared) => Some(without_redis(shared, locally)),
        }
    }

    /// The verdict. `locally` counts in this instance, and is called where Redis is not to be asked or does not work.
    pub(crate) async fn perform(
        &self,
        check: &RateCheck,
        locally: impl FnOnce() -> RateVerdict,
    ) -> Result<RateVerdict, Unavailable> {
        let Some(shared) = self.sharing(check) else { return Ok(locally()) };
        match shared.check(check).await {
            Some(verdict) => Ok(verdict),
            None => without_redis(shared, locally),
        }
    }

    fn sharing(&self, check: &RateCheck) -> Option<&SharedRates> {
        self.0.as_ref().filter(|_| SharedRates::shares(check))
    }
}

fn without_redis(shared: &SharedRates, locally: impl FnOnce() -> RateVerdict) -> Result<RateVerdict, Unavailable> {
    if shared.falls_back() { Ok(locally()) } else { Err(Unavailable) }
}
