//! The runtimes behind one signature.

use llm_proxy_core::auth::TokenKeySlot;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{Listening, RunError, ServerConfig, Stopped};
use llm_proxy_runtime_smol as smol;
use llm_proxy_runtime_tokio as tokio;
use llm_proxy_storage::StorageConfig;

use crate::settings::Runtime;

impl Runtime {
    /// Serves until a signal comes, then stops in order. `rules` gets the place of the key of token digests, which only
    /// storage knows; `listening` is called once, when connections are accepted.
    ///
    /// # Errors
    /// [`RunError`]: before anything was accepted, or when the database can be reached at last and is of no use.
    pub(crate) fn run(
        self,
        config: &ServerConfig,
        storage: StorageConfig,
        rules: impl FnOnce(TokenKeySlot) -> Rules,
        listening: impl FnOnce(Listening),
    ) -> Result<Stopped, RunError> {
        match self {
            Self::Tokio => tokio::run(config, storage, rules, listening),
            Self::Smol => smol::run(config, storage, rules, listening),
        }
    }
}
