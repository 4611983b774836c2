//! The scripts, one concern a file. In what is sent, `<openai>`, `<gemini-inactive>` and the like stand for tokens.

mod bodies;
mod client_ends;
mod client_faults;
mod following;
mod heads;
mod malformed_bodies;
mod malformed_heads;
mod own_routes;
mod refusals;
mod streams;
mod upstream_faults;

use super::Script;

/// All scripts in the order in which they are played.
pub(super) fn all() -> impl Iterator<Item = Script> {
    [
        bodies::SCRIPTS,
        heads::SCRIPTS,
        streams::SCRIPTS,
        following::SCRIPTS,
        client_ends::SCRIPTS,
        client_faults::SCRIPTS,
        malformed_heads::SCRIPTS,
        malformed_bodies::SCRIPTS,
        refusals::SCRIPTS,
        upstream_faults::SCRIPTS,
        own_routes::SCRIPTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// An answer of two bytes.
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// The head of an answer in chunks.
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The head of a stream of events.
const SSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A `GET` with a good token and these field lines, each with its CRLF.
fn get(fields: &str) -> String {
    format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer <openai>\r\n{fields}\r\n")
}

/// The head of a `POST` with a good token and these field lines.
fn post(fields: &str) -> String {
    format!("POST /v1/responses HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer <openai>\r\n{fields}\r\n")
}

/// A `GET` of a target by a provider's token.
fn get_as(provider: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer <{provider}>\r\n\r\n")
}
