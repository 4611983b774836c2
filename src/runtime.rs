//! The runtimes behind one signature. Each has its own copy of these plain types, since neither may know the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_smol as smol;
use llm_proxy_runtime_tokio as tokio;
use llm_proxy_storage::StorageConfig;
use thiserror::Error;

use crate::settings::Runtime;

/// How the server runs.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    /// Where to listen: the first of these that this host has. One that is taken is an error.
    pub(crate) listen: Vec<SocketAddr>,
    /// How many workers, at least 1.
    pub(crate) workers: usize,
    /// How many client connections at once, over all workers.
    pub(crate) max_connections: usize,
    /// How long running exchanges may take to finish at the stop.
    pub(crate) shutdown_timeout: Duration,
    /// The roots by which upstreams are verified; `None` is the system's.
    pub(crate) root_certificates: Option<PathBuf>,
}

/// How the server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// Every exchange was finished.
    Drained,
    /// Some were cut.
    Cut,
}

/// Why the server could not run.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Tokio(#[from] tokio::RunError),
    #[error(transparent)]
    Smol(#[from] smol::RunError),
}

impl Runtime {
    /// Serves until a signal comes, then stops in order. `rules` gets the key of token digests, which only storage knows;
    /// `listening` is called once, with the address, when connections are accepted.
    ///
    /// # Errors
    /// [`RunError`], before anything was accepted.
    pub(crate) fn run(
        self,
        config: ServerConfig,
        storage: StorageConfig,
        rules: impl FnOnce(TokenKey) -> Rules,
        listening: impl FnOnce(SocketAddr),
    ) -> Result<Stopped, RunError> {
        let ServerConfig { listen, workers, max_connections, shutdown_timeout, root_certificates } = config;
        match self {
            Self::Tokio => {
                let config =
                    tokio::ServerConfig { listen, workers, max_connections, shutdown_timeout, root_certificates };
                let stopped = tokio::run(&config, storage, rules, |at| listening(at.addr))?;
                Ok(match stopped {
                    tokio::Stopped::Drained => Stopped::Drained,
                    tokio::Stopped::Cut => Stopped::Cut,
                })
            }
            Self::Smol => {
                let config =
                    smol::ServerConfig { listen, workers, max_connections, shutdown_timeout, root_certificates };
                let stopped = smol::run(&config, storage, rules, |at| listening(at.addr))?;
                Ok(match stopped {
                    smol::Stopped::Drained => Stopped::Drained,
                    smol::Stopped::Cut => Stopped::Cut,
                })
            }
        }
    }
}
