//! Why a server could not run, with what to do about it.

use std::io;
use std::net::SocketAddr;

use llm_proxy_storage::OpenError;
use thiserror::Error;

/// Why the server could not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Storage could not be opened.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {}", describe(source))]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No address was given.
    #[error("there is no address to listen on: set LISTEN_ADDR")]
    NoAddress,
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The system refused a thread, a runtime or a signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

fn describe(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::AddrInUse {
        "address already in use; stop the program that listens there, or set LISTEN_ADDR to another address".to_owned()
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("{error}; ports below 1024 need a privilege")
    } else {
        error.to_string()
    }
}

impl From<StartError> for RunError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Open(error) => Self::Storage(error),
            StartError::Thread(error) => Self::System(error),
        }
    }
}

/// Why storage could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Storage could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}
