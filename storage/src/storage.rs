//! What the runtimes hold: a store with the grant cache and the counts of uses in front of it, and the one place where
//! the core's store effects are performed. It decides nothing that a client sees.

use std::error::Error;
use std::sync::Arc;

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::exchange::{Spent, StoreEffect, StoreOutcome, Unavailable};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{Command, CommandError, Reply, TokenChange};
use llm_proxy_core::time::{Instant, Now, Timestamp};

use crate::config::{Database, StorageConfig};
use crate::error::OpenError;
use crate::grants::GrantCache;
use crate::leases::Leases;
use crate::memory::MemoryStore;
use crate::sql::SqlStore;
use crate::store::{ExecuteError, Store};
use crate::turns::Turns;
use crate::uses::UseCounts;

/// Tokens whose uses are written in one transaction: few enough that others need not wait long for the write lock.
const USES_PER_BATCH: usize = 500;

/// Shared by all who need state; cloning is cheap.
///
/// A driver performs each [`StoreEffect`] with [`Self::perform`], may ask [`Self::cached_grant`] first, notes uses of
/// unlimited tokens with [`Self::note_use`], calls [`Self::flush`] about once a second, and [`Self::close`] at the end.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Box<dyn Store>,
    grants: GrantCache,
    look_ups: Turns,
    uses: UseCounts,
    leases: Leases,
}

impl Storage {
    /// Opens the store: files, migrations, keys.
    ///
    /// # Errors
    /// With a sentence that says what to do.
    pub async fn open(config: StorageConfig) -> Result<Self, OpenError> {
        let store: Box<dyn Store> = match &config.database {
            Database::Sqlite { path, pool_size } => {
                Box::new(SqlStore::open(path, *pool_size, config.encryption_key.as_ref()).await?)
            }
            Database::Memory => Box::new(MemoryStore::new()?),
        };
        Ok(Self::over(store, GrantCache::new(config.grant_capacity, config.grant_max_age)))
    }

    fn over(store: Box<dyn Store>, grants: GrantCache) -> Self {
        let leases = Leases::new(grants.max_age());
        Self(Arc::new(Shared { store, grants, look_ups: Turns::default(), uses: UseCounts::default(), leases }))
    }

    /// The key for the digests that the core looks tokens up by.
    #[must_use]
    pub fn token_key(&self) -> &TokenKey {
        self.0.store.token_key()
    }

    /// The grant of a token, if it can be had without waiting.
    #[must_use]
    pub fn cached_grant(&self, digest: &TokenDigest, now: Instant) -> Option<Arc<Grant>> {
        self.0.grants.get(digest, now)
    }

    /// The outcome of an effect, if it can be had without waiting: grants that are in memory, and requests of limited
    /// tokens that are leased.
    #[must_use]
    pub fn perform_now(&self, effect: &StoreEffect, now: Now) -> Option<StoreOutcome> {
        match effect {
            StoreEffect::FindGrant(digest) => {
                let grant = self.cached_grant(digest, now.mono)?;
                Some(StoreOutcome::Grant(Ok(Some(grant))))
            }
            StoreEffect::Spend(token) => {
                let spent = self.0.leases.spend_now(*token, now)?;
                Some(StoreOutcome::Spent(Ok(spent)))
            }
            StoreEffect::Manage(_) | StoreEffect::CheckHealth => None,
        }
    }

    /// Performs an effect; the outcome is the variant of the same name. A failure of the store is logged here, once, and
    /// answered as unavailable. The caller sets the time limit: dropping the future gives up on it.
    pub async fn perform(&self, effect: StoreEffect, now: Now) -> StoreOutcome {
        match effect {
            StoreEffect::FindGrant(digest) => StoreOutcome::Grant(self.find_grant(digest, now.mono).await),
            StoreEffect::Spend(token) => StoreOutcome::Spent(self.spend(token, now).await),
            StoreEffect::Manage(command) => StoreOutcome::Managed(self.manage(command, now).await),
            StoreEffect::CheckHealth => StoreOutcome::Health(self.check_health().await),
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

    /// Writes the counted uses, settles what was spent of leases, and gives back leases that are not used. What the
    /// store certainly does not take is kept for the next flush.
    pub async fn flush(&self, now: Instant) {
        self.flush_uses().await;
        self.settle(now).await;
    }

    async fn settle(&self, now: Instant) {
        if let Err(error) = self.0.leases.settle(&*self.0.store, now).await {
            failed("settle", &error);
        }
    }

    async fn flush_uses(&self) {
        let dropped = self.0.uses.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "more tokens were in use than uses can be counted for between two flushes");
        }
        for batch in self.0.uses.take(USES_PER_BATCH) {
            match self.0.store.add_uses(batch.uses()).await {
                Ok(()) => batch.done(),
                Err(error) => {
                    failed("add uses", &error);
                    // The rest would most likely fail too, each after its own wait.
                    return;
                }
            }
        }
    }

    /// Flushes, gives all leases back, then closes the store. Calls after it answer that the store is not available.
    pub async fn close(&self) {
        self.flush_uses().await;
        // Until the store is closed: what is leased after the last settlement would be lost.
        let _none_leases = self.0.leases.close(&*self.0.store).await;
        self.0.store.close().await;
    }

    async fn find_grant(&self, digest: TokenDigest, now: Instant) -> Result<Option<Arc<Grant>>, Unavailable> {
        if let Some(grant) = self.cached_grant(&digest, now) {
            return Ok(Some(grant));
        }
        let _turn = self.0.look_ups.of_digest(&digest).await;
        if let Some(grant) = self.cached_grant(&digest, now) {
            return Ok(Some(grant));
        }
        let ticket = self.0.grants.ticket(now);
        let found = self.0.store.find_grant(digest).await.map_err(|error| failed("find grant", &error))?;
        let grant = found.map(Arc::new);
        if let Some(grant) = &grant {
            self.0.grants.keep(digest, Arc::clone(grant), ticket);
        }
        Ok(grant)
    }

    async fn spend(&self, token: TokenId, now: Now) -> Result<Spent, Unavailable> {
        self.0.leases.spend(&*self.0.store, token, now).await.map_err(|error| failed("spend", &error))
    }

    async fn manage(&self, command: Command, now: Now) -> Result<Reply, CommandError> {
        let at = now.wall;
        if sets_a_limit(&command) {
            // What was used before counts against the limit from its first moment.
            self.flush_uses().await;
        }
        if shows_counts(&command) {
            self.settle(now.mono).await;
        }
        let _none_leases = match changes_leases(&command) {
            Some(token) => Some(self.0.leases.limit_changes(&*self.0.store, token).await),
            None => None,
        };
        let _forget = changes_grants(&command).then(|| self.0.grants.forget_on_drop());
        self.0.store.execute(command, at).await.map_err(|error| match error {
            ExecuteError::Refused(refusal) => refusal,
            ExecuteError::Failed(error) => {
                failed("manage", &error);
                CommandError::StoreUnavailable
            }
        })
    }

    async fn check_health(&self) -> Result<(), Unavailable> {
        self.0.store.ping().await.map_err(|error| failed("ping", &error))
    }
}

/// Whether the command gives a token a limit on its requests in all.
const fn sets_a_limit(command: &Command) -> bool {
    matches!(command, Command::UpdateToken(_, TokenChange { max_requests: Some(Some(_)), .. }))
}

/// Whether what was spent here and not settled yet would be missing from the reply.
const fn shows_counts(command: &Command) -> bool {
    match command {
        Command::ListTokens(..) | Command::GetToken(_) => true,
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::CreateToken(_)
        | Command::UpdateToken(..)
        | Command::RevokeToken(_) => false,
    }
}

/// The token whose lease must not outlive the command.
const fn changes_leases(command: &Command) -> Option<TokenId> {
    match command {
        Command::UpdateToken(token, _) | Command::RevokeToken(token) => Some(*token),
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::ListTokens(..)
        | Command::CreateToken(_)
        | Command::GetToken(_) => None,
    }
}

/// Whether a grant that was read before the command may be wrong after it.
const fn changes_grants(command: &Command) -> bool {
    match command {
        Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::UpdateToken(..)
        | Command::RevokeToken(_) => true,
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::ListTokens(..)
        | Command::CreateToken(_)
        | Command::GetToken(_) => false,
    }
}

/// The one log line of a failure. Store errors print no stored value.
fn failed(operation: &'static str, error: &(dyn Error + 'static)) -> Unavailable {
    tracing::error!(operation, error, "the store failed");
    Unavailable
}

#[cfg(test)]
mod tests;
