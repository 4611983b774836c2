//! Settings of the original program that mean nothing here, each with what to do instead. They are accepted, so that
//! an environment that was made for it works.

use super::{Row, Setting, retired};

pub(super) const ROWS: &[&dyn Row] = &[
    &ENABLE_STREAMING,
    &CORS_ALLOWED_ORIGINS,
    &CORS_ALLOWED_METHODS,
    &CORS_ALLOWED_HEADERS,
    &CORS_MAX_AGE,
    &ENABLE_TLS,
    &TLS_MIN_VERSION,
    &ADMIN_UI_LISTEN_ADDR,
    &ADMIN_UI_API_BASE_URL,
    &TOKEN_CLEANUP_INTERVAL,
    &DEFAULT_TOKEN_LIFETIME,
    &DEFAULT_TOKEN_REQUEST_LIMIT,
    &MASK_API_KEYS,
    &VALIDATE_API_KEY_FORMAT,
    &WORKER_POOL_SIZE,
    &OBSERVABILITY_ENABLED,
    &LOG_MAX_SIZE_MB,
    &LOG_MAX_BACKUPS,
];

static ENABLE_STREAMING: Setting<String> = retired("ENABLE_STREAMING", "Streams always pass.");
static CORS_ALLOWED_ORIGINS: Setting<String> =
    retired("CORS_ALLOWED_ORIGINS", "Origins belong to a provider, in the providers file.");
static CORS_ALLOWED_METHODS: Setting<String> =
    retired("CORS_ALLOWED_METHODS", "Methods belong to a provider, in the providers file.");
static CORS_ALLOWED_HEADERS: Setting<String> =
    retired("CORS_ALLOWED_HEADERS", "What a browser asks for is allowed if its origin is.");
static CORS_MAX_AGE: Setting<String> = retired("CORS_MAX_AGE", "How long a browser remembers is fixed.");
static ENABLE_TLS: Setting<String> = retired("ENABLE_TLS", "TLS is on when TLS_CERT_FILE is set.");
static TLS_MIN_VERSION: Setting<String> = retired("TLS_MIN_VERSION", "TLS is 1.2 or 1.3.");
static ADMIN_UI_LISTEN_ADDR: Setting<String> =
    retired("ADMIN_UI_LISTEN_ADDR", "The admin UI is on the server's own port.");
static ADMIN_UI_API_BASE_URL: Setting<String> =
    retired("ADMIN_UI_API_BASE_URL", "The admin UI is on the server's own port.");
static TOKEN_CLEANUP_INTERVAL: Setting<String> =
    retired("TOKEN_CLEANUP_INTERVAL", "A token stops working at its instant, without cleaning.");
static DEFAULT_TOKEN_LIFETIME: Setting<String> =
    retired("DEFAULT_TOKEN_LIFETIME", "Whoever makes a token says how long it lives.");
static DEFAULT_TOKEN_REQUEST_LIMIT: Setting<String> =
    retired("DEFAULT_TOKEN_REQUEST_LIMIT", "Whoever makes a token says how many requests it may make.");
static MASK_API_KEYS: Setting<String> = retired("MASK_API_KEYS", "Keys are never logged.");
static VALIDATE_API_KEY_FORMAT: Setting<String> =
    retired("VALIDATE_API_KEY_FORMAT", "Keys are the providers' own, in whatever form.");
static WORKER_POOL_SIZE: Setting<String> = retired("WORKER_POOL_SIZE", "See WORKERS for the threads of the server.");
static OBSERVABILITY_ENABLED: Setting<String> =
    retired("OBSERVABILITY_ENABLED", "Exchange records go to whoever asks for them.");
static LOG_MAX_SIZE_MB: Setting<String> =
    retired("LOG_MAX_SIZE_MB", "LOG_FILE is not rotated by the program: let the system do it.");
static LOG_MAX_BACKUPS: Setting<String> =
    retired("LOG_MAX_BACKUPS", "LOG_FILE is not rotated by the program: let the system do it.");
