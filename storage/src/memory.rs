//! A store in the memory of this process: for tests and for trying things out. Nothing outlives it, and nothing is
//! sealed, since nothing is at rest.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{Command, Project, Reply, Token};
use llm_proxy_core::quota::{Lease, Settlement, largest_lease};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use crate::random::{self, NoRandomness};
use crate::store::{ExecuteError, SettleError, Store, StoreError, StoreFuture, TokenUse};

mod commands;

/// Projects and tokens in maps.
pub struct MemoryStore {
    token_key: TokenKey,
    state: Mutex<State>,
}

/// A deleted project is removed with its tokens: no history is asked of this store.
#[derive(Default)]
struct State {
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
        Ok(Self { token_key: TokenKey::new(&*random::secret_bytes()?), state: Mutex::default() })
    }

    /// A panic of another thread leaves the maps usable: each change is made whole under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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
        Box::pin(ready(Ok(self.state().grant(&digest))))
    }

    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>> {
        Box::pin(ready(Ok(self.state().lease(token, wanted))))
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>> {
        let mut state = self.state();
        settlements.iter().for_each(|settlement| state.settle(settlement));
        Box::pin(ready(Ok(())))
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), StoreError>> {
        let mut state = self.state();
        for uses in uses {
            if let Some(token) = state.tokens.get_mut(&uses.token) {
                add_uses(token, uses.count, uses.last_used_at);
            }
        }
        Box::pin(ready(Ok(())))
    }

    fn execute(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(ready(self.run(command, at)))
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
            .field("projects", &state.projects.len())
            .field("tokens", &state.tokens.len())
            .finish()
    }
}
