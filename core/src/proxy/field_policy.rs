//! Which fields of a head pass, and which are dropped, by name.

use crate::http1::Fields;

/// Names without their case, grouped by length so that most are ruled out by one comparison.
fn is_one_of(name: &[u8], list: &[&str]) -> bool {
    list.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn starts_with(name: &[u8], prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Fields that speak to the next hop only (RFC 9110 section 7.6.1), save the two of framing, which each side checks on
/// its own.
fn is_hop_by_hop(name: &[u8]) -> bool {
    match name.len() {
        2 if is_one_of(name, &["te"]) => true,
        7 if is_one_of(name, &["upgrade"]) => true,
        10 if is_one_of(name, &["connection", "keep-alive"]) => true,
        _ => starts_with(name, "proxy-"),
    }
}

/// Fields by which a client authenticates, to us or to an upstream.
pub(super) fn is_credential(name: &[u8]) -> bool {
    match name.len() {
        7 => is_one_of(name, &["api-key"]),
        9 => is_one_of(name, &["x-api-key"]),
        13 => is_one_of(name, &["authorization"]),
        14 => is_one_of(name, &["x-goog-api-key"]),
        _ => false,
    }
}

/// Fields by which proxies before us name the client.
fn names_the_client(name: &[u8]) -> bool {
    match name.len() {
        9 if is_one_of(name, &["x-real-ip", "forwarded"]) => true,
        11 if is_one_of(name, &["x-client-ip"]) => true,
        _ => starts_with(name, "x-forwarded-") || starts_with(name, "cf-"),
    }
}

/// Whether framing depends on the field, so that no `Connection` option may take it away.
pub(super) fn is_framing(name: &[u8]) -> bool {
    match name.len() {
        4 => is_one_of(name, &["host"]),
        14 => is_one_of(name, &["content-length"]),
        17 => is_one_of(name, &["transfer-encoding"]),
        _ => false,
    }
}

/// The fields that a `Connection` field names (RFC 9110 section 7.6.1): they end here too.
#[derive(Clone, Copy)]
pub(super) struct Nominated<'a> {
    fields: Option<&'a Fields>,
}

impl<'a> Nominated<'a> {
    pub(super) fn of(fields: &'a Fields) -> Self {
        let nominates = |value: &[u8]| {
            value
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|option| !option.is_empty() && !is_one_of(option, &["close", "keep-alive"]))
        };
        Self { fields: fields.get_all("connection").any(nominates).then_some(fields) }
    }

    /// Whether there is any, beside what every connection says.
    pub(super) const fn is_any(self) -> bool {
        self.fields.is_some()
    }

    pub(super) fn contains(self, name: &[u8]) -> bool {
        let Some(fields) = self.fields else { return false };
        let Ok(name) = std::str::from_utf8(name) else { return false };
        fields.list_contains("connection", name)
    }
}

/// The fields to keep for the trailers that may follow: those of a head whose `Connection` names any.
pub(crate) fn nominating(fields: &Fields) -> Option<Fields> {
    Nominated::of(fields).is_any().then(|| fields.clone())
}

/// Whether a request's field goes upstream.
pub(super) fn passes_upstream(name: &[u8], nominated: Nominated<'_>) -> bool {
    is_framing(name)
        || !(is_hop_by_hop(name) || is_credential(name) || names_the_client(name) || nominated.contains(name))
}

/// Whether a response's field goes to the client.
pub(super) fn passes_to_client(name: &[u8], nominated: Nominated<'_>) -> bool {
    is_framing(name) || !(is_hop_by_hop(name) || nominated.contains(name))
}

/// Whether a field may stand in a trailer section that is passed on: nothing that frames, routes, authenticates or
/// describes the content (RFC 9110 section 6.5.1).
pub(crate) fn passes_in_trailer(name: &[u8]) -> bool {
    !(is_framing(name)
        || is_hop_by_hop(name)
        || is_credential(name)
        || names_the_client(name)
        || starts_with(name, "content-")
        || is_one_of(name, &["set-cookie", "cookie", "trailer", "via", "expect", "x-request-id", "request-id"]))
}
