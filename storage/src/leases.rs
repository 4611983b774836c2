//! Spends limited tokens from leases (see the core's [`Ledger`]): who asks the store, when, and what is done with what
//! it says. What a request that finds a lease costs is one short lock.

use std::error::Error;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::quota::{Ledger, Settlement, Spend};
use llm_proxy_core::time::{Instant, Now};

use crate::store::{SettleError, Store, StoreError};
use crate::turns::Turns;

/// Threads that spend at the same time mostly meet different locks. A power of two.
const SHARDS: usize = 16;
/// Tokens per shard; about 13 MB in all when full.
const TOKENS_PER_SHARD: usize = 4096;
/// Tokens that are settled in one transaction: few enough that others need not wait long for the write lock.
const SETTLEMENTS_PER_BATCH: usize = 500;

/// The leases of this instance.
#[derive(Debug)]
pub(crate) struct Leases {
    shards: [Mutex<Ledger>; SHARDS],
    /// One lease of a token at a time.
    turns: Turns,
    /// One settlement at a time: what is returned must not overtake what was spent.
    settling: async_lock::Mutex<()>,
}

/// While it lives, nobody leases of the token.
#[must_use]
pub(crate) struct Held<'a>(#[expect(dead_code, reason = "held, never looked at")] async_lock::MutexGuard<'a, ()>);

/// Settlements that the store was not asked for yet. They go back to the ledger unless it is.
struct Unsettled<'a> {
    leases: &'a Leases,
    rest: Vec<Settlement>,
}

impl Leases {
    /// Spends one request, if that can be decided without the store. `max_age` is how long a remainder may be spent, the
    /// grant age of the moment.
    pub(crate) fn spend_now(&self, token: TokenId, now: Now, max_age: Duration) -> Option<Spent> {
        match self.aged(token, max_age).spend(token, now) {
            Spend::Allowed => Some(Spent::Allowed(token)),
            Spend::Exhausted => Some(Spent::Exhausted),
            Spend::NeedsLease(_) | Spend::NoRoom => None,
        }
    }

    /// Spends one request, from a new lease if need be. After an error, or a dropped future, what may have been leased
    /// is lost.
    pub(crate) async fn spend(
        &self,
        store: &dyn Store,
        token: TokenId,
        now: Now,
        max_age: Duration,
    ) -> Result<Spent, StoreError> {
        let failures = self.turns.failures(token);
        let before = failures.load(Ordering::Relaxed);
        let _turn = self.turns.of_token(token).await;
        // Another may have leased for all meanwhile.
        let spend = self.aged(token, max_age).spend(token, now);
        // Or have failed for all: if each tried anew, the last would wait as long as all of them.
        let has_failed = failures.load(Ordering::Relaxed) != before;
        let spent = match spend {
            Spend::Allowed => Ok(Spent::Allowed(token)),
            Spend::Exhausted => Ok(Spent::Exhausted),
            Spend::NeedsLease(_) | Spend::NoRoom if has_failed => return Err(StoreError::NoAnswer),
            Spend::NeedsLease(wanted) => self.lease(store, token, wanted, now).await,
            Spend::NoRoom => spend_one(store, token, now).await,
        };
        if spent.is_err() {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        spent
    }

    /// A spent request did not reach its upstream.
    pub(crate) fn give_back(&self, token: TokenId, now: Now) {
        self.ledger(token).give_back(token, now.mono);
    }

    /// Before a change of the token's limit: gives back what is leased of it. Leases wait until the guard goes, which
    /// must be after the change.
    pub(crate) async fn limit_changes(&self, store: &dyn Store, token: TokenId) -> Held<'_> {
        let turn = self.turns.of_token(token).await;
        self.ledger(token).limit_changes(token);
        let _order = self.settling.lock().await;
        let settlement = self.ledger(token).take(token);
        // What was not given back counts as leased, under the new limit as under the old.
        log_failure(self.settle_these(store, settlement.into_iter().collect()).await);
        Held(turn)
    }

    /// Tells the store what was spent and what is given back. What it certainly did not hear is kept.
    pub(crate) async fn settle(&self, store: &dyn Store, now: Instant, max_age: Duration) -> Result<(), StoreError> {
        let _order = self.settling.lock().await;
        let of_shard = |shard| {
            let mut ledger = lock(shard);
            ledger.set_max_age(max_age);
            ledger.take_all(now)
        };
        let settlements = self.shards.iter().flat_map(of_shard).collect();
        self.settle_these(store, settlements).await
    }

    /// Waits for leases that are under way, lets none begin any more while the guards live, and gives everything back.
    pub(crate) async fn close(&self, store: &dyn Store) -> Vec<async_lock::MutexGuard<'_, ()>> {
        let turns = self.turns.all().await;
        self.shards.iter().for_each(|shard| lock(shard).recall_all());
        // What was not given back counts as leased, for good.
        log_failure(self.settle(store, Instant::default(), Duration::ZERO).await);
        turns
    }

    async fn lease(
        &self,
        store: &dyn Store,
        token: TokenId,
        wanted: NonZeroU64,
        now: Now,
    ) -> Result<Spent, StoreError> {
        self.settle_owed(store, token).await?;
        let lease = store.lease(token, wanted).await?;
        let mut ledger = self.ledger(token);
        Ok(match lease {
            Some(lease) => {
                ledger.leased(token, lease, now);
                Spent::Allowed(token)
            }
            None => {
                ledger.exhausted(token, now.mono);
                Spent::Exhausted
            }
        })
    }

    /// What was given back and not told to the store would be missing from what it can lease.
    async fn settle_owed(&self, store: &dyn Store, token: TokenId) -> Result<(), StoreError> {
        if !self.ledger(token).owes(token) {
            return Ok(());
        }
        let _order = self.settling.lock().await;
        let settlement = self.ledger(token).take(token);
        self.settle_these(store, settlement.into_iter().collect()).await
    }

    async fn settle_these(&self, store: &dyn Store, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        let mut unsettled = Unsettled { leases: self, rest: settlements };
        while let Some(batch) = unsettled.next_batch() {
            match store.settle(&batch).await {
                Ok(()) => {}
                Err(SettleError::NotDone(error)) => {
                    self.restore(&batch);
                    return Err(error);
                }
                Err(SettleError::Unknown(error)) => {
                    let tokens = batch.len();
                    tracing::warn!(
                        tokens,
                        error = &error as &(dyn Error + 'static),
                        "whether spent requests were counted is not known; if not, they stay counted as leased"
                    );
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn restore(&self, settlements: &[Settlement]) {
        settlements.iter().for_each(|settlement| self.ledger(settlement.token).restore(settlement));
    }

    fn aged(&self, token: TokenId, max_age: Duration) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.ledger(token);
        ledger.set_max_age(max_age);
        ledger
    }

    fn ledger(&self, token: TokenId) -> MutexGuard<'_, Ledger> {
        // The end of an id is random.
        lock(&self.shards[usize::from(token.uuid().as_bytes()[15]) % SHARDS])
    }
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Ledger::new(TOKENS_PER_SHARD, Duration::ZERO))),
            turns: Turns::default(),
            settling: async_lock::Mutex::default(),
        }
    }
}

impl Unsettled<'_> {
    /// From here on they are not given back to the ledger: the store may have them.
    fn next_batch(&mut self) -> Option<Vec<Settlement>> {
        let rest = self.rest.len().checked_sub(1)?.min(SETTLEMENTS_PER_BATCH - 1) + 1;
        Some(self.rest.drain(..rest).collect())
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.leases.restore(&self.rest);
    }
}

/// Without room in the ledger: leased and settled at once.
async fn spend_one(store: &dyn Store, token: TokenId, now: Now) -> Result<Spent, StoreError> {
    if store.lease(token, NonZeroU64::MIN).await?.is_none() {
        return Ok(Spent::Exhausted);
    }
    match store.settle(&[Settlement::one(token, now.wall)]).await {
        Ok(()) => {}
        // It is the client's all the same. The store counts it as leased, for good.
        Err(SettleError::NotDone(error) | SettleError::Unknown(error)) => {
            tracing::warn!(
                error = &error as &(dyn Error + 'static),
                "a spent request could not be counted; it stays counted as leased"
            );
        }
    }
    Ok(Spent::Allowed(token))
}

fn log_failure(settled: Result<(), StoreError>) {
    if let Err(error) = settled {
        tracing::error!(error = &error as &(dyn Error + 'static), "leases could not be given back");
    }
}

/// A panic elsewhere leaves the ledger usable.
fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
