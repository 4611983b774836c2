//! How much is let in at a time or in a minute.

use std::time::Duration;

use llm_proxy_core::secret::Secret;

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active, planned};

pub(super) const ROWS: &[&dyn Row] = &[
    &MAX_CONCURRENT_REQUESTS,
    &GLOBAL_RATE_LIMIT,
    &IP_RATE_LIMIT,
    &AUTH_FAILURE_LIMIT,
    &DISTRIBUTED_RATE_LIMIT_ENABLED,
    &DISTRIBUTED_RATE_LIMIT_PREFIX,
    &DISTRIBUTED_RATE_LIMIT_WINDOW,
    &DISTRIBUTED_RATE_LIMIT_MAX,
    &DISTRIBUTED_RATE_LIMIT_FALLBACK,
    &DISTRIBUTED_RATE_LIMIT_KEY_SECRET,
];

pub(in super::super) static MAX_CONCURRENT_REQUESTS: Setting<u64> = active(
    "MAX_CONCURRENT_REQUESTS",
    Text("0"),
    forms::COUNT,
    "How many proxied requests run at a time; more are answered at once with 503. 0 is no limit.",
);

pub(in super::super) static GLOBAL_RATE_LIMIT: Setting<u64> = active(
    "GLOBAL_RATE_LIMIT",
    Text("0"),
    forms::COUNT,
    "How many proxied and management requests are let in a minute from everyone together. 0 is no limit.",
);

pub(in super::super) static IP_RATE_LIMIT: Setting<u64> = active(
    "IP_RATE_LIMIT",
    Text("0"),
    forms::COUNT,
    "How many proxied and management requests are let in a minute from one client address. 0 is no limit.",
);

pub(in super::super) static AUTH_FAILURE_LIMIT: Setting<u64> = active(
    "AUTH_FAILURE_LIMIT",
    Text("60"),
    forms::COUNT,
    "How many requests a minute one client address may make with one wrong credential, and how many management calls with wrong ones, before they are answered with 429. 0 is no limit.",
);

static DISTRIBUTED_RATE_LIMIT_ENABLED: Setting<bool> = planned(
    "DISTRIBUTED_RATE_LIMIT_ENABLED",
    Text("false"),
    forms::SWITCH,
    "Whether several instances count requests together, in Redis.",
);

static DISTRIBUTED_RATE_LIMIT_PREFIX: Setting<String> = planned(
    "DISTRIBUTED_RATE_LIMIT_PREFIX",
    Text("ratelimit:"),
    forms::TEXT,
    "What the names of the counters in Redis begin with.",
);

static DISTRIBUTED_RATE_LIMIT_WINDOW: Setting<Duration> = planned(
    "DISTRIBUTED_RATE_LIMIT_WINDOW",
    Text("1m"),
    forms::LIMIT,
    "The time in which DISTRIBUTED_RATE_LIMIT_MAX requests are let in.",
);

static DISTRIBUTED_RATE_LIMIT_MAX: Setting<u64> = planned(
    "DISTRIBUTED_RATE_LIMIT_MAX",
    Text("60"),
    forms::COUNT,
    "How many requests of one token are let in within DISTRIBUTED_RATE_LIMIT_WINDOW.",
);

static DISTRIBUTED_RATE_LIMIT_FALLBACK: Setting<bool> = planned(
    "DISTRIBUTED_RATE_LIMIT_FALLBACK",
    Text("true"),
    forms::SWITCH,
    "Whether each instance counts for itself while Redis cannot be reached.",
);

static DISTRIBUTED_RATE_LIMIT_KEY_SECRET: Setting<Secret> = planned(
    "DISTRIBUTED_RATE_LIMIT_KEY_SECRET",
    Absent("none"),
    forms::SECRET,
    "The key under which token ids are hashed before they become names in Redis.",
)
.secret();
