//! Who is calling: the credential in a request's fields, the token it names, the record behind it, and whether that
//! record allows the request now.
//!
//! It never looks anything up, never reads a clock, never says a status: a look-up is an effect of the exchange, the
//! status of a denial is `reject`'s. How much a token may still do is the store's (one atomic step, last before the
//! upstream).
//!
//! What holds, and the test that says so:
//! 1. Only a token and a project that are active, before the token's end, are allowed (`only_a_live_grant_is_allowed`);
//!    once expired stays expired (`once_expired_always_expired`).
//! 2. Two different credentials in one request are never settled by order (`two_different_credentials_are_a_conflict`).
//! 3. Exactly the strings that could have been handed out are read as tokens
//!    (`what_parses_is_what_some_bytes_format_to`).
//! 4. Nothing that is printed holds more of a token than its mask
//!    (`nothing_printed_holds_five_secret_characters_in_a_row`).
//!
//! Sources: RFC 6750 section 2.1; RFC 9110 sections 11.1 and 11.6.2.

mod credential;
mod denial;
mod grant;
mod slot;
mod token;

pub use credential::{Credential, CredentialSource, client_credential, management_credential};
pub(crate) use credential::{credential_of_subprotocol, subprotocol_credentials};
pub use denial::Denial;
pub use grant::{Grant, decide};
pub use slot::TokenKeySlot;
pub use token::{TokenDigest, TokenKey, TokenString};

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
