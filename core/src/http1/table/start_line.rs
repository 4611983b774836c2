//! Request lines (RFC 9112 section 3) and what may stand before one.

use super::Malformed::{
    BareCr, BareLf, Connect, ControlByte, EmptyLines, HostMissing, Method, NotHttp, StartLine, Target, Version,
};
use super::{Case, MORE, check_requests, head, refused};

const LINES: &[Case] = &[
    ("the plain line", "9112 3", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", head("GET / HTTP/1.1")),
    ("an extension method", "9110 9.1", b"PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", head("PROPFIND / HTTP/1.1")),
    ("a method has a case", "9110 9.1", b"get / HTTP/1.1\r\nHost: h\r\n\r\n", head("get / HTTP/1.1")),
    ("any token is a method", "9110 9.1", b"!#$%&'*+-.^_`|~9 / HTTP/1.0\r\n\r\n", head("!#$%&'*+-.^_`|~9 / HTTP/1.0")),
    (
        "a method of 32 bytes",
        "9110 9.1",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.0\r\n\r\n",
        head("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.0"),
    ),
    ("a method of 33 bytes", "9110 9.1", b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.0\r\n\r\n", refused(Method)),
    ("a method that is no token", "9110 9.1", b"GE(T / HTTP/1.1\r\n", refused(Method)),
    ("a method with an obs-text byte", "9110 9.1", b"G\xc3\x89T / HTTP/1.1\r\n", refused(Method)),
    ("CONNECT", "9110 9.3.6", b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", refused(Connect)),
    ("a method alone", "9112 3", b"GET\r\n", refused(StartLine)),
    ("no version, as in HTTP/0.9", "9112 3", b"GET /\r\n", refused(StartLine)),
    ("no target", "9112 3", b"GET HTTP/1.1\r\n", refused(StartLine)),
    ("an empty target", "9112 3", b"GET  HTTP/1.1\r\n", refused(Target)),
    ("two spaces before the target", "9112 3", b"GET  / HTTP/1.1\r\n", refused(StartLine)),
    ("two spaces after the target", "9112 3", b"GET /  HTTP/1.1\r\n", refused(StartLine)),
    ("a space in the target", "9112 3.2", b"GET /a b HTTP/1.1\r\n", refused(StartLine)),
    ("a tab for a space", "9112 3", b"GET\t/ HTTP/1.1\r\n", refused(Method)),
    ("a tab in the target", "9112 3.2", b"GET /\t HTTP/1.1\r\n", refused(Target)),
    ("a space after the version", "9112 3", b"GET / HTTP/1.1 \r\n", refused(StartLine)),
    ("a tab after the version", "9112 3", b"GET / HTTP/1.1\t\r\n", refused(Version)),
    ("a space before the method", "9112 3", b" GET / HTTP/1.1\r\n", refused(NotHttp)),
    ("a tab before the method", "9112 3", b"\tGET / HTTP/1.1\r\n", refused(NotHttp)),
];

const VERSIONS: &[Case] = &[
    ("HTTP/1.0 needs no Host", "9112 3.2", b"GET / HTTP/1.0\r\n\r\n", head("GET / HTTP/1.0")),
    ("a later minor version is read as 1.1", "9110 2.5", b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", head("GET / HTTP/1.1")),
    ("the last minor version", "9110 2.5", b"GET / HTTP/1.9\r\nHost: h\r\n\r\n", head("GET / HTTP/1.1")),
    ("a later minor version needs a Host too", "9112 3.2", b"GET / HTTP/1.2\r\n\r\n", refused(HostMissing)),
    ("a version has one digit a part", "9112 2.3", b"GET / HTTP/1.10\r\n", refused(Version)),
    ("a major version with a leading zero", "9112 2.3", b"GET / HTTP/01.1\r\n", refused(Version)),
    ("HTTP/0.9 spelled out", "9112 2.3", b"GET / HTTP/0.9\r\n", refused(Version)),
    ("HTTP/2.0", "9112 2.3", b"GET / HTTP/2.0\r\n", refused(Version)),
    ("HTTP/2 without a minor version", "9112 2.3", b"GET / HTTP/2\r\n", refused(Version)),
    ("HTTP/1 without a minor version", "9112 2.3", b"GET / HTTP/1\r\n", refused(Version)),
    ("the version has a case", "9112 2.3", b"GET / http/1.1\r\n", refused(Version)),
    ("another protocol", "9112 2.3", b"GET / RTSP/1.0\r\n", refused(Version)),
    ("the preface of HTTP/2", "9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused(Version)),
    ("a TLS hello", "9112 2.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", refused(NotHttp)),
    ("a length-prefixed protocol", "9112 2.1", b"\x00\x00\x00\x10", refused(NotHttp)),
    ("a JSON text", "9112 2.1", b"{\"model\":\"m\"}\r\n", refused(NotHttp)),
    ("an SSH client", "9112 3", b"SSH-2.0-OpenSSH_9.9\r\n", refused(StartLine)),
];

const LINE_ENDS: &[Case] = &[
    ("one empty line first", "9112 2.2", b"\r\nGET / HTTP/1.0\r\n\r\n", head("GET / HTTP/1.0")),
    ("four empty lines first", "9112 2.2", b"\r\n\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n", head("GET / HTTP/1.0")),
    ("five empty lines first", "9112 2.2", b"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n", refused(EmptyLines)),
    ("an empty line that is a bare LF", "9112 2.2", b"\nGET / HTTP/1.0\r\n\r\n", refused(BareLf)),
    ("an empty line that is a bare CR", "9112 2.2", b"\rGET / HTTP/1.0\r\n\r\n", refused(BareCr)),
    ("a space on the empty line", "9112 2.2", b"\r\n \r\nGET / HTTP/1.0\r\n\r\n", refused(NotHttp)),
    ("a request line that ends with LF", "9112 2.2", b"GET / HTTP/1.0\n\r\n", refused(BareLf)),
    ("a request line that ends with CR", "9112 2.2", b"GET / HTTP/1.0\rX: y\r\n\r\n", refused(BareCr)),
    ("a request line that ends with CR CR LF", "9112 2.2", b"GET / HTTP/1.0\r\r\n\r\n", refused(BareCr)),
    ("a CR in the target", "9112 2.2", b"GET /\r/ HTTP/1.0\r\n\r\n", refused(BareCr)),
    ("a NUL in the target", "9110 5.5", b"GET /\0", refused(ControlByte)),
    ("an escape in the target", "9110 5.5", b"GET /\x1b", refused(ControlByte)),
    ("a DEL in the target", "9110 5.5", b"GET /\x7f", refused(ControlByte)),
    (
        "what follows the head stays",
        "9112 9.3.2",
        b"GET / HTTP/1.0\r\n\r\nGET /",
        head("GET / HTTP/1.0").then(b"GET /"),
    ),
    (
        "an empty line after the head stays",
        "9112 2.2",
        b"GET / HTTP/1.0\r\n\r\n\r\n",
        head("GET / HTTP/1.0").then(b"\r\n"),
    ),
];

const INCOMPLETE: &[Case] = &[
    ("nothing", "9112 2.1", b"", MORE),
    ("an empty line alone", "9112 2.2", b"\r\n", MORE),
    ("a CR that may end an empty line", "9112 2.2", b"\r", MORE),
    ("a part of a method", "9112 3", b"GE", MORE),
    ("a request line without its LF", "9112 3", b"GET / HTTP/1.1\r", MORE),
    ("a request line without more", "9112 3", b"GET / HTTP/1.1\r\n", MORE),
    ("a field without its line end", "9112 5", b"GET / HTTP/1.1\r\nHost: h", MORE),
    ("fields without the empty line", "9112 5", b"GET / HTTP/1.1\r\nHost: h\r\n", MORE),
    ("half an empty line", "9112 5", b"GET / HTTP/1.1\r\nHost: h\r\n\r", MORE),
];

#[test]
fn request_lines() {
    check_requests(LINES);
}

#[test]
fn versions() {
    check_requests(VERSIONS);
}

#[test]
fn line_ends() {
    check_requests(LINE_ENDS);
}

#[test]
fn incomplete_requests() {
    check_requests(INCOMPLETE);
}
