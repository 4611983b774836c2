//! `llm-proxy server`: gathers the settings, starts the log, and runs the server until it is told to stop.

use std::ffi::OsString;
use std::io::{self, Write};

use super::{described, exit_code, fail, gathered, stop_code};
use crate::logging;
use crate::server::serve;
use crate::settings::{Settings, SettingsFlags, SharedRates, raise_open_file_limit};

/// Runs the server. What keeps it from starting goes to `err`, a line each.
///
/// # Errors
/// If it cannot print.
pub(crate) fn run(
    flags: &SettingsFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
    err: &mut impl Write,
) -> io::Result<u8> {
    raise_open_file_limit();
    let gathered = match gathered(flags, environment) {
        Ok(gathered) => gathered,
        Err(message) => return fail(err, &message),
    };
    let settings = match gathered.settings {
        Ok(settings) => settings,
        Err(problems) => {
            for problem in &problems {
                writeln!(err, "error: {}", problem.message)?;
            }
            return Ok(exit_code(&problems));
        }
    };
    let log = match logging::start(&settings.log) {
        Ok(log) => log,
        Err(error) => return fail(err, &described(&error)),
    };
    for warning in &gathered.warnings {
        tracing::warn!("{warning}");
    }
    log_settings(&settings);
    let served = serve(settings);
    // What the log still holds is written first, so that an error is the last line.
    drop(log);
    match served {
        Ok(stopped) => Ok(stop_code(stopped)),
        Err(error) => fail(err, &described(&error)),
    }
}

/// Says in the log with what the server runs. No secret is among it.
fn log_settings(settings: &Settings) {
    let Settings { management_token: _, server, store, audit, shared_rates, proxy, providers, provider_source, log: _ } =
        settings;
    tracing::info!(
        listen = %server.listen,
        runtime = ?server.runtime,
        workers = server.workers.map(usize::from),
        max_connections = server.max_connections,
        shutdown_timeout = ?server.shutdown_timeout,
        tls_cert_file = server.tls.as_ref().map(|tls| tracing::field::display(tls.files().certificate.display())),
        "settings of the server"
    );
    tracing::info!(
        database = %store.database,
        own_key = store.encryption_key.is_some(),
        grant_max_age = ?store.grant_max_age,
        outage_grace = ?store.outage_grace,
        grant_capacity = store.grant_capacity,
        enforce_project_active = store.enforce_project_active,
        "settings of the store"
    );
    match audit {
        Some(audit) => tracing::info!(
            file = audit.file.as_ref().map(|path| tracing::field::display(path.display())),
            create_dir = audit.create_dir,
            in_database = audit.store_in_db,
            retention = ?audit.retention,
            "settings of the audit log"
        ),
        None => tracing::warn!("audit events are not recorded: AUDIT_ENABLED is off, or they have nowhere to go"),
    }
    tracing::info!(
        file = %provider_source.path.display(),
        default = %providers.default,
        providers = ?providers.by_name.keys().collect::<Vec<_>>(),
        trusted_proxies = %proxy.trusted_proxies,
        forward_client_ip = proxy.forward_client_ip,
        ssl_cert_file = proxy.ssl_cert_file.as_ref().map(|path| tracing::field::display(path.display())),
        "settings of the proxy"
    );
    if let Some(shared) = shared_rates {
        log_shared_rates(shared);
    }
}

fn log_shared_rates(SharedRates { config, of_other_tokens }: &SharedRates) {
    tracing::info!(
        redis = %config.redis,
        prefix = config.prefix,
        has_key_secret = config.key_secret.is_some(),
        fallback = config.fallback,
        of_other_tokens = ?of_other_tokens,
        "settings of shared rates"
    );
}
