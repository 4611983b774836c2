//! How a server runs and how it ends, in plain types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{ClientTls, Reload};

/// How the server runs.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen: the first of these that this host has. One that is taken is an error.
    pub listen: Vec<SocketAddr>,
    /// How many workers, at least 1.
    pub workers: usize,
    /// How many client connections at once, over all workers.
    pub max_connections: usize,
    /// How long running exchanges may take to finish at the stop.
    pub shutdown_timeout: Duration,
    /// The roots by which upstreams are verified; `None` is the system's.
    pub root_certificates: Option<PathBuf>,
    /// TLS towards clients; `None` is plain HTTP.
    pub client_tls: Option<ClientTls>,
    /// What SIGHUP reads anew; `None` is nothing.
    pub reload: Option<Arc<dyn Reload>>,
}

/// Told once, when connections are accepted.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// The address, with the port that was taken for port 0.
    pub addr: SocketAddr,
}

/// How the server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Every exchange was finished.
    Drained,
    /// Some were cut: by a second signal, or because they took too long.
    Cut,
}
