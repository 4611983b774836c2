//! The response cache, and the Redis that it may be kept in.

use std::time::Duration;

use llm_proxy_core::secret::Secret;

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, planned};

pub(super) const ROWS: &[&dyn Row] = &[
    &HTTP_CACHE_ENABLED,
    &HTTP_CACHE_BACKEND,
    &HTTP_CACHE_MAX_BYTES,
    &HTTP_CACHE_MAX_OBJECT_BYTES,
    &HTTP_CACHE_DEFAULT_TTL,
    &HTTP_CACHE_STREAM_RESPONSES,
    &REDIS_CACHE_URL,
    &REDIS_CACHE_KEY_PREFIX,
];

static HTTP_CACHE_ENABLED: Setting<bool> =
    planned("HTTP_CACHE_ENABLED", Text("true"), forms::SWITCH, "Whether responses are cached, by RFC 9111.");

static HTTP_CACHE_BACKEND: Setting<()> =
    planned("HTTP_CACHE_BACKEND", Text("in-memory"), forms::CACHE_BACKEND, "Where cached responses are kept.");

static HTTP_CACHE_MAX_BYTES: Setting<u64> =
    planned("HTTP_CACHE_MAX_BYTES", Text("64MiB"), forms::SIZE, "How large the cache in memory may become.");

static HTTP_CACHE_MAX_OBJECT_BYTES: Setting<u64> =
    planned("HTTP_CACHE_MAX_OBJECT_BYTES", Text("1048576"), forms::SIZE, "How large a response may be that is cached.");

static HTTP_CACHE_DEFAULT_TTL: Setting<Duration> = planned(
    "HTTP_CACHE_DEFAULT_TTL",
    Text("0"),
    forms::SECONDS,
    "How long a response with status 200 is fresh that does not say so itself.",
);

static HTTP_CACHE_STREAM_RESPONSES: Setting<bool> = planned(
    "HTTP_CACHE_STREAM_RESPONSES",
    Text("false"),
    forms::SWITCH,
    "Whether streams that ended cleanly are cached too.",
);

static REDIS_CACHE_URL: Setting<Secret> = planned(
    "REDIS_CACHE_URL",
    Absent("what REDIS_ADDR, REDIS_PASSWORD and REDIS_DB say"),
    forms::SECRET,
    "The Redis of the cache, if it is another one.",
)
.secret();

static REDIS_CACHE_KEY_PREFIX: Setting<String> = planned(
    "REDIS_CACHE_KEY_PREFIX",
    Text("llmproxy:cache:"),
    forms::TEXT,
    "What the names of cached responses in Redis begin with.",
);
