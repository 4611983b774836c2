//! The pieces from which dialogues are put together.

use super::rules::TOKEN;

/// A request with the token, further field lines (each with its CRLF) and content.
#[must_use]
pub fn request(line: &str, fields: &str, content: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer {TOKEN}\r\n{fields}\r\n{content}")
}

/// A GET with the token and nothing else.
#[must_use]
pub fn get(path: &str) -> String {
    request(&format!("GET {path}"), "", "")
}

/// A POST with the token and content of a known length.
#[must_use]
pub fn post(path: &str, content: &str) -> String {
    request(&format!("POST {path}"), &format!("Content-Length: {}\r\n", content.len()), content)
}

/// A 200 with content of a known length.
#[must_use]
pub fn ok(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}
