//! What both runtimes have in common: how a server is configured and ends, its listening sockets, the roots for TLS, the
//! clocks, and the log line of an exchange. It runs nothing, and no async runtime is known here.

pub mod clock;
mod crowd;
mod error;
mod exchange_log;
mod listener;
mod roots;
mod server;
mod stop;

pub use crowd::{Room, Seat, Seats, Shortage, has_unread};
pub use error::{RunError, StartError};
pub use exchange_log::log_end;
pub use listener::{BACKLOG, listen};
pub use roots::tls_client_config;
pub use server::{Listening, ServerConfig, Stopped};
pub use stop::StopCause;
