//! The program's settings: gathered from flags, environment and `.env` file, checked all at once, and given on as
//! typed values.
//!
//! `table` says what settings there are; `forms` how their texts read; `values` which text counts. This file puts the
//! values together. It starts nothing, reads the providers file and the certificate for clients, and looks whether the file of root
//! certificates can be read.

mod audited;
mod choices;
mod database;
mod flags;
mod forms;
mod listen;
mod open_files;
mod parts;
mod providers;
mod shared_rates;
mod sources;
mod table;
mod tls;
mod values;

#[cfg(test)]
mod pages;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::proxy::BreakerLimits;
use llm_proxy_core::quota::{RateLimit, RateLimits};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::settings::{Networks, ProviderDefaults, Providers};
use llm_proxy_runtime_common::ClientTls;
use llm_proxy_storage::Database;

pub(crate) use audited::{AuditPlaces, audit_places};
pub(crate) use choices::{LogFormat, LogLevel, Runtime};
pub(crate) use flags::SettingsFlags;
pub(crate) use listen::ListenAddr;
pub(crate) use open_files::raise_open_file_limit;
pub(crate) use parts::{ClientSettings, MigrateSettings, client_settings, migrate_settings};
pub(crate) use providers::ProviderSource;
pub(crate) use shared_rates::SharedRates;
pub(crate) use sources::Sources;
pub(crate) use values::{Effective, Problem};

use values::Values;

/// Everything that a running server needs to know. Its `Debug` shows no secret.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The operator's secret.
    pub(crate) management_token: Secret,
    /// How the server runs.
    pub(crate) server: ServerSettings,
    /// Where state is kept.
    pub(crate) store: StoreSettings,
    /// Where audit events go; `None` is nowhere.
    pub(crate) audit: Option<AuditSettings>,
    /// How rates are shared with other instances; `None` is not at all.
    pub(crate) shared_rates: Option<SharedRates>,
    /// What holds for every proxied exchange.
    pub(crate) proxy: ProxySettings,
    /// The upstreams.
    pub(crate) providers: Providers,
    /// How to read the upstreams anew.
    pub(crate) provider_source: ProviderSource,
    /// What is logged.
    pub(crate) log: LogSettings,
}

/// How the server runs.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    /// Where it listens.
    pub(crate) listen: ListenAddr,
    /// What drives it.
    pub(crate) runtime: Runtime,
    /// How many threads; `None` is one a core.
    pub(crate) workers: Option<NonZeroUsize>,
    /// How many client connections at a time.
    pub(crate) max_connections: NonZeroUsize,
    /// How long running exchanges may go on once it stops.
    pub(crate) shutdown_timeout: Duration,
    /// TLS towards clients; `None` is plain HTTP.
    pub(crate) tls: Option<ClientTls>,
}

/// Where state is kept, and how long what was read of it may be used.
#[derive(Debug)]
pub(crate) struct StoreSettings {
    /// Where.
    pub(crate) database: Database,
    /// Base64 of the 32 bytes that seal upstream keys; `None` is the key file beside the database.
    pub(crate) encryption_key: Option<Secret>,
    /// How old a grant may be.
    pub(crate) grant_max_age: Duration,
    /// How long old grants may be used while the store fails.
    pub(crate) outage_grace: Duration,
    /// How many grants are kept in memory, about.
    pub(crate) grant_capacity: usize,
    /// Whether an inactive project's tokens are refused.
    pub(crate) enforce_project_active: bool,
}

/// Where audit events go.
#[derive(Debug)]
pub(crate) struct AuditSettings {
    /// The file.
    pub(crate) file: Option<PathBuf>,
    /// Whether its folder is made.
    pub(crate) create_dir: bool,
    /// Whether they go to the database.
    pub(crate) store_in_db: bool,
    /// How long the database keeps them; zero is for ever.
    pub(crate) retention: Duration,
}

/// What holds for every proxied exchange.
#[derive(Debug)]
pub(crate) struct ProxySettings {
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Networks,
    /// Whether upstreams are told the client's address.
    pub(crate) forward_client_ip: bool,
    /// How many proxied requests may run at once; 0 is no limit.
    pub(crate) max_concurrent_requests: u64,
    /// How much content is held while it is looked at: of one request, and of all together; bytes.
    pub(crate) inspection_max_bytes: (u64, u64),
    /// How many come in a minute.
    pub(crate) rates: RateLimits,
    /// The roots by which upstreams are verified; `None` is the system's. TLS libraries find this variable in the
    /// environment by themselves, but not in the `.env` file.
    pub(crate) ssl_cert_file: Option<PathBuf>,
}

/// What is logged.
#[derive(Debug)]
pub(crate) struct LogSettings {
    /// How much.
    pub(crate) level: LogLevel,
    /// In which form.
    pub(crate) format: LogFormat,
    /// Where to; `None` is the standard error stream.
    pub(crate) file: Option<PathBuf>,
}

/// What gathering came to.
pub(crate) struct Gathered {
    /// The settings, or all that is wrong with them.
    pub(crate) settings: Result<Settings, Vec<Problem>>,
    /// What the operator should know.
    pub(crate) warnings: Vec<String>,
    /// What counts for each setting, for showing.
    pub(crate) effective: Vec<Effective>,
}

/// Gathers and checks everything.
pub(crate) fn gather(sources: &Sources) -> Gathered {
    let mut values = Values::pick(sources);
    let mut warnings = values.warnings();
    let settings = settings(&mut values, &mut warnings);
    let effective = values.effective();
    let settings = match settings {
        Some(settings) if values.problems().is_empty() => Ok(settings),
        Some(_) | None => Err(values.problems().to_vec()),
    };
    Gathered { settings, warnings, effective }
}

/// The settings; `None` if there is a problem. Everything is read before anything is given up.
fn settings(values: &mut Values, warnings: &mut Vec<String>) -> Option<Settings> {
    let management_token = values.read(&table::MANAGEMENT_TOKEN);
    let server = server(values, warnings);
    let store = store(values);
    warnings.extend(store.as_ref().and_then(|store| database::unused(values, &store.database)));
    let audit = audit(values);
    let shared_rates = shared_rates::shared_rates(values);
    let proxy = proxy(values);
    let providers = providers(values, warnings);
    let log = log(values);
    let (providers, provider_source) = providers?;
    Some(Settings {
        management_token: management_token?,
        server: server?,
        store: store?,
        audit: audit?,
        shared_rates: shared_rates?,
        proxy: proxy?,
        providers,
        provider_source,
        log: log?,
    })
}

fn server(values: &mut Values, warnings: &mut Vec<String>) -> Option<ServerSettings> {
    let listen = values.read(&table::LISTEN_ADDR);
    let runtime = values.read(&table::RUNTIME);
    let workers = values.read_optional(&table::WORKERS);
    let max_connections = values.read(&table::MAX_CONNECTIONS);
    let shutdown_timeout = values.read(&table::SHUTDOWN_TIMEOUT);
    let tls = tls::client_tls(values, warnings);
    Some(ServerSettings {
        listen: listen?,
        runtime: runtime?,
        workers: workers?,
        max_connections: max_connections?.unwrap_or_else(open_files::connections_of_this_process),
        shutdown_timeout: shutdown_timeout?,
        tls: tls?,
    })
}

fn store(values: &mut Values) -> Option<StoreSettings> {
    let database = database::database(values);
    let encryption_key = values.read_optional(&table::ENCRYPTION_KEY);
    if values.read(&table::REQUIRE_ENCRYPTION_KEY) == Some(true) && matches!(encryption_key, Some(None)) {
        values.add_problem("ENCRYPTION_KEY is missing, and REQUIRE_ENCRYPTION_KEY says that it must be set".to_owned());
    }
    let grant_max_age = values.read(&table::GRANT_MAX_AGE);
    let outage_grace = values.read(&table::STORE_OUTAGE_GRACE);
    let grant_capacity = values.read(&table::LLM_PROXY_ACTIVE_CACHE_MAX);
    let enforce_project_active = values.read(&table::LLM_PROXY_ENFORCE_PROJECT_ACTIVE);
    Some(StoreSettings {
        database: database?,
        encryption_key: encryption_key?,
        grant_max_age: grant_max_age?,
        outage_grace: outage_grace?,
        grant_capacity: grant_capacity?,
        enforce_project_active: enforce_project_active?,
    })
}

#[expect(clippy::option_option, reason = "that there is no audit is one thing, that a setting is wrong another")]
fn audit(values: &mut Values) -> Option<Option<AuditSettings>> {
    let enabled = values.read(&table::AUDIT_ENABLED);
    let file = values.read(&table::AUDIT_LOG_FILE);
    let create_dir = values.read(&table::AUDIT_CREATE_DIR);
    let store_in_db = values.read(&table::AUDIT_STORE_IN_DB);
    let retention = values.read(&table::AUDIT_RETENTION);
    let (file, store_in_db) = (file?, store_in_db?);
    let settings = AuditSettings { create_dir: create_dir?, retention: retention?, file, store_in_db };
    Some((enabled? && (settings.file.is_some() || store_in_db)).then_some(settings))
}

fn proxy(values: &mut Values) -> Option<ProxySettings> {
    let trusted_proxies = values.read_optional(&table::TRUSTED_PROXIES);
    let forward_client_ip = values.read(&table::FORWARD_CLIENT_IP);
    let max_concurrent_requests = values.read(&table::MAX_CONCURRENT_REQUESTS);
    let of_one = values.read(&table::INSPECTION_MAX_BYTES);
    let of_all = values.read(&table::INSPECTION_MAX_TOTAL_BYTES);
    let everyone = values.read(&table::GLOBAL_RATE_LIMIT);
    let address = values.read(&table::IP_RATE_LIMIT);
    let failures = values.read(&table::AUTH_FAILURE_LIMIT);
    let ssl_cert_file = values.read_optional(&table::SSL_CERT_FILE);
    if let Some(Some(path)) = &ssl_cert_file
        && let Err(error) = std::fs::File::open(path)
    {
        values.add_problem(format!(
            "SSL_CERT_FILE: cannot read {}: {error}; write the path of a file with root certificates (PEM)",
            path.display()
        ));
    }
    Some(ProxySettings {
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
        forward_client_ip: forward_client_ip?,
        max_concurrent_requests: max_concurrent_requests?,
        inspection_max_bytes: (of_one?, of_all?),
        rates: RateLimits {
            everyone: RateLimit::per_minute(everyone?),
            address: RateLimit::per_minute(address?),
            failures: RateLimit::per_minute(failures?),
            other_tokens: None,
        },
        ssl_cert_file: ssl_cert_file?,
    })
}

/// The providers. A limit that is wrong has been told already, so that its default may stand in while the file is
/// looked at.
fn providers(values: &mut Values, warnings: &mut Vec<String>) -> Option<(Providers, ProviderSource)> {
    let usual = ProviderDefaults::default();
    let request_timeout = values.read(&table::REQUEST_TIMEOUT).unwrap_or(usual.request_timeout);
    let max_request_size = values.read(&table::MAX_REQUEST_SIZE).unwrap_or(usual.max_request_size);
    let breaker = BreakerLimits {
        failures: values.read(&table::BREAKER_FAILURES).unwrap_or(usual.breaker.failures),
        open_for: values.read(&table::BREAKER_OPEN_FOR).unwrap_or(usual.breaker.open_for),
    };
    let default = values.read_optional(&table::DEFAULT_API_PROVIDER);
    let openai_url = values.read_optional(&table::OPENAI_API_URL);
    let source = ProviderSource {
        path: values.read(&table::API_CONFIG_PATH)?,
        must_exist: values.is_given(&table::API_CONFIG_PATH.about),
        default: default?,
        openai_url: openai_url.flatten(),
        defaults: ProviderDefaults { request_timeout, max_request_size, breaker, ..usual },
    };
    match source.load() {
        Ok((providers, more)) => {
            warnings.extend(more);
            Some((providers, source))
        }
        Err(error) => {
            values.add_problem(error.to_string());
            None
        }
    }
}

fn log(values: &mut Values) -> Option<LogSettings> {
    let level = values.read(&table::LOG_LEVEL);
    let format = values.read(&table::LOG_FORMAT);
    let file = values.read_optional(&table::LOG_FILE);
    Some(LogSettings { level: level?, format: format?, file: file? })
}
