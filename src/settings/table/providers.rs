//! Which upstreams there are, and what holds for every proxied exchange.

use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::settings::{BaseUrl, Networks};

use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active};

pub(super) const ROWS: &[&dyn Row] = &[
    &API_CONFIG_PATH,
    &DEFAULT_API_PROVIDER,
    &OPENAI_API_URL,
    &REQUEST_TIMEOUT,
    &MAX_REQUEST_SIZE,
    &TRUSTED_PROXIES,
    &FORWARD_CLIENT_IP,
    &SSL_CERT_FILE,
];

pub(in super::super) static API_CONFIG_PATH: Setting<PathBuf> = active(
    "API_CONFIG_PATH",
    Text("./config/api_providers.yaml"),
    forms::FILE,
    "The providers file, which docs/providers.md explains. A file that is named here must exist. If none is named and \
     the usual one is missing, the built-in providers are used, with a warning.",
)
.flag("--config");

pub(in super::super) static DEFAULT_API_PROVIDER: Setting<String> = active(
    "DEFAULT_API_PROVIDER",
    Absent("default_api of the providers file"),
    forms::TEXT,
    "The provider of projects that name none. It must be in the providers file.",
);

pub(in super::super) static OPENAI_API_URL: Setting<BaseUrl> = active(
    "OPENAI_API_URL",
    Absent("base_url of the providers file"),
    forms::BASE_URL,
    "Where the provider called openai is, in place of what the providers file says.",
);

pub(in super::super) static REQUEST_TIMEOUT: Setting<Duration> = active(
    "REQUEST_TIMEOUT",
    Text("120s"),
    forms::LIMIT,
    "How long an exchange may take whose answer is not a stream, for providers whose entry does not say. Streams have no \
     limit as a whole.",
);

pub(in super::super) static MAX_REQUEST_SIZE: Setting<u64> = active(
    "MAX_REQUEST_SIZE",
    Text("10MiB"),
    forms::SIZE,
    "How large a request's body may be, where the provider's entry does not say otherwise.",
);

pub(in super::super) static TRUSTED_PROXIES: Setting<Networks> = active(
    "TRUSTED_PROXIES",
    Absent("nobody is believed"),
    forms::NETWORKS,
    "The proxies in front of this one whose X-Forwarded-For is believed. From anyone else the header means nothing, and \
     the client is whoever connected.",
);

pub(in super::super) static FORWARD_CLIENT_IP: Setting<bool> = active(
    "FORWARD_CLIENT_IP",
    Text("false"),
    forms::SWITCH,
    "Whether the upstream is told the client's address, in X-Forwarded-For.",
);

pub(in super::super) static SSL_CERT_FILE: Setting<PathBuf> = active(
    "SSL_CERT_FILE",
    Absent("the system's roots"),
    forms::FILE,
    "The root certificates (PEM) by which upstreams are verified, as other programs on the system take it too.",
);
