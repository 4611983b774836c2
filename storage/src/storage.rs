//! What the runtimes hold: a store with the grant cache and the counts of uses in front of it, and the one place where
//! the core's store effects are performed. It decides nothing that a client sees.

mod calls;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use llm_proxy_core::audit::Draft;
use llm_proxy_core::auth::{Grant, TokenDigest, TokenKeySlot};
use llm_proxy_core::exchange::{Component, GrantQuery, Health, Spent, StoreEffect, StoreOutcome, Unavailable};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::{Instant, Now, Timestamp};

use crate::audit::Writer;
use crate::config::StorageConfig;
use crate::error::OpenError;
use crate::grants::GrantCache;
use crate::leases::Leases;
use crate::opening;
use crate::outage::{Access, Outage};
use crate::rate_checks::RateChecks;
use crate::rates::Rates;
use crate::store::{SettleError, Store, StoreError, TokenUse};
use crate::turns::Turns;
use crate::uses::UseCounts;

/// Tokens whose uses are written in one transaction: few enough that others need not wait long for the write lock.
const USES_PER_BATCH: usize = 500;
/// How often the store is asked where the time of the last contact counts and nobody else asks.
const CONTACT_EVERY: Duration = Duration::from_secs(1);

/// Shared by all who need state; cloning is cheap.
///
/// A driver opens it (see [`Opening`](crate::Opening)), performs each [`StoreEffect`] with [`Self::perform`], may ask
/// [`Self::perform_now`] first, notes uses of unlimited tokens with [`Self::note_use`], calls [`Self::flush`] and
/// [`Self::watch`] about once a second each, and [`Self::close`] at the end. What [`Self::perform`] has not answered
/// within [`Self::PATIENCE`], though nothing would be lost, the driver gives up with [`Self::give_up`].
#[derive(Clone, Debug)]
pub struct Storage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Empty until it is open.
    store: OnceLock<Box<dyn Store>>,
    token_key: TokenKeySlot,
    grants: GrantCache,
    outage: Arc<Outage>,
    look_ups: Turns,
    uses: UseCounts,
    flushing: async_lock::Mutex<()>,
    /// `None` records nothing.
    audit: Option<Writer>,
    leases: Leases,
    rate_checks: RateChecks,
    rates: Rates,
}

impl Storage {
    /// How long a driver waits for an effect that may be given up. Longer than a store that works, but is busy, needs to
    /// say so, and shorter than the core waits, so that a grant may still be had from memory.
    pub const PATIENCE: Duration = Duration::from_millis(4250);

    /// Opens the store: files, migrations, keys. Tries once.
    ///
    /// # Errors
    /// With a sentence that says what to do.
    pub async fn open(config: StorageConfig) -> Result<Self, OpenError> {
        let storage = Self::closed(&config)?;
        storage.fill(opening::open(&config).await?).await?;
        storage.0.rate_checks.tried().await;
        Ok(storage)
    }

    /// Without a store: it answers that it is not available.
    ///
    /// # Errors
    /// If the audit log cannot be opened: that cannot be mended by waiting.
    pub(crate) fn closed(config: &StorageConfig) -> Result<Self, OpenError> {
        let grants = GrantCache::new(config.grant_capacity, config.grant_max_age);
        let outage = Arc::new(Outage::new(config.outage_grace));
        let audit = config.audit.as_ref().map(|audit| Writer::open(audit, Arc::clone(&outage))).transpose()?;
        let rate_checks = RateChecks::start(config.shared_rates.as_ref()).map_err(OpenError::RedisThread)?;
        Ok(Self::with(grants, outage, audit, rate_checks))
    }

    fn with(grants: GrantCache, outage: Arc<Outage>, audit: Option<Writer>, rate_checks: RateChecks) -> Self {
        let leases = Leases::default();
        Self(Arc::new(Shared {
            store: OnceLock::new(),
            token_key: TokenKeySlot::default(),
            grants,
            outage,
            look_ups: Turns::default(),
            uses: UseCounts::default(),
            flushing: async_lock::Mutex::default(),
            leases,
            rates: Rates::default(),
            audit,
            rate_checks,
        }))
    }

    /// Begins the audit log as far as that can be done without the store, and waits a moment for Redis if it is used.
    pub(crate) async fn begin(&self) -> Result<(), OpenError> {
        self.0.rate_checks.tried().await;
        match &self.0.audit {
            Some(audit) => audit.begin(None).await,
            None => Ok(()),
        }
    }

    /// The store is open; the first one stays. Whoever sees the token key finds the store there too, and the audit log
    /// begun.
    pub(crate) async fn fill(&self, store: Box<dyn Store>) -> Result<(), OpenError> {
        let store = self.0.store.get_or_init(|| store);
        if let Some(audit) = &self.0.audit {
            audit.begin(Some(&**store)).await?;
        }
        self.0.token_key.fill(store.token_key().clone());
        Ok(())
    }

    fn store(&self) -> Result<&dyn Store, StoreError> {
        self.0.store.get().map(Box::as_ref).ok_or(StoreError::NotOpen)
    }

    /// The key for the digests that the core looks tokens up by, once the store is open.
    #[must_use]
    pub fn token_key(&self) -> &TokenKeySlot {
        &self.0.token_key
    }

    /// The grant of a token, if it can be had without waiting: one that is young enough, or while the store fails, one
    /// that is known and within the grace.
    #[must_use]
    pub fn cached_grant(&self, digest: &TokenDigest, now: Instant) -> Option<Arc<Grant>> {
        let old = || self.0.outage.allows_old_grants(now).then(|| self.0.grants.get_old(digest)).flatten();
        self.0.grants.get(digest, now).or_else(old)
    }

    /// The outcome of an effect, if it can be had without waiting: grants that are in memory, requests of limited
    /// tokens that are leased, and what the rates say.
    #[must_use]
    pub fn perform_now(&self, effect: &StoreEffect, now: Now) -> Option<StoreOutcome> {
        match effect {
            StoreEffect::FindGrant(query) => match self.cached_grant(&query.digest, now.mono) {
                Some(grant) => Some(StoreOutcome::Grant(Ok(Some(grant)))),
                None => self.0.rates.refuse_look_up(query, now.mono).map(|refused| StoreOutcome::Rates(Ok(refused))),
            },
            StoreEffect::Spend(token) => {
                let spent = self.0.leases.spend_now(*token, now, self.lease_age(now.mono))?;
                Some(StoreOutcome::Spent(Ok(spent)))
            }
            StoreEffect::CheckRates(check) => {
                self.0.rate_checks.now(check, || self.0.rates.check(check, now.mono)).map(StoreOutcome::Rates)
            }
            StoreEffect::FindGrantAnew(_) => None,
            StoreEffect::Manage(..) | StoreEffect::Record(_) | StoreEffect::CheckHealth => None,
        }
    }

    /// Performs an effect; the outcome is the variant of the same name. A failure of the store is answered as
    /// unavailable; the log has the cause. The caller sets the time limit: dropping the future gives up on it.
    pub async fn perform(&self, effect: StoreEffect, now: Now) -> StoreOutcome {
        match effect {
            StoreEffect::FindGrant(query) => self.find_grant(query, now.mono).await,
            StoreEffect::FindGrantAnew(digest) => StoreOutcome::Grant(self.find_grant_anew(digest, now.mono).await),
            StoreEffect::Spend(token) => StoreOutcome::Spent(self.spend(token, now).await),
            StoreEffect::CheckRates(check) => {
                let verdict = self.0.rate_checks.perform(&check, || self.0.rates.check(&check, now.mono)).await;
                StoreOutcome::Rates(verdict)
            }
            StoreEffect::Manage(command, facts) => StoreOutcome::Managed(self.manage(command, *facts, now).await),
            StoreEffect::Record(draft) => StoreOutcome::Recorded(self.record(*draft).await),
            StoreEffect::CheckHealth => StoreOutcome::Health(self.check_health(now.mono).await),
        }
    }

    /// The outcome of an effect that was asked at `asked_at` and has taken longer than [`Self::PATIENCE`] until `now`.
    /// `None` for one that must be done to its end.
    #[must_use]
    pub fn give_up(&self, effect: &StoreEffect, asked_at: Now, now: Now) -> Option<StoreOutcome> {
        if !effect.may_be_given_up() {
            return None;
        }
        self.0.outage.look_up_failed("look up", &StoreError::NoAnswer, asked_at.mono);
        match effect {
            StoreEffect::FindGrant(query) => {
                Some(StoreOutcome::Grant(self.cached_grant(&query.digest, now.mono).map(Some).ok_or(Unavailable)))
            }
            StoreEffect::FindGrantAnew(_) => Some(StoreOutcome::Grant(Err(Unavailable))),
            StoreEffect::CheckHealth => Some(StoreOutcome::Health(self.health(Component::Down))),
            StoreEffect::Spend(_) | StoreEffect::CheckRates(_) | StoreEffect::Manage(..) | StoreEffect::Record(_) => {
                None
            }
        }
    }

    /// Looks whether a store that fails works again, and says what has been failing. To be called about once a second;
    /// to be broken off after [`Self::PATIENCE`].
    pub async fn watch(&self, now: Instant) {
        self.0.outage.tell_time(now);
        for access in self.0.outage.to_try(now, CONTACT_EVERY) {
            match access {
                // No token has it.
                Access::Read => drop(self.look_up(TokenDigest::from_bytes([0; 32]), now).await),
                Access::Write => drop(self.add_uses(&[]).await),
            }
        }
    }

    /// Counts one request of an unlimited token. Never waits; the store hears of it at the next flush.
    pub fn note_use(&self, token: TokenId, at: Timestamp) {
        self.0.uses.note(token, at);
    }

    /// A request that was spent did not reach its upstream. Never waits.
    pub fn give_back(&self, token: TokenId, now: Now) {
        self.0.leases.give_back(token, now);
    }

    /// Nobody hears this outcome: what it spent is given back. Never waits.
    pub fn unheard(&self, outcome: &StoreOutcome, now: Now) {
        if let Some(token) = outcome.spent() {
            self.give_back(token, now);
        }
    }

    /// Records what happened to a request, such as that it was denied. Never waits; it is on disk soon, or at the next
    /// flush.
    pub fn audit(&self, draft: Draft, now: Now) {
        if let Some(audit) = &self.0.audit {
            audit.note(now, draft);
        }
    }

    /// Writes the counted uses, settles what was spent of leases, gives back leases that are not used, and writes the
    /// audit events that wait for something. What the store certainly does not take is kept for the next flush.
    pub async fn flush(&self, now: Now) {
        // What is left is for the next flush.
        let _ = self.flush_uses().await;
        self.settle(now.mono).await;
        if let Some(audit) = &self.0.audit {
            audit.flush(self.store().ok(), now).await;
        }
    }

    /// How long a lease's remainder may be spent. In an outage it is all that there is, for as long as grants are used.
    fn lease_age(&self, now: Instant) -> Duration {
        let more = if self.0.outage.allows_old_grants(now) { self.0.outage.grace() } else { Duration::ZERO };
        self.0.grants.max_age() + more
    }

    async fn settle(&self, now: Instant) {
        let Ok(store) = self.store() else { return };
        let before = self.0.outage.changes();
        if let Err(error) = self.0.leases.settle(store, now, self.lease_age(now)).await {
            // What was certainly not done is settled at a later flush.
            self.0.outage.change_failed("settle", &error, before);
        }
    }

    /// One after the other: who waits for it must not overtake what another has taken out.
    async fn flush_uses(&self) -> Result<(), Unavailable> {
        let _turn = self.0.flushing.lock().await;
        let dropped = self.0.uses.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "more tokens were in use than uses can be counted for between two flushes");
        }
        for batch in self.0.uses.take(USES_PER_BATCH) {
            // The rest would most likely fail too, each after its own wait.
            self.add_uses(batch.uses()).await?;
            batch.done();
        }
        Ok(())
    }

    /// Flushes, gives all leases back, ends the audit chain, closes the store, and the audit log last of all. Calls after
    /// it answer that the store is not available.
    pub async fn close(&self, now: Now) {
        let _ = self.flush_uses().await;
        let (tokens, uses) = self.0.uses.left();
        if uses > 0 {
            tracing::error!(tokens, uses, "uses of unlimited tokens could not be counted, and are lost");
        }
        // Until the store is closed: what is leased after the last settlement would be lost.
        let _none_leases = match self.store() {
            Ok(store) => Some(self.0.leases.close(store).await),
            Err(_) => None,
        };
        if let Some(audit) = &self.0.audit {
            audit.finish(self.store().ok(), now.wall).await;
        }
        if let Ok(store) = self.store() {
            store.close().await;
        }
        if let Some(audit) = &self.0.audit {
            audit.close().await;
        }
    }

    async fn find_grant(&self, query: GrantQuery, now: Instant) -> StoreOutcome {
        let digest = query.digest;
        if let Some(grant) = self.cached_grant(&digest, now) {
            return StoreOutcome::Grant(Ok(Some(grant)));
        }
        let _turn = self.0.look_ups.of_digest(&digest).await;
        if let Some(grant) = self.cached_grant(&digest, now) {
            return StoreOutcome::Grant(Ok(Some(grant)));
        }
        // Those that waited with it may have failed meanwhile.
        match self.0.rates.refuse_look_up(&query, now) {
            Some(refused) => StoreOutcome::Rates(Ok(refused)),
            None => StoreOutcome::Grant(self.ask_for_grant(digest, now).await),
        }
    }

    /// The grant as the store has it now; while the store fails, as it was.
    async fn ask_for_grant(&self, digest: TokenDigest, now: Instant) -> Result<Option<Arc<Grant>>, Unavailable> {
        let found = self.find_grant_anew(digest, now).await;
        // The failure may have begun an outage, and with it the grace.
        found.or_else(|Unavailable| self.cached_grant(&digest, now).map(Some).ok_or(Unavailable))
    }

    /// What the store says, which is kept in memory too.
    async fn find_grant_anew(&self, digest: TokenDigest, now: Instant) -> Result<Option<Arc<Grant>>, Unavailable> {
        let ticket = self.0.grants.ticket(now);
        let Some(grant) = self.look_up(digest, now).await?.map(Arc::new) else {
            // Or an outage would bring it back.
            self.0.grants.forget(&digest);
            return Ok(None);
        };
        self.0.grants.keep(digest, Arc::clone(&grant), ticket);
        Ok(Some(grant))
    }

    async fn look_up(&self, digest: TokenDigest, asked_at: Instant) -> Result<Option<Grant>, Unavailable> {
        match async { self.store()?.find_grant(digest).await }.await {
            Ok(found) => {
                self.0.outage.look_up_answered(asked_at);
                Ok(found)
            }
            Err(error) => {
                self.0.outage.look_up_failed("find grant", &error, asked_at);
                Err(Unavailable)
            }
        }
    }

    async fn spend(&self, token: TokenId, now: Now) -> Result<Spent, Unavailable> {
        let before = self.0.outage.changes();
        let spent = async { self.0.leases.spend(self.store()?, token, now, self.lease_age(now.mono)).await }.await;
        self.changed(spent, "spend", before)
    }

    async fn add_uses(&self, uses: &[TokenUse]) -> Result<(), Unavailable> {
        let before = self.0.outage.changes();
        let added = async { self.store()?.add_uses(uses).await }.await;
        if let Err(SettleError::Unknown(error)) = &added {
            // Counted again, they might be counted twice, and a limit that is set later would be reached too early.
            self.0.outage.change_failed("add uses", error, before);
            tracing::warn!(tokens = uses.len(), "whether uses were counted is not known; they are not counted again");
            return Ok(());
        }
        let added = added.map_err(|(SettleError::NotDone(error) | SettleError::Unknown(error))| error);
        self.changed(added, "add uses", before)
    }

    async fn check_health(&self, asked_at: Instant) -> Health {
        let store = match async { self.store()?.ping().await }.await {
            Ok(()) if self.0.outage.refuses_changes() => Component::Down,
            Ok(()) => Component::Up,
            Err(error) => {
                self.0.outage.look_up_failed("ping", &error, asked_at);
                Component::Down
            }
        };
        self.health(store)
    }

    fn health(&self, store: Component) -> Health {
        Health { store, audit: self.audit_health(store), redis: self.0.rate_checks.health() }
    }

    /// Events that wait for a database that is down are not the audit log's trouble, if there is a file that has them.
    fn audit_health(&self, store: Component) -> Component {
        let is_well = self.0.audit.as_ref().is_none_or(|audit| match store {
            Component::Up => audit.is_well(),
            Component::Down => audit.takes_events(),
        });
        if is_well { Component::Up } else { Component::Down }
    }

    /// What became of a change, for the caller and for the state of the store. `before` is how many had been done when it
    /// began.
    fn changed<T>(
        &self,
        result: Result<T, StoreError>,
        operation: &'static str,
        before: u64,
    ) -> Result<T, Unavailable> {
        match result {
            Ok(done) => {
                self.0.outage.change_answered();
                Ok(done)
            }
            Err(error) => {
                self.0.outage.change_failed(operation, &error, before);
                Err(Unavailable)
            }
        }
    }
}

#[cfg(test)]
mod tests;
