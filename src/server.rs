//! Puts the program together: from settings to the rules, storage and runtime of a running server.

use std::num::NonZeroUsize;
use std::sync::Arc;

use llm_proxy_core::auth::TokenKeySlot;
use llm_proxy_core::http1::HeadLimits;
use llm_proxy_core::quota::{Concurrency, Holds, RateLimits};
use llm_proxy_core::rules::{Patience, Rules};
use llm_proxy_core::settings::ProvidersSlot;
use llm_proxy_storage::{AuditConfig, StorageConfig};

use crate::reload::Files;
use crate::settings::{AuditSettings, Runtime, Settings};
use llm_proxy_runtime_common::{RunError, ServerConfig, Stopped, clock};

/// Serves until a signal comes.
///
/// # Errors
/// [`RunError`]: before anything was accepted, or when the database can be reached at last and is of no use.
pub(crate) fn serve(settings: Settings) -> Result<Stopped, RunError> {
    let providers = ProvidersSlot::from(settings.providers.clone());
    let (config, storage) = (config(&settings, &providers), storage(&settings));
    settings.server.runtime.run(&config, storage, |token_key| rules(settings, providers, token_key), |_| {})
}

fn config(settings: &Settings, providers: &ProvidersSlot) -> ServerConfig {
    let server = &settings.server;
    let files = Files::new(settings.provider_source.clone(), providers, server.tls.clone());
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    ServerConfig {
        listen: server.listen.candidates(),
        workers: server.workers.map_or_else(cores, NonZeroUsize::get),
        max_connections: server.max_connections.get(),
        shutdown_timeout: server.shutdown_timeout,
        root_certificates: settings.proxy.ssl_cert_file.clone(),
        client_tls: server.tls.clone(),
        reload: Some(Arc::new(files)),
    }
}

fn storage(Settings { store, audit, shared_rates, server, .. }: &Settings) -> StorageConfig {
    StorageConfig {
        database: store.database.clone(),
        encryption_key: store.encryption_key.clone(),
        grant_max_age: store.grant_max_age,
        outage_grace: store.outage_grace,
        grant_capacity: store.grant_capacity,
        audit: audit.as_ref().map(|audit| self::audit(audit, server.runtime)),
        shared_rates: shared_rates.as_ref().map(|shared| shared.config.clone()),
    }
}

fn audit(audit: &AuditSettings, runtime: Runtime) -> AuditConfig {
    AuditConfig {
        file: audit.file.clone(),
        make_folder: audit.create_dir,
        in_database: audit.store_in_db,
        retention: audit.retention,
        started_at: clock::now().wall,
        version: env!("CARGO_PKG_VERSION"),
        runtime: runtime.name(),
    }
}

fn rules(settings: Settings, providers: ProvidersSlot, token_key: TokenKeySlot) -> Rules {
    let other_tokens = settings.shared_rates.and_then(|shared| shared.of_other_tokens);
    Rules {
        providers,
        management_token: settings.management_token,
        token_key,
        enforce_project_active: settings.store.enforce_project_active,
        forward_client_ip: settings.proxy.forward_client_ip,
        trusted_proxies: settings.proxy.trusted_proxies,
        concurrency: Concurrency::new(settings.proxy.max_concurrent_requests),
        holds: Holds::new(settings.proxy.inspection_max_bytes.0, settings.proxy.inspection_max_bytes.1),
        rates: RateLimits { other_tokens, ..settings.proxy.rates },
        head_limits: HeadLimits::default(),
        patience: Patience::default(),
        grant_max_age: settings.store.grant_max_age,
        version: env!("CARGO_PKG_VERSION"),
    }
}
