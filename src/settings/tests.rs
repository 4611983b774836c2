//! Gathering by example: which source wins, what is told together, and what never shows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use llm_proxy_core::quota::RateLimit;
use llm_proxy_storage::{Driver, PoolLimits};

use super::sources::Source;
use super::*;

const TOKEN: &str = "a-token-of-more-than-16-characters";
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Sources with an environment of those variables.
fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    Sources { flags: Vec::new(), environment, env_file: BTreeMap::new() }
}

/// Sources that lack nothing, and those variables.
fn complete(variables: &[(&str, &str)]) -> Sources {
    let mut sources = environment(variables);
    sources.environment.entry("MANAGEMENT_TOKEN".to_owned()).or_insert_with(|| TOKEN.into());
    sources
}

fn messages(gathered: Gathered) -> Vec<String> {
    gathered.settings.unwrap_err().into_iter().map(|problem| problem.message).collect()
}

fn source_of(gathered: &Gathered, name: &str) -> Source {
    gathered.effective.iter().find(|line| line.name == name).unwrap().source
}

#[test]
fn a_management_token_is_all_that_it_takes() {
    let settings = gather(&complete(&[])).settings.unwrap();

    assert!(settings.management_token.matches(TOKEN.as_bytes()));
    assert_eq!(settings.server.listen, ListenAddr::Everywhere(8080));
    assert_eq!((settings.server.runtime, settings.server.workers), (Runtime::Tokio, None));
    assert_eq!(settings.server.shutdown_timeout, Duration::from_secs(30));
    let Database::Sqlite { path, pool_size } = settings.store.database else { panic!("another database") };
    assert_eq!((path, pool_size), (PathBuf::from("./data/llm-proxy.db"), 10));
    assert_eq!(settings.store.grant_capacity, 10_000);
    assert_eq!(settings.store.grant_max_age, Duration::from_secs(5));
    assert!(settings.store.enforce_project_active && settings.store.encryption_key.is_none());
    assert!(!settings.proxy.forward_client_ip && settings.proxy.ssl_cert_file.is_none());
    assert_eq!(settings.proxy.trusted_proxies, Networks::default());
    assert_eq!((settings.log.format, settings.log.file), (LogFormat::Json, None));
    let audit = settings.audit.unwrap();
    assert_eq!((audit.file, audit.create_dir), (Some(PathBuf::from("./data/audit.log")), true));
    assert_eq!((audit.store_in_db, audit.retention), (true, Duration::ZERO));
    let openai = &settings.providers.by_name["openai"];
    assert_eq!((openai.timeouts.request, openai.max_request_default), (Duration::from_secs(120), 10 << 20));
}

#[test]
fn events_that_have_nowhere_to_go_are_not_recorded() {
    let audit = |variables: &[(&str, &str)]| gather(&complete(variables)).settings.unwrap().audit;
    assert!(audit(&[("AUDIT_ENABLED", "false")]).is_none());
    assert!(audit(&[("AUDIT_LOG_FILE", "none"), ("AUDIT_STORE_IN_DB", "false")]).is_none());
    assert_eq!(audit(&[("AUDIT_LOG_FILE", "none")]).unwrap().file, None);
    // An empty variable is none: nobody switches the file off by a variable that was forgotten.
    assert!(audit(&[("AUDIT_LOG_FILE", "")]).unwrap().file.is_some());
    assert!(audit(&[("AUDIT_STORE_IN_DB", "false")]).unwrap().file.is_some());
}

#[test]
fn the_command_that_verifies_needs_no_other_settings() {
    let environment = [("AUDIT_LOG_FILE", "a.log"), ("DATABASE_PATH", "b.db"), ("REQUEST_TIMEOUT", "wrong")];
    let environment = || environment.into_iter().map(|(name, value)| (name.into(), value.into()));
    let places = audit_places(Some("/dev/null".into()), environment()).unwrap();
    assert_eq!(places.file, Some(PathBuf::from("a.log")));
    assert_eq!(places.store.database.to_string(), "b.db");
    let wrong = environment().chain([("AUDIT_LOG_FILE".into(), "none".into()), ("DB_DRIVER".into(), "paper".into())]);
    let problems = audit_places(Some("/dev/null".into()), wrong).unwrap_err();
    assert!(problems.len() == 1 && problems[0].starts_with("DB_DRIVER"), "{problems:?}");
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let mut sources = complete(&[("LISTEN_ADDR", ":2"), ("LOG_LEVEL", "warn")]);
    sources.flags = vec![("LISTEN_ADDR", ":1".to_owned())];
    sources.env_file = [("LISTEN_ADDR", ":3"), ("LOG_LEVEL", "debug"), ("WORKERS", "3")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();

    let gathered = gather(&sources);

    assert_eq!(source_of(&gathered, "LISTEN_ADDR"), Source::Flag("--addr"));
    assert_eq!(source_of(&gathered, "LOG_LEVEL"), Source::Environment);
    assert_eq!(source_of(&gathered, "WORKERS"), Source::EnvFile);
    assert_eq!(source_of(&gathered, "LOG_FORMAT"), Source::Default);
    let settings = gathered.settings.unwrap();
    assert_eq!(settings.server.listen, ListenAddr::Everywhere(1));
    assert_eq!(settings.server.workers, NonZeroUsize::new(3));
}

#[test]
fn an_empty_value_is_none() {
    let mut sources = complete(&[("LOG_FILE", ""), ("LISTEN_ADDR", "")]);
    sources.env_file.insert("LISTEN_ADDR".to_owned(), ":3".to_owned());

    let settings = gather(&sources).settings.unwrap();

    assert_eq!(settings.log.file, None);
    assert_eq!(settings.server.listen, ListenAddr::Everywhere(3));
}

#[test]
fn the_limits_of_the_environment_are_the_providers_defaults() {
    let settings = gather(&complete(&[("REQUEST_TIMEOUT", "7s"), ("MAX_REQUEST_SIZE", "1MB")])).settings.unwrap();
    let anthropic = &settings.providers.by_name["anthropic"];
    assert_eq!(anthropic.timeouts.response_header, Duration::from_secs(7));
    assert_eq!(anthropic.max_request_default, 1_000_000);
}

#[test]
fn everything_wrong_is_told_together() {
    let wrong = [
        ("LISTEN_ADDR", "8080"),
        ("SHUTDOWN_TIMEOUT", "-1s"),
        ("DB_DRIVER", "oracle"),
        ("ENCRYPTION_KEY", "short"),
        ("GRANT_MAX_AGE", "6s"),
        ("API_CONFIG_PATH", "/nowhere/providers.yaml"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("LOG_LEVEL", "loud"),
        ("GLOBAL_RATE_LIMIT", "none"),
    ];

    let told = messages(gather(&environment(&wrong)));

    assert_eq!(
        told,
        [
            "MANAGEMENT_TOKEN is missing: set it in the environment or the .env file; write 16 visible ASCII \
             characters or more (make one with: openssl rand -base64 32)",
            "LISTEN_ADDR (environment): this is no address to listen on; write a port on every interface such as \
             :8080, or an address with a port such as 127.0.0.1:8080 or [::1]:8080",
            "SHUTDOWN_TIMEOUT (environment): a duration cannot be negative; write a duration such as 30s, 1m30s or \
             500ms",
            "DB_DRIVER (environment): this is none of the accepted words; write sqlite, postgres or mysql",
            "ENCRYPTION_KEY (environment): this is not base64; write the base64 of exactly 32 bytes (make one with: \
             openssl rand -base64 32)",
            "GRANT_MAX_AGE (environment): this is longer than revoked tokens may live on; write a duration of at most \
             5s such as 5s or 500ms",
            "TRUSTED_PROXIES (environment): entry 2 is no network; write addresses and networks with commas between \
             them such as 10.0.0.0/8,::1",
            "GLOBAL_RATE_LIMIT (environment): this is no whole number; write a whole number, 0 or more",
            "/nowhere/providers.yaml: there is no such providers file: name another one with --config or \
             API_CONFIG_PATH",
            "LOG_LEVEL (environment): this is none of the accepted words; write one of error, warn, info, debug and \
             trace",
        ]
    );
}

#[test]
fn a_value_that_is_no_text_is_told() {
    let mut sources = complete(&[]);
    sources.environment.insert("MANAGEMENT_TOKEN".to_owned(), OsString::from_vec(vec![0xff; 20]));
    let told = messages(gather(&sources));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("MANAGEMENT_TOKEN (environment): this is not UTF-8; write"), "{told:?}");
}

#[test]
fn a_required_encryption_key_must_be_there() {
    let told = messages(gather(&complete(&[("REQUIRE_ENCRYPTION_KEY", "true")])));
    assert_eq!(told, ["ENCRYPTION_KEY is missing, and REQUIRE_ENCRYPTION_KEY says that it must be set"]);

    let with_key = gather(&complete(&[("REQUIRE_ENCRYPTION_KEY", "true"), ("ENCRYPTION_KEY", KEY)]));
    assert!(with_key.settings.is_ok());
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let gathered = gather(&complete(&[("METRICS_PATH", "/m"), ("MASK_API_KEYS", "whatever"), ("UNRELATED", "1")]));
    assert_eq!(
        gathered.warnings[..2],
        [
            "METRICS_PATH is set, but has no effect in this version",
            "MASK_API_KEYS is set, but means nothing. Keys are never logged.",
        ]
    );
    assert!(gathered.settings.is_ok());
}

#[test]
fn a_database_server_is_named_with_its_driver_and_a_key() {
    let server = [
        ("DB_DRIVER", "mysql"),
        ("DATABASE_URL", "me:p@ss@tcp(db.example)/books?parseTime=true"),
        ("ENCRYPTION_KEY", KEY),
        ("DATABASE_MAX_IDLE_CONNS", "3"),
        ("DATABASE_CONN_MAX_LIFETIME", "0"),
    ];
    let settings = gather(&complete(&server)).settings.unwrap();
    let Database::Server { url, pool } = settings.store.database else { panic!("another database") };
    assert_eq!(url.driver(), Driver::MySql);
    assert_eq!(pool, PoolLimits { size: 10, max_idle: 3, max_lifetime: None });
}

#[test]
fn all_that_a_database_server_lacks_is_told() {
    let told = messages(gather(&complete(&[("DB_DRIVER", "postgres")]))).join("\n");
    assert!(told.contains("DATABASE_URL is missing") && told.contains("ENCRYPTION_KEY is missing"), "{told}");
    let wrong = [("DB_DRIVER", "postgres"), ("DATABASE_URL", "mysql://me:hunter2@db/books"), ("ENCRYPTION_KEY", KEY)];
    let told = messages(gather(&complete(&wrong)));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("DATABASE_URL: ") && told[0].contains("write a URL such as postgres://"), "{told:?}");
    assert!(!told[0].contains("hunter2"), "{told:?}");
}

#[test]
fn an_address_that_the_driver_does_not_want_is_a_warning() {
    let gathered = gather(&complete(&[("DATABASE_URL", "postgres://me:hunter2@db/books")]));
    assert_eq!(gathered.warnings, ["DATABASE_URL is set, but has no effect: DB_DRIVER is sqlite"]);
    assert!(gathered.settings.is_ok());
}

#[test]
fn rates_are_shared_only_where_that_is_switched_on() {
    assert!(gather(&complete(&[("REDIS_ADDR", "redis.example:6380")])).settings.unwrap().shared_rates.is_none());
    let shared =
        gather(&complete(&[("DISTRIBUTED_RATE_LIMIT_ENABLED", "true")])).settings.unwrap().shared_rates.unwrap();
    assert_eq!(shared.config.redis.to_string(), "redis://localhost:6379/0");
    assert_eq!((&*shared.config.prefix, shared.config.fallback), ("ratelimit:", true));
    assert_eq!(shared.of_other_tokens, RateLimit::per_minute(60));
}

#[test]
fn a_redis_is_told_by_its_address_and_by_what_is_given_beside_it() {
    let given = [
        ("DISTRIBUTED_RATE_LIMIT_ENABLED", "true"),
        ("DISTRIBUTED_RATE_LIMIT_MAX", "0"),
        ("REDIS_ADDR", "rediss://me@redis.example/1"),
        ("REDIS_DB", "2"),
    ];
    let shared = gather(&complete(&given)).settings.unwrap().shared_rates.unwrap();
    assert_eq!(shared.config.redis.to_string(), "rediss://redis.example:6379/2");
    assert_eq!(shared.of_other_tokens, None);
    for address in ["http://redis.example", "redis://redis.example?db=1", "me:hunter2@redis.example"] {
        let told = messages(gather(&complete(&[("REDIS_ADDR", address)])));
        assert!(told[0].starts_with("REDIS_ADDR ") && !told[0].contains("hunter2"), "{told:?}");
    }
}

#[test]
fn no_secret_is_shown() {
    let secrets = [
        ("MANAGEMENT_TOKEN", "management-secret-0123"),
        ("ENCRYPTION_KEY", KEY),
        ("DATABASE_URL", "postgres://me:database-secret@host/db"),
        ("REDIS_PASSWORD", "redis-secret"),
        ("REDIS_ADDR", "redis://me:address-secret@host:6379"),
        // Under a wrong name, so that it is not valid.
        ("OPENAI_API_URL", "https://me:url-secret@host"),
        ("LOG_LEVEL", "level-secret"),
    ];
    let gathered = gather(&environment(&secrets));
    let shown = format!("{:?} {:?} {:?}", gathered.effective, gathered.warnings, gathered.settings);
    for (_, secret) in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!shown.contains("-secret"), "{shown}");

    let settings = gather(&environment(&secrets[..5])).settings.unwrap();
    assert!(!format!("{settings:?}").contains("-secret") && !format!("{settings:?}").contains(KEY));
}
