//! How much is let in at a time or in a minute.

use std::time::Duration;

use llm_proxy_core::secret::Secret;

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active};

pub(super) const ROWS: &[&dyn Row] = &[
    &MAX_CONCURRENT_REQUESTS,
    &INSPECTION_MAX_BYTES,
    &INSPECTION_MAX_TOTAL_BYTES,
    &BREAKER_FAILURES,
    &BREAKER_OPEN_FOR,
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

pub(in super::super) static INSPECTION_MAX_BYTES: Setting<u64> = active(
    "INSPECTION_MAX_BYTES",
    Text("32MiB"),
    forms::SIZE,
    "How much content of one request is held while it is looked at, where its provider has a `param_whitelist`; more is \
     answered with 400.",
);

pub(in super::super) static INSPECTION_MAX_TOTAL_BYTES: Setting<u64> = active(
    "INSPECTION_MAX_TOTAL_BYTES",
    Text("256MiB"),
    forms::SIZE,
    "How much content of all requests together is held while it is looked at; more is answered with 503.",
);

pub(in super::super) static BREAKER_FAILURES: Setting<u64> = active(
    "BREAKER_FAILURES",
    Text("5"),
    forms::COUNT,
    "How many failures of an upstream in a row open its circuit breaker: requests are then answered at once with 503. \
     0 is no breaker.",
);

pub(in super::super) static BREAKER_OPEN_FOR: Setting<Duration> = active(
    "BREAKER_OPEN_FOR",
    Text("30s"),
    forms::LIMIT,
    "How long an open circuit breaker refuses before one request is let through to see whether the upstream works again.",
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

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_ENABLED: Setting<bool> = active(
    "DISTRIBUTED_RATE_LIMIT_ENABLED",
    Text("false"),
    forms::SWITCH,
    "Whether several instances count requests together, in the Redis of REDIS_ADDR: those that GLOBAL_RATE_LIMIT, \
     IP_RATE_LIMIT and a token's requests_per_minute limit, and those of tokens without one \
     (DISTRIBUTED_RATE_LIMIT_MAX).",
);

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_PREFIX: Setting<String> = active(
    "DISTRIBUTED_RATE_LIMIT_PREFIX",
    Text("ratelimit:"),
    forms::TEXT,
    "What the names of the counters in Redis begin with.",
);

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_WINDOW: Setting<Duration> = active(
    "DISTRIBUTED_RATE_LIMIT_WINDOW",
    Text("1m"),
    forms::LIMIT,
    "The time in which DISTRIBUTED_RATE_LIMIT_MAX requests are let in: so many at once, then evenly over this time.",
);

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_MAX: Setting<u64> = active(
    "DISTRIBUTED_RATE_LIMIT_MAX",
    Text("60"),
    forms::COUNT,
    "How many requests of one token that has no requests_per_minute are let in within DISTRIBUTED_RATE_LIMIT_WINDOW, if \
     DISTRIBUTED_RATE_LIMIT_ENABLED. 0 is no limit.",
);

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_FALLBACK: Setting<bool> = active(
    "DISTRIBUTED_RATE_LIMIT_FALLBACK",
    Text("true"),
    forms::SWITCH,
    "Whether each instance counts for itself while Redis cannot be used. If not, requests that a shared limit holds for \
     are answered with 503 meanwhile.",
);

pub(in super::super) static DISTRIBUTED_RATE_LIMIT_KEY_SECRET: Setting<Secret> = active(
    "DISTRIBUTED_RATE_LIMIT_KEY_SECRET",
    Absent("none"),
    forms::SECRET,
    "The key under which token ids and addresses are hashed before they become names in Redis; the same for all \
     instances. Without one, who can read Redis can find out addresses by trying all.",
)
.secret();
