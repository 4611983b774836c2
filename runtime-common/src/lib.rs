//! What both runtimes have in common: how a server is configured and ends, its listening sockets, TLS towards
//! clients and the roots for TLS towards upstreams, reading files anew, the clocks, and the log line of an exchange. It runs nothing else, and no async runtime is known here.

mod client_tls;
pub mod clock;
mod crowd;
mod error;
mod exchange_log;
mod listener;
mod reload;
mod roots;
mod server;
mod stop;
mod validity;

pub use client_tls::{ClientTls, TlsFiles, TlsFilesError, TlsReloaded, TlsSetting};
pub use crowd::{Room, Seat, Seats, Shortage, has_unread};
pub use error::{RunError, StartError};
pub use exchange_log::log_end;
pub use listener::{BACKLOG, listen};
pub use reload::{Reload, Reloaded, Reloader, Replaced};
pub use roots::tls_client_config;
pub use server::{Listening, ServerConfig, Stopped};
pub use stop::StopCause;
