//! Where state is kept, how it is sealed, and how long what was read may be used.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::secret::Secret;
use llm_proxy_storage::Driver;

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active, planned};

pub(super) const ROWS: &[&dyn Row] = &[
    &DB_DRIVER,
    &DATABASE_PATH,
    &DATABASE_POOL_SIZE,
    &DATABASE_URL,
    &DATABASE_MAX_IDLE_CONNS,
    &DATABASE_CONN_MAX_LIFETIME,
    &ENCRYPTION_KEY,
    &REQUIRE_ENCRYPTION_KEY,
    &ENCRYPTION_KEY_OLD,
    &GRANT_MAX_AGE,
    &STORE_OUTAGE_GRACE,
    &LLM_PROXY_ENFORCE_PROJECT_ACTIVE,
    &LLM_PROXY_ACTIVE_CACHE_MAX,
    &LLM_PROXY_ACTIVE_CACHE_TTL,
    &LLM_PROXY_API_KEY_CACHE_MAX,
    &LLM_PROXY_API_KEY_CACHE_TTL,
    &USAGE_STATS_BUFFER_SIZE,
    &CACHE_STATS_BUFFER_SIZE,
];

pub(in super::super) static DB_DRIVER: Setting<Option<Driver>> = active(
    "DB_DRIVER",
    Text("sqlite"),
    forms::DATABASE,
    "Which database keeps projects and tokens: a SQLite file (DATABASE_PATH), or a PostgreSQL, MySQL or MariaDB server \
     (DATABASE_URL).",
);

pub(in super::super) static DATABASE_PATH: Setting<PathBuf> = active(
    "DATABASE_PATH",
    Text("./data/llm-proxy.db"),
    forms::FILE,
    "The SQLite database. It and its folder are made where they are missing, readable by the owner only.",
)
.flag("--database");

pub(in super::super) static DATABASE_POOL_SIZE: Setting<NonZeroU32> = active(
    "DATABASE_POOL_SIZE",
    Text("10"),
    forms::POOL_SIZE,
    "How many connections to the database are used at most; on SQLite, how many may read at the same time.",
);

pub(in super::super) static DATABASE_URL: Setting<Secret> = active(
    "DATABASE_URL",
    Absent("none; PostgreSQL and MySQL need it"),
    forms::DATABASE_ADDRESS,
    "The PostgreSQL or MySQL database. TLS is set by sslmode=disable, prefer, require, verify-ca or verify-full in a URL \
     (without it prefer) and the file of roots by sslrootcert (without it the system's roots); in a data source name by \
     tls=false, preferred, skip-verify or true (without it false). An unknown parameter is an error.",
)
.secret();

pub(in super::super) static DATABASE_MAX_IDLE_CONNS: Setting<u64> = active(
    "DATABASE_MAX_IDLE_CONNS",
    Text("5"),
    forms::COUNT,
    "How many unused connections to a PostgreSQL or MySQL database are kept. No effect on SQLite, where an open file costs \
     nothing.",
);

pub(in super::super) static DATABASE_CONN_MAX_LIFETIME: Setting<Duration> = active(
    "DATABASE_CONN_MAX_LIFETIME",
    Text("1h"),
    forms::PERIOD,
    "How old a connection to a PostgreSQL or MySQL database may become; it is replaced when it is not in use. 0 is as old \
     as it likes. No effect on SQLite, where a connection does not age.",
);

pub(in super::super) static ENCRYPTION_KEY: Setting<Secret> = active(
    "ENCRYPTION_KEY",
    Absent("a key file beside the SQLite database, made at the first start; PostgreSQL and MySQL need it"),
    forms::SEALING_KEY,
    "The key that seals upstream keys in the database. Keep a copy: without it they cannot be read again.",
)
.secret();

pub(in super::super) static REQUIRE_ENCRYPTION_KEY: Setting<bool> = active(
    "REQUIRE_ENCRYPTION_KEY",
    Text("false"),
    forms::SWITCH,
    "Whether the program refuses to start without ENCRYPTION_KEY, instead of making a key file.",
);

pub(in super::super) static ENCRYPTION_KEY_OLD: Setting<Secret> = active(
    "ENCRYPTION_KEY_OLD",
    Absent("none"),
    forms::SEALING_KEY,
    "The key before ENCRYPTION_KEY, for `migrate encrypt`, which seals everything anew.",
)
.secret();

pub(in super::super) static GRANT_MAX_AGE: Setting<Duration> = active(
    "GRANT_MAX_AGE",
    Text("5s"),
    forms::AGE,
    "How long what was read about a token may be used without asking the database again, and so how long a token that \
     another instance revoked may live on. 0 asks every time.",
);

pub(in super::super) static STORE_OUTAGE_GRACE: Setting<Duration> = active(
    "STORE_OUTAGE_GRACE",
    Text("0s"),
    forms::PERIOD,
    "How long after its last answer, while the database cannot be reached, grants that are known may be used although \
     they are older than GRANT_MAX_AGE; and so how long a token that another instance revoked may live on then. Tokens \
     with max_requests spend nothing meanwhile but what is leased. With 0 no such grant is used.",
);

pub(in super::super) static LLM_PROXY_ENFORCE_PROJECT_ACTIVE: Setting<bool> = active(
    "LLM_PROXY_ENFORCE_PROJECT_ACTIVE",
    Text("true"),
    forms::SWITCH,
    "Whether tokens of a project that was deactivated are refused.",
);

pub(in super::super) static LLM_PROXY_ACTIVE_CACHE_MAX: Setting<usize> = active(
    "LLM_PROXY_ACTIVE_CACHE_MAX",
    Text("10000"),
    forms::CAPACITY,
    "How many grants (a token with its project and limits) are kept in memory, about.",
);

static LLM_PROXY_ACTIVE_CACHE_TTL: Setting<Duration> = planned(
    "LLM_PROXY_ACTIVE_CACHE_TTL",
    Text("5s"),
    forms::PERIOD,
    "How long a project's state may be used without asking again; never longer than GRANT_MAX_AGE, which is what counts \
     in this version.",
);

static LLM_PROXY_API_KEY_CACHE_MAX: Setting<u64> = planned(
    "LLM_PROXY_API_KEY_CACHE_MAX",
    Text("10000"),
    forms::COUNT,
    "How many upstream keys are kept in memory; in this version they are part of the grants.",
);

static LLM_PROXY_API_KEY_CACHE_TTL: Setting<Duration> = planned(
    "LLM_PROXY_API_KEY_CACHE_TTL",
    Text("5s"),
    forms::PERIOD,
    "How long an upstream key may be used without asking again; never longer than GRANT_MAX_AGE, which is what counts in \
     this version.",
);

static USAGE_STATS_BUFFER_SIZE: Setting<u64> = planned(
    "USAGE_STATS_BUFFER_SIZE",
    Text("1000"),
    forms::COUNT,
    "How many tokens' uses are gathered before they are written.",
);

static CACHE_STATS_BUFFER_SIZE: Setting<u64> = planned(
    "CACHE_STATS_BUFFER_SIZE",
    Text("1000"),
    forms::COUNT,
    "How many tokens' cache hits are gathered before they are written.",
);
