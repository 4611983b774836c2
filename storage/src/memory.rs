//! A store in the memory of this process: for tests and for trying things out. Nothing outlives it, and nothing is
//! sealed, since nothing is at rest.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{Command, Project, Reply, Token};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use crate::import::{ImportBatch, ImportReport};
use crate::random::{self, NoRandomness};
use crate::store::{ExecuteError, Store, StoreError, StoreFuture, TokenUse};

mod commands;
mod import;

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

    fn spend(&mut self, token: TokenId, at: Timestamp) -> Spent {
        match self.tokens.get_mut(&token) {
            Some(token) if token.max_requests.is_none_or(|limit| token.request_count < limit) => {
                add_uses(token, 1, at);
                Spent::Allowed
            }
            Some(_) | None => Spent::Exhausted,
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

    fn spend(&self, token: TokenId, at: Timestamp) -> StoreFuture<'_, Result<Spent, StoreError>> {
        Box::pin(ready(Ok(self.state().spend(token, at))))
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
            .field("projects", &state.projects.len())
            .field("tokens", &state.tokens.len())
            .finish()
    }
}
