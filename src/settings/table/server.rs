//! How the server runs: address, runtime, start and stop.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::secret::Secret;

use super::super::choices::Runtime;
use super::super::{ListenAddr, forms};
use super::Fallback::{Absent, Required, Text};
use super::{Row, Setting, active, planned};

pub(super) const ROWS: &[&dyn Row] = &[
    &MANAGEMENT_TOKEN,
    &LISTEN_ADDR,
    &MAX_CONNECTIONS,
    &SHUTDOWN_TIMEOUT,
    &RUNTIME,
    &WORKERS,
    &TLS_CERT_FILE,
    &TLS_KEY_FILE,
    &ADMIN_UI_ENABLED,
    &ADMIN_UI_PATH,
];

pub(in super::super) static MANAGEMENT_TOKEN: Setting<Secret> = active(
    "MANAGEMENT_TOKEN",
    Required,
    forms::MANAGEMENT_TOKEN,
    "The operator's secret, with which the management API is used. Whoever has it can do everything.",
)
.secret();

pub(in super::super) static LISTEN_ADDR: Setting<ListenAddr> = active(
    "LISTEN_ADDR",
    Text(":8080"),
    forms::LISTEN,
    "Where the server listens. Without a host it is every interface, IPv6 and IPv4. Port 0 lets the system choose one.",
)
.flag("--addr");

pub(in super::super) static MAX_CONNECTIONS: Setting<Option<NonZeroUsize>> = active(
    "MAX_CONNECTIONS",
    Text("0"),
    forms::CONNECTIONS,
    "How many client connections are open at a time. Beyond it an idle one is closed for each that \
     comes; where all are busy, more wait in the system's queue. 0 derives it from the process's \
     limit of open files, which is raised to the highest that the system allows: half of what is left after 128 for everything else, since an exchange needs a connection on \
     each side, and 65536 at most.",
);

pub(in super::super) static SHUTDOWN_TIMEOUT: Setting<Duration> = active(
    "SHUTDOWN_TIMEOUT",
    Text("30s"),
    forms::PERIOD,
    "How long a stopping server lets running exchanges finish before it cuts them.",
);

pub(in super::super) static RUNTIME: Setting<Runtime> =
    active("RUNTIME", Text("tokio"), forms::RUNTIME, "Which runtime drives the server.").flag("--runtime");

pub(in super::super) static WORKERS: Setting<NonZeroUsize> = active(
    "WORKERS",
    Absent("as many as there are cores"),
    forms::WORKERS,
    "How many worker threads serve connections.",
)
.flag("--workers");

pub(in super::super) static TLS_CERT_FILE: Setting<PathBuf> = active(
    "TLS_CERT_FILE",
    Absent("no TLS towards clients"),
    forms::FILE,
    "The certificate chain (PEM, the server's own first) that is shown to clients, which then must speak TLS 1.2 or 1.3. \
     SIGHUP reads it anew. It needs TLS_KEY_FILE.",
);

pub(in super::super) static TLS_KEY_FILE: Setting<PathBuf> = active(
    "TLS_KEY_FILE",
    Absent("none"),
    forms::FILE,
    "The private key of TLS_CERT_FILE (PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase). SIGHUP reads it anew.",
);

static ADMIN_UI_ENABLED: Setting<bool> =
    planned("ADMIN_UI_ENABLED", Text("true"), forms::SWITCH, "Whether the admin UI is served.");

static ADMIN_UI_PATH: Setting<()> =
    planned("ADMIN_UI_PATH", Text("/admin"), forms::ROUTE, "The path under which the admin UI is.");
