//! Why a server that runs begins to stop, what is said about it, and what the whole run comes to then.

use std::time::Duration;

use llm_proxy_storage::OpenError;

use crate::{RunError, Stopped};

/// Why a server begins to stop.
#[derive(Debug)]
pub enum StopCause {
    /// Someone asked for it, by the signal of that name.
    Signal(&'static str),
    /// The database answered at last, and cannot be used.
    Storage(OpenError),
    /// A worker's thread is gone.
    WorkerDied,
}

impl StopCause {
    /// Says it in the log. `limit` is how long exchanges may take.
    pub fn log(&self, limit: Duration) {
        match self {
            Self::Signal(signal) => {
                tracing::info!(signal, ?limit, "stopping: no new connections, exchanges may finish");
            }
            Self::Storage(_) => tracing::info!(?limit, "stopping: the database cannot be used"),
            Self::WorkerDied => {
                tracing::error!("a worker died: stopping, since its share of the connections would hang");
            }
        }
    }

    /// Whether running exchanges may finish. They may not where nobody could tell when they have.
    #[must_use]
    pub const fn drains(&self) -> bool {
        match self {
            Self::Signal(_) | Self::Storage(_) => true,
            Self::WorkerDied => false,
        }
    }

    /// What a run came to that began to stop for this reason, and `stopped` so.
    ///
    /// # Errors
    /// If the reason is one.
    pub fn conclude(self, stopped: Stopped) -> Result<Stopped, RunError> {
        match self {
            Self::Signal(_) | Self::WorkerDied => Ok(stopped),
            Self::Storage(error) => Err(RunError::Storage(error)),
        }
    }
}
