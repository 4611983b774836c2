//! What is recorded and told: audit events, metrics, exchange records and the bus that carries them.

use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::secret::Secret;
use llm_proxy_storage::RedisAddress;

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active, planned};

pub(super) const ROWS: &[&dyn Row] = &[
    &AUDIT_ENABLED,
    &AUDIT_LOG_FILE,
    &AUDIT_CREATE_DIR,
    &AUDIT_STORE_IN_DB,
    &AUDIT_RETENTION,
    &ENABLE_METRICS,
    &METRICS_PATH,
    &METRICS_REQUIRE_AUTH,
    &LLM_PROXY_EVENT_BUS,
    &OBSERVABILITY_BUFFER_SIZE,
    &OBSERVABILITY_CAPTURE_BODIES,
    &OBSERVABILITY_MAX_REQUEST_BODY_BYTES,
    &OBSERVABILITY_MAX_RESPONSE_BODY_BYTES,
    &FILE_EVENT_LOG,
    &REDIS_ADDR,
    &REDIS_PASSWORD,
    &REDIS_DB,
    &REDIS_STREAM_KEY,
    &REDIS_CONSUMER_GROUP,
    &REDIS_CONSUMER_NAME,
    &REDIS_STREAM_MAX_LEN,
    &REDIS_STREAM_BLOCK_TIME,
    &REDIS_STREAM_CLAIM_TIME,
    &REDIS_STREAM_BATCH_SIZE,
];

pub(in super::super) static AUDIT_ENABLED: Setting<bool> =
    active("AUDIT_ENABLED", Text("true"), forms::SWITCH, "Whether audit events are recorded.");

pub(in super::super) static AUDIT_LOG_FILE: Setting<Option<PathBuf>> = active(
    "AUDIT_LOG_FILE",
    Text("./data/audit.log"),
    forms::FILE_OR_NONE,
    "The file that audit events are appended to, one JSON object a line. Each instance needs a file of its own.",
);

pub(in super::super) static AUDIT_CREATE_DIR: Setting<bool> = active(
    "AUDIT_CREATE_DIR",
    Text("true"),
    forms::SWITCH,
    "Whether the folder of AUDIT_LOG_FILE is made where it is missing.",
);

pub(in super::super) static AUDIT_STORE_IN_DB: Setting<bool> = active(
    "AUDIT_STORE_IN_DB",
    Text("true"),
    forms::SWITCH,
    "Whether audit events are kept in the database too, where the management API finds them.",
);

pub(in super::super) static AUDIT_RETENTION: Setting<Duration> = active(
    "AUDIT_RETENTION",
    Text("0s"),
    forms::PERIOD,
    "How long audit events are kept in the database. 0 keeps them for ever. The file keeps all.",
);

static ENABLE_METRICS: Setting<bool> =
    planned("ENABLE_METRICS", Text("true"), forms::SWITCH, "Whether metrics are served.");

static METRICS_PATH: Setting<()> = planned(
    "METRICS_PATH",
    Text("/metrics"),
    forms::ROUTE,
    "The path of the metrics as JSON; with /prometheus after it, they are in Prometheus' form.",
);

static METRICS_REQUIRE_AUTH: Setting<bool> = planned(
    "METRICS_REQUIRE_AUTH",
    Text("false"),
    forms::SWITCH,
    "Whether metrics are shown with the management token only.",
);

static LLM_PROXY_EVENT_BUS: Setting<()> = planned(
    "LLM_PROXY_EVENT_BUS",
    Text("in-memory"),
    forms::EVENT_BUS,
    "What carries exchange records to those who want them; redis is another name for redis-streams.",
);

static OBSERVABILITY_BUFFER_SIZE: Setting<u64> = planned(
    "OBSERVABILITY_BUFFER_SIZE",
    Text("1000"),
    forms::COUNT,
    "How many exchange records wait in memory before new ones are dropped, and counted.",
);

static OBSERVABILITY_CAPTURE_BODIES: Setting<bool> = planned(
    "OBSERVABILITY_CAPTURE_BODIES",
    Text("false"),
    forms::SWITCH,
    "Whether exchange records hold the bodies of requests and responses.",
);

static OBSERVABILITY_MAX_REQUEST_BODY_BYTES: Setting<u64> = planned(
    "OBSERVABILITY_MAX_REQUEST_BODY_BYTES",
    Text("65536"),
    forms::SIZE,
    "How much of a request's body a record holds.",
);

static OBSERVABILITY_MAX_RESPONSE_BODY_BYTES: Setting<u64> = planned(
    "OBSERVABILITY_MAX_RESPONSE_BODY_BYTES",
    Text("262144"),
    forms::SIZE,
    "How much of a response's body a record holds.",
);

static FILE_EVENT_LOG: Setting<PathBuf> =
    planned("FILE_EVENT_LOG", Absent("none"), forms::FILE, "A file that exchange records are appended to.");

pub(in super::super) static REDIS_ADDR: Setting<RedisAddress> = active(
    "REDIS_ADDR",
    Text("localhost:6379"),
    forms::REDIS_ADDRESS,
    "The Redis of shared rate limits (DISTRIBUTED_RATE_LIMIT_ENABLED), event bus and cache. No connection is made \
     unless one of them is on.",
)
.secret();

pub(in super::super) static REDIS_PASSWORD: Setting<Secret> =
    active("REDIS_PASSWORD", Absent("what REDIS_ADDR says, or none"), forms::SECRET, "The password of that Redis.")
        .secret();

pub(in super::super) static REDIS_DB: Setting<u32> = active(
    "REDIS_DB",
    Absent("what REDIS_ADDR says, or 0"),
    forms::REDIS_DATABASE,
    "The number of the database in it.",
);

static REDIS_STREAM_KEY: Setting<String> = planned(
    "REDIS_STREAM_KEY",
    Text("llm-proxy-events"),
    forms::TEXT,
    "The name of the stream that exchange records are in.",
);

static REDIS_CONSUMER_GROUP: Setting<String> = planned(
    "REDIS_CONSUMER_GROUP",
    Text("llm-proxy-dispatchers"),
    forms::TEXT,
    "The group in which dispatchers share the work.",
);

static REDIS_CONSUMER_NAME: Setting<String> = planned(
    "REDIS_CONSUMER_NAME",
    Absent("one of its own for each dispatcher"),
    forms::TEXT,
    "The name of a dispatcher in its group.",
);

static REDIS_STREAM_MAX_LEN: Setting<u64> = planned(
    "REDIS_STREAM_MAX_LEN",
    Text("10000"),
    forms::COUNT,
    "How many exchange records the stream holds before it refuses new ones.",
);

static REDIS_STREAM_BLOCK_TIME: Setting<Duration> =
    planned("REDIS_STREAM_BLOCK_TIME", Text("5s"), forms::PERIOD, "How long a dispatcher waits for new records.");

static REDIS_STREAM_CLAIM_TIME: Setting<Duration> = planned(
    "REDIS_STREAM_CLAIM_TIME",
    Text("30s"),
    forms::PERIOD,
    "After which time a dispatcher takes over records that another one left.",
);

static REDIS_STREAM_BATCH_SIZE: Setting<u64> =
    planned("REDIS_STREAM_BATCH_SIZE", Text("100"), forms::COUNT, "How many records a dispatcher reads at a time.");
