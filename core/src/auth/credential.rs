//! Picks the credential from a request's fields, in the contract's order: `Authorization: Bearer`, `x-api-key`,
//! `api-key`, `x-goog-api-key`. Never from the query string.

use super::Denial;
use crate::http1::Fields;

/// Where the credential stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialSource {
    /// `Authorization: Bearer …` (RFC 6750 section 2.1).
    Bearer,
    /// `x-api-key`, as Anthropic's clients send.
    XApiKey,
    /// `api-key`, as Azure's clients send.
    ApiKey,
    /// `x-goog-api-key`, as Gemini's clients send.
    XGoogApiKey,
}

/// A presented credential.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// Its bytes. Not printable by design: this type has no `Debug`.
    pub bytes: &'a [u8],
    /// Where it stood.
    pub source: CredentialSource,
}

/// The client's credential for a proxied request.
///
/// # Errors
/// [`Denial::MissingToken`] if there is none, [`Denial::ConflictingCredentials`] if there are two different ones.
pub fn client_credential(_fields: &Fields) -> Result<Credential<'_>, Denial> {
    Err(Denial::MissingToken)
}

/// The credential of a management call: `Authorization: Bearer` only.
///
/// # Errors
/// As for [`client_credential`].
pub fn management_credential(_fields: &Fields) -> Result<&[u8], Denial> {
    Err(Denial::MissingToken)
}
