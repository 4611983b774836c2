//! The runtimes behind one signature.

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{Listening, RunError, ServerConfig, Stopped};
use llm_proxy_runtime_smol as smol;
use llm_proxy_runtime_tokio as tokio;
use llm_proxy_storage::StorageConfig;

use crate::settings::Runtime;

impl Runtime {
    /// Serves until a signal comes, then stops in order. `rules` gets the key of token digests, which only storage knows;
    /// `listening` is called once, when connections are accepted.
    ///
    /// # Errors
    /// [`RunError`], before anything was accepted.
    pub(crate) fn run(
        self,
        config: &ServerConfig,
        storage: StorageConfig,
        rules: impl FnOnce(TokenKey) -> Rules,
        listening: impl FnOnce(Listening),
    ) -> Result<Stopped, RunError> {
        match self {
            Self::Tokio => tokio::run(config, storage, rules, listening),
            Self::Smol => smol::run(config, storage, rules, listening),
        }
    }
}
