//! Why a `manage` command did not do what it was asked, and the exit code for it.

use std::io;

use thiserror::Error;

use super::api::CallError;
use crate::commands::desk::NotConfirmed;
use crate::commands::{FAILURE, WRONG_USAGE};

/// Why it was not done. No text holds a secret.
#[derive(Debug, Error)]
pub(super) enum ManageError {
    /// Something is missing from the command line, or wrong there.
    #[error("{0}")]
    Usage(String),
    /// Something that the command line names cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It was not confirmed.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// The answer cannot be printed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

impl ManageError {
    /// The exit code for it.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::NotConfirmed(NotConfirmed::NobodyToAsk) => WRONG_USAGE,
            Self::Call(error) => error.exit_code(),
            Self::Unusable(_) | Self::NotConfirmed(_) | Self::Print(_) => FAILURE,
        }
    }
}
