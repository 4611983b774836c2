//! Requests that begin well and go wrong in their bodies, at each stage of the exchange.

use super::{CHUNKED, OK, Script, post};
use crate::golden::Stage;

/// Sends a head and one chunk, waits until the upstream has them, then sends what is malformed.
fn goes_wrong(s: &mut Stage<'_>, malformed: &str) {
    s.client_sends(post("Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n");
    s.upstream_receives_until("ab\r\n");
    s.client_sends(malformed);
    s.client_receives();
    s.client_sees_the_end();
    s.upstream_sees_the_end();
}

pub(super) const SCRIPTS: &[Script] = &[
    ("a chunk size that is none is refused and the upstream is left", |s| goes_wrong(s, "xyz\r\n")),
    ("an empty chunk size is refused and the upstream is left", |s| goes_wrong(s, "\r\n")),
    ("a chunk size of seventeen digits is refused and the upstream is left", |s| {
        goes_wrong(s, "10000000000000000\r\n");
    }),
    ("a bare LF after a chunk size is refused and the upstream is left", |s| goes_wrong(s, "1\na\r\n")),
    ("data after a chunk's end is refused and the upstream is left", |s| goes_wrong(s, "1\r\nabc\r\n")),
    ("a bare LF after a chunk is refused and the upstream is left", |s| goes_wrong(s, "1\r\na\n0\r\n\r\n")),
    ("a malformed trailer is refused and the upstream is left", |s| goes_wrong(s, "0\r\nX : y\r\n\r\n")),
    ("a trailer with a bare LF is refused and the upstream is left", |s| goes_wrong(s, "0\r\nX: y\n\r\n")),
    ("chunks over the limit are refused and the upstream is left", |s| {
        goes_wrong(s, &format!("3e8\r\n{}\r\n0\r\n\r\n", "x".repeat(1000)));
    }),
    ("a body that goes wrong during the answer breaks the answer", |s| {
        s.client_sends(post("Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n");
        s.upstream_receives_until("ab\r\n");
        s.upstream_sends(CHUNKED.to_owned() + "2\r\nAB\r\n");
        s.client_receives_until("AB\r\n");
        s.client_sends("xyz\r\n");
        s.client_sees_the_end();
        s.upstream_sees_the_end();
    }),
    ("a body that goes wrong behind its end is another request", |s| {
        s.client_sends(post("Content-Length: 2\r\n") + "{}{}\r\n\r\n");
        s.upstream_receives();
        s.upstream_sends(OK);
        s.client_receives();
        s.client_receives();
        s.client_sees_the_end();
    }),
];
