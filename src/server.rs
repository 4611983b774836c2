//! Puts the program together: from settings to the rules, storage and runtime of a running server.

use std::num::NonZeroUsize;

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::http1::HeadLimits;
use llm_proxy_core::quota::Concurrency;
use llm_proxy_core::rules::{Patience, Rules};
use llm_proxy_storage::StorageConfig;

use crate::settings::{Settings, StoreSettings};
use llm_proxy_runtime_common::{RunError, ServerConfig, Stopped};

/// Serves until a signal comes.
///
/// # Errors
/// [`RunError`], before anything was accepted.
pub(crate) fn serve(settings: Settings) -> Result<Stopped, RunError> {
    let (config, storage) = (config(&settings), storage(&settings.store));
    settings.server.runtime.run(&config, storage, |token_key| rules(settings, token_key), |_| {})
}

fn config(settings: &Settings) -> ServerConfig {
    let server = &settings.server;
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    ServerConfig {
        listen: server.listen.candidates(),
        workers: server.workers.map_or_else(cores, NonZeroUsize::get),
        max_connections: server.max_connections.get(),
        shutdown_timeout: server.shutdown_timeout,
        root_certificates: settings.proxy.ssl_cert_file.clone(),
    }
}

fn storage(store: &StoreSettings) -> StorageConfig {
    StorageConfig {
        database: store.database.clone(),
        encryption_key: store.encryption_key.clone(),
        grant_max_age: store.grant_max_age,
        grant_capacity: store.grant_capacity,
    }
}

fn rules(settings: Settings, token_key: TokenKey) -> Rules {
    Rules {
        providers: settings.providers,
        management_token: settings.management_token,
        token_key,
        enforce_project_active: settings.store.enforce_project_active,
        forward_client_ip: settings.proxy.forward_client_ip,
        trusted_proxies: settings.proxy.trusted_proxies,
        concurrency: Concurrency::new(settings.proxy.max_concurrent_requests),
        head_limits: HeadLimits::default(),
        patience: Patience::default(),
        version: env!("CARGO_PKG_VERSION"),
    }
}
