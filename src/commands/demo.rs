//! `llm-proxy demo`: the server on embedded defaults (SQLite in a temporary folder), the built-in mock upstream, one
//! project and one token made, and one streamed answer shown. No key, no network.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use clap::Args;
use llm_proxy_core::http1::HeadLimits;
use llm_proxy_core::quota::{Concurrency, Holds, RateLimits};
use llm_proxy_core::rules::{Patience, Rules};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::settings::{Networks, ProviderDefaults, Providers, ProvidersError, parse_providers};
use llm_proxy_storage::{Database, StorageConfig};
use thiserror::Error;
use tracing_subscriber::filter::LevelFilter;

use super::{WRONG_USAGE, described, fail, stop_code};
use crate::demo::{DemoUpstream, show};
use crate::logging;
use crate::settings::{LogFormat, LogLevel, LogSettings, Runtime};
use llm_proxy_runtime_common::{RunError, ServerConfig, Stopped};

const PROVIDER: &str = "demo";

/// Why the demo did not start.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    #[error("cannot start the demo: {0}")]
    System(#[from] io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the demo's provider is wrong: {0}")]
    Provider(#[from] ProvidersError),
}

/// The flags of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoFlags {
    /// Where to listen; a port that is taken is replaced by a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
    /// The runtime: tokio or smol; without it, what RUNTIME says
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
}

impl DemoFlags {
    /// The runtime of the flag, else of the environment, else tokio.
    fn runtime(&self, mut environment: impl Iterator<Item = (OsString, OsString)>) -> Option<Runtime> {
        let name = self.runtime.clone().map(OsString::from);
        let name = name.or_else(|| environment.find(|(name, _)| name == "RUNTIME").map(|(_, value)| value));
        name.map_or(Some(Runtime::Tokio), |name| name.to_str().and_then(Runtime::parse))
    }
}

/// Runs the demo until a signal comes. What keeps it from starting goes to `err`.
///
/// # Errors
/// If it cannot print.
pub(crate) fn run(
    flags: &DemoFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
    err: &mut impl Write,
) -> io::Result<u8> {
    let Some(runtime) = flags.runtime(environment) else {
        writeln!(err, "error: RUNTIME: this is none of the accepted words; write tokio or smol")?;
        return Ok(WRONG_USAGE);
    };
    let log = LogSettings { level: LogLevel(LevelFilter::ERROR), format: LogFormat::Text, file: None };
    let _log = match logging::start(&log) {
        Ok(log) => log,
        Err(error) => return fail(err, &described(&error)),
    };
    match demo(runtime, flags.addr) {
        Ok(stopped) => Ok(stop_code(stopped)),
        Err(error) => fail(err, &described(&error)),
    }
}

fn demo(runtime: Runtime, addr: SocketAddr) -> Result<Stopped, DemoError> {
    let folder = tempfile::Builder::new().prefix("llm-proxy-demo-").tempdir()?;
    let upstream = DemoUpstream::start()?;
    let providers = providers(upstream.addr())?;
    let management_token = random_token()?;
    let config = ServerConfig {
        listen: vec![free_address(addr)],
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        max_connections: 1000,
        shutdown_timeout: Duration::from_secs(5),
        root_certificates: None,
        client_tls: None,
        reload: None,
    };
    let storage = StorageConfig::new(Database::Sqlite { path: folder.path().join("llm-proxy.db"), pool_size: 4 });
    let rules = |token_key| Rules {
        providers: providers.into(),
        management_token: Secret::new(management_token.clone()),
        token_key,
        enforce_project_active: true,
        forward_client_ip: false,
        trusted_proxies: Networks::default(),
        concurrency: Concurrency::new(0),
        holds: Holds::default(),
        rates: RateLimits::default(),
        head_limits: HeadLimits::default(),
        patience: Patience::default(),
        grant_max_age: Duration::from_secs(5),
        version: env!("CARGO_PKG_VERSION"),
    };
    let stopped = runtime.run(&config, storage, rules, |listening| {
        let management_token = management_token.clone();
        // The server must go on serving while the tour asks it.
        std::thread::spawn(move || {
            if let Err(error) = show(listening.addr, &management_token, PROVIDER) {
                tracing::error!(%error, "the demo's own requests failed");
            }
        });
    })?;
    drop(upstream);
    Ok(stopped)
}

fn free_address(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => SocketAddr::new(wanted.ip(), 0),
        Ok(_) | Err(_) => wanted,
    }
}

fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().fold("demo-".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}

fn providers(upstream: SocketAddr) -> Result<Providers, ProvidersError> {
    let file = format!(
        "default_api: {PROVIDER}\napis: {{{PROVIDER}: {{base_url: 'http://{upstream}', allowed_endpoints: [/v1]}}}}\n"
    );
    parse_providers(&file, &ProviderDefaults::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_names_the_runtime_before_the_environment_does() {
        let named = |flag: Option<&str>, variable: Option<&str>| {
            let flags = DemoFlags { addr: ([127, 0, 0, 1], 0).into(), runtime: flag.map(str::to_owned) };
            flags.runtime(variable.map(|value| ("RUNTIME".into(), value.into())).into_iter())
        };
        assert_eq!(named(None, None), Some(Runtime::Tokio));
        assert_eq!(named(None, Some("smol")), Some(Runtime::Smol));
        assert_eq!(named(Some("tokio"), Some("smol")), Some(Runtime::Tokio));
        assert_eq!(named(Some("smol"), None), Some(Runtime::Smol));
        assert_eq!(named(Some("other"), Some("smol")), None);
        assert_eq!(named(None, Some("other")), None);
    }
}
