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

/// A request with the token that asks for a WebSocket.
#[must_use]
pub fn websocket(path: &str) -> String {
    request(&format!("GET {path}"), WEBSOCKET_FIELDS, "")
}

/// The fields by which a client asks for one.
pub const WEBSOCKET_FIELDS: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A 101 that grants it, with further field lines.
#[must_use]
pub fn switching(fields: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{fields}\r\n"
    )
}
