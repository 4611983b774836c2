//! Who is calling: the credential in a request's fields, the token it names, the record behind it, and whether that
//! record allows the request now.
//!
//! It never looks anything up, never reads a clock, never says a status: a look-up is an effect of the exchange, the
//! status of a denial is `reject`'s. How much a token may still do is the store's (one atomic step, last before the
//! upstream).

mod credential;
mod denial;
mod grant;
mod token;

pub use credential::{Credential, CredentialSource, client_credential, management_credential};
pub use denial::Denial;
pub use grant::{Grant, decide};
pub use token::{TokenDigest, TokenKey, TokenString};

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
