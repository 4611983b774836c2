//! Picks the credential from a request's fields, in the contract's order: `Authorization: Bearer`, `x-api-key`,
//! `api-key`, `x-goog-api-key`, and where a WebSocket is asked for the subprotocol `openai-insecure-api-key.<token>`.
//! Never from the query string.
//!
//! A field without a credential in it is as good as absent: an empty value, `Bearer` with nothing behind, or an
//! `Authorization` of another scheme. What is malformed in any other way is still a credential, one that no token
//! matches. All places are looked at, also after the first was found: two different credentials are an error, since
//! another reader of the same request might take the other one.

use std::fmt;

use super::Denial;
use crate::http1::{Field, Fields};

/// How the subprotocol begins that carries a credential.
const CREDENTIAL_SUBPROTOCOL: &[u8] = b"openai-insecure-api-key.";

/// Where the credential stood.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CredentialSource {
    /// `Authorization: Bearer …` (RFC 6750 section 2.1).
    Bearer,
    /// `x-api-key`, as Anthropic's clients send.
    XApiKey,
    /// `api-key`, as Azure's clients send.
    ApiKey,
    /// `x-goog-api-key`, as Gemini's clients send.
    XGoogApiKey,
    /// An element of `Sec-WebSocket-Protocol`, as OpenAI's clients in browsers send: they can set no other field.
    Subprotocol,
}

/// A presented credential.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where it stood.
    pub source: CredentialSource,
}

/// The place only: the bytes are a secret.
impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential([secret] in {:?})", self.source)
    }
}

/// The client's credential for a proxied request; `websocket` says that it asks for one. The same one in several places
/// is fine, and counts as standing in the first of them.
///
/// # Errors
/// [`Denial::MissingToken`] if there is none, [`Denial::ConflictingCredentials`] if there are two different ones.
pub fn client_credential(fields: &Fields, websocket: bool) -> Result<Credential<'_>, Denial> {
    let subprotocols = websocket.then(|| subprotocol_credentials(fields)).into_iter().flatten();
    let subprotocols = subprotocols.map(|bytes| Credential { bytes, source: CredentialSource::Subprotocol });
    pick(fields.iter().filter_map(credential_in).chain(subprotocols))
}

/// The credentials that stand among the WebSocket subprotocols, whatever the request is.
pub(crate) fn subprotocol_credentials(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    let lists = fields.get_all("sec-websocket-protocol");
    let found = lists.flat_map(|list| list.split(|byte| *byte == b',')).filter_map(credential_of_subprotocol);
    found.filter(|credential| !credential.is_empty())
}

/// What a WebSocket subprotocol says of a credential; `None` if it is not of that kind. Its name is compared without
/// case, so that no spelling of it passes upstream.
pub(crate) fn credential_of_subprotocol(subprotocol: &[u8]) -> Option<&[u8]> {
    let (name, credential) = subprotocol.trim_ascii().split_at_checked(CREDENTIAL_SUBPROTOCOL.len())?;
    name.eq_ignore_ascii_case(CREDENTIAL_SUBPROTOCOL).then_some(credential)
}

/// The credential of a management call: `Authorization: Bearer` only.
///
/// # Errors
/// As for [`client_credential`].
pub fn management_credential(fields: &Fields) -> Result<&[u8], Denial> {
    pick(fields.iter().filter_map(bearer_in)).map(|credential| credential.bytes)
}

/// The one credential that all of `found` agree on.
fn pick<'a>(found: impl Iterator<Item = Credential<'a>>) -> Result<Credential<'a>, Denial> {
    let mut picked: Option<Credential<'a>> = None;
    for next in found {
        picked = match picked {
            Some(first) if first.bytes != next.bytes => return Err(Denial::ConflictingCredentials),
            Some(first) if first.source <= next.source => Some(first),
            _ => Some(next),
        };
    }
    picked.ok_or(Denial::MissingToken)
}

fn credential_in(field: Field<'_>) -> Option<Credential<'_>> {
    let source = match field.name.len() {
        9 if field.is("x-api-key") => CredentialSource::XApiKey,
        7 if field.is("api-key") => CredentialSource::ApiKey,
        14 if field.is("x-goog-api-key") => CredentialSource::XGoogApiKey,
        _ => return bearer_in(field),
    };
    (!field.value.is_empty()).then_some(Credential { bytes: field.value, source })
}

/// `Bearer`, compared without case (RFC 9110 section 11.1), one or more spaces, and all that follows.
fn bearer_in(field: Field<'_>) -> Option<Credential<'_>> {
    if !field.is("authorization") {
        return None;
    }
    let (scheme, rest) = field.value.split_at_checked(6)?;
    let bytes = &rest[rest.iter().position(|byte| *byte != b' ')?..];
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && bytes.len() < rest.len();
    is_bearer.then_some(Credential { bytes, source: CredentialSource::Bearer })
}
