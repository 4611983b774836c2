//! Bytes that are no HTTP/1 at all.

use super::{Script, get};

pub(super) const SCRIPTS: &[Script] = &[
    ("a TLS hello is refused", |s| {
        s.refused_for_good(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a");
    }),
    ("the preface of HTTP 2 is refused", |s| {
        s.refused_for_good("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    }),
    ("a request of HTTP 2.0 is refused", |s| s.refused_for_good(get("").replace("HTTP/1.1", "HTTP/2.0"))),
    ("a request of HTTP 0.9 is refused", |s| s.refused_for_good("GET /v1/models\r\n\r\n")),
    ("a later minor version is read as 1.1", |s| {
        s.exchange(get("").replace("HTTP/1.1", "HTTP/1.2"), super::OK);
    }),
    ("another protocol's greeting is refused", |s| s.refused_for_good("SSH-2.0-OpenSSH_9.6\r\n")),
    ("five empty lines are refused", |s| s.refused_for_good("\r\n\r\n\r\n\r\n\r\n".to_owned() + &get(""))),
];
