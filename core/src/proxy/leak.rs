//! What must not cross in any field: the client's token on the way up, the upstream's key on the way back. Names of
//! fields are `field_policy`'s matter; here it is the bytes of a line, wherever somebody copied a secret to.

use bytes::BytesMut;

use super::field_policy::{Nominated, is_credential};
use crate::auth::{client_credential, subprotocol_credentials};
use crate::http1::{Field, Fields, RequestHead};

/// What is shorter than this is no secret but a placeholder, such as local servers take for a key; it would be found in
/// harmless lines.
const SHORTEST_SECRET: usize = 8;

/// Whether `line` shows `secret`.
pub(super) fn shows(line: &[u8], secret: &[u8]) -> bool {
    secret.len() >= SHORTEST_SECRET && line.len() >= secret.len() && memchr::memmem::find(line, secret).is_some()
}

/// `secret` if `head` shows it anywhere, else nothing: then no line needs to be looked at, which is the usual case.
pub(super) fn shown_in<'a>(head: &[u8], secret: &'a [u8]) -> &'a [u8] {
    if shows(head, secret) { secret } else { &[] }
}

/// The credential that the request came with; empty if there is none, or no single one.
pub(crate) fn token_of(head: &RequestHead) -> &[u8] {
    client_credential(head.fields(), head.asks_for_websocket()).map_or(&[], |credential| credential.bytes)
}

/// The credential of the request with that head, if a second place shows it too; else nothing, and no line needs to be
/// looked at.
pub(super) fn token_shown_twice(head: &RequestHead) -> &[u8] {
    let token = token_of(head);
    let twice = !token.is_empty() && memchr::memmem::find_iter(head.as_bytes(), token).nth(1).is_some();
    if twice { token } else { &[] }
}

/// The words of all fields that hold a credential, also one that is refused, that are long enough to be a secret.
pub(crate) fn credential_words(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    let credentials = fields.iter().filter(|field| is_credential(field.name));
    let words = credentials.flat_map(|field| field.value.split(|byte| *byte == b' '));
    words.chain(subprotocol_credentials(fields)).filter(|word| word.len() >= SHORTEST_SECRET)
}

/// Whether `value` shows any credential that stands in `fields`, also one that is refused.
pub(super) fn shows_credential(value: &[u8], fields: &Fields) -> bool {
    credential_words(fields).any(|word| shows(value, word))
}

/// `trailers` without the lines that show `secret`, and without those that the `Connection` field of their message's
/// head names (RFC 9110 section 7.6.1 says trailer fields too).
pub(crate) fn passing_trailers(trailers: Fields, head: Option<&Fields>, secret: &[u8]) -> Fields {
    let nominated = head.map(Nominated::of);
    let stays = |field: &Field<'_>| {
        shows(field.line, secret) || nominated.is_some_and(|nominated| nominated.contains(field.name))
    };
    if !trailers.iter().any(|field| stays(&field)) {
        return trailers;
    }
    let mut section = BytesMut::new();
    let harmless = trailers.iter().filter(|field| !stays(field));
    harmless.for_each(|field| section.extend_from_slice(field.line));
    section.extend_from_slice(b"\r\n");
    // Each line was read once already, so that this cannot fail; nothing is sent if it did.
    Fields::parse(section.freeze()).unwrap_or_default()
}
