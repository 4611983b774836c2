//! A store in the memory of this process: for tests and for trying things out. Nothing outlives it, and nothing is
//! sealed, since nothing is at rest.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::audit::Event;
use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ChainId, EventId, ProjectId, TokenId};
use llm_proxy_core::manage::{Command, EventFilter, EventPage, Project, Reply, Token};
use llm_proxy_core::quota::{Lease, Settlement, largest_lease};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use crate::import::{ImportBatch, ImportReport};
use crate::random::{self, NoRandomness};
use crate::store::{
    ChangeBatch, ChangeError, EventList, ExecuteError, SettleError, Store, StoreError, StoreFuture, TokenUse,
};

mod commands;
mod events;
mod import;

use events::Events;

/// Projects, tokens and audit events in maps.
pub struct MemoryStore {
    token_key: TokenKey,
    state: Mutex<State>,
    /// Held by the one batch of changes that is under way.
    changing: async_lock::Mutex<()>,
}

#[derive(Default)]
struct State {
    records: Records,
    events: Events,
}

/// What management calls are about. A batch of changes works on a clone, which takes the place of the original at the
/// commit. A deleted project is removed with its tokens: no history is asked of this store.
#[derive(Clone, Default)]
struct Records {
    projects: HashMap<ProjectId, (Project, Secret)>,
    tokens: HashMap<TokenId, Token>,
    digests: HashMap<TokenDigest, TokenId>,
}

impl MemoryStore {
    /// An empty store with a token key of its own.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        let token_key = TokenKey::new(&*random::secret_bytes()?);
        Ok(Self { token_key, state: Mutex::default(), changing: async_lock::Mutex::new(()) })
    }

    /// A panic of another thread leaves the maps usable: each change is made whole under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn grant(&self, digest: &TokenDigest) -> Option<Grant> {
        let token = self.tokens.get(self.digests.get(digest)?)?;
        let (project, key) = self.projects.get(&token.project_id)?;
        Some(Grant {
            token_id: token.id,
            project_id: project.id,
            provider: project.provider.as_str().into(),
            upstream_key: key.clone(),
            token_active: token.is_active,
            project_active: project.is_active,
            expires_at: token.expires_at,
            max_requests: token.max_requests,
            requests_per_minute: token.requests_per_minute,
        })
    }

    fn lease(&mut self, token: TokenId, wanted: NonZeroU64) -> Option<Lease> {
        let token = self.tokens.get_mut(&token)?;
        let lease = match token.max_requests {
            None => Lease { count: wanted, remaining: None },
            Some(limit) => {
                let remaining = limit.saturating_sub(token.request_count.saturating_add(token.leased_count));
                let count = largest_lease(remaining)?.min(wanted);
                Lease { count, remaining: (count < wanted).then(|| remaining.saturating_sub(count.get())) }
            }
        };
        token.leased_count = token.leased_count.saturating_add(lease.count.get());
        Some(lease)
    }

    fn settle(&mut self, settlement: &Settlement) {
        if let Some(token) = self.tokens.get_mut(&settlement.token) {
            let (count, leased) = (token.request_count, token.leased_count);
            token.request_count = count.saturating_add(settlement.spent).saturating_sub(settlement.returned);
            token.leased_count = leased.saturating_sub(settlement.spent.saturating_add(settlement.given_back));
            token.last_used_at = token.last_used_at.max(settlement.last_used_at);
        }
    }

    /// Takes over the counts of `current`, which go on while a batch of changes is under way.
    fn take_counts_of(&mut self, current: &Self) {
        for (id, token) in &mut self.tokens {
            if let Some(current) = current.tokens.get(id) {
                token.request_count = current.request_count;
                token.leased_count = current.leased_count;
                token.last_used_at = current.last_used_at;
            }
        }
    }
}

fn add_uses(token: &mut Token, count: u64, at: Timestamp) {
    token.request_count = token.request_count.saturating_add(count);
    token.last_used_at = token.last_used_at.max(Some(at));
}

impl Store for MemoryStore {
    fn token_key(&self) -> &TokenKey {
        &self.token_key
    }

    fn find_grant(&self, digest: TokenDigest) -> StoreFuture<'_, Result<Option<Grant>, StoreError>> {
        Box::pin(ready(Ok(self.state().records.grant(&digest))))
    }

    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>> {
        Box::pin(ready(Ok(self.state().records.lease(token, wanted))))
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>> {
        let mut state = self.state();
        settlements.iter().for_each(|settlement| state.records.settle(settlement));
        Box::pin(ready(Ok(())))
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), SettleError>> {
        let mut state = self.state();
        for uses in uses {
            if let Some(token) = state.records.tokens.get_mut(&uses.token) {
                add_uses(token, uses.count, uses.last_used_at);
            }
        }
        Box::pin(ready(Ok(())))
    }

    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(ready(self.state().read(command, at)))
    }

    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>> {
        Box::pin(async move {
            let _changing = self.changing.lock().await;
            let mut records = self.state().records.clone();
            let results = batch.calls.into_iter().map(|(command, at)| records.change(&self.token_key, command, at));
            let results = results.collect();
            let events = (batch.seal)(results).await?;
            let mut state = self.state();
            records.take_counts_of(&state.records);
            state.records = records;
            state.events.add(&events);
            Ok(())
        })
    }

    fn add_events<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>> {
        self.state().events.add(events);
        Box::pin(ready(Ok(())))
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>> {
        Box::pin(ready(Ok(self.state().events.list(&filter, page))))
    }

    fn get_event(&self, id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        Box::pin(ready(Ok(self.state().events.get(id))))
    }

    fn events_after(&self, cursor: Option<EventId>, limit: u32) -> StoreFuture<'_, Result<Vec<Event>, StoreError>> {
        Box::pin(ready(Ok(self.state().events.after(cursor, limit))))
    }

    fn last_event(&self, chain: Option<ChainId>) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        Box::pin(ready(Ok(self.state().events.last(chain))))
    }

    fn prune_events<'a>(&'a self, ids: &'a [EventId]) -> StoreFuture<'a, Result<(), StoreError>> {
        self.state().events.remove(ids);
        Box::pin(ready(Ok(())))
    }

    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>> {
        Box::pin(ready(Ok(self.import_all(batch))))
    }

    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryStore")
            .field("projects", &state.records.projects.len())
            .field("tokens", &state.records.tokens.len())
            .field("events", &state.events.len())
            .finish()
    }
}
