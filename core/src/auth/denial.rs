//! Why a caller is denied. One variant a reason; the status and code are in `reject`.

use thiserror::Error;

/// The reason. Unknown and malformed tokens are one reason, so that the answer tells nothing about what exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Denial {
    /// No credential in any accepted place.
    #[error("no token was sent: put it in the Authorization header as a Bearer token")]
    MissingToken,
    /// Malformed, or not known here.
    #[error("the token is not valid")]
    InvalidToken,
    /// Two different credentials in one request.
    #[error("the request carries two different credentials: send one")]
    ConflictingCredentials,
    /// Revoked or switched off.
    #[error("the token is not active")]
    TokenInactive,
    /// Past its end.
    #[error("the token has expired")]
    TokenExpired,
    /// Its project is switched off.
    #[error("the project is not active")]
    ProjectInactive,
    /// `max_requests` are used up.
    #[error("the token has no requests left")]
    QuotaExceeded,
}
