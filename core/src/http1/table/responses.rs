//! Status lines (RFC 9112 section 4), and responses without content (RFC 9112 section 6.3).

use http::Method;

use super::super::Framing::{Chunked, Empty, UntilClose};
use super::super::replay::Kind;
use super::Malformed::{
    BareCr, BareLf, ContentForbidden, ContentLength, ControlByte, FieldLine, LengthAndCoding, NotHttp, ObsFold,
    SpaceBeforeColon, StartLine, Status, TransferEncoding, Version,
};
use super::{Case, MORE, check, check_responses, field, head, message, refused};

const LINES: &[Case] = &[
    ("a reason", "9112 4", b"HTTP/1.1 404 Not Found\r\n\r\n", message("HTTP/1.1 404 Not Found", UntilClose, b"")),
    ("an empty reason", "9112 4", b"HTTP/1.1 200 \r\n\r\n", message("HTTP/1.1 200 ", UntilClose, b"")),
    ("no reason and no space for it", "9112 4", b"HTTP/1.1 200\r\n\r\n", message("HTTP/1.1 200 ", UntilClose, b"")),
    (
        "a reason with obs-text",
        "9112 4",
        b"HTTP/1.1 200 \xc3\xa9\r\n\r\n",
        message("HTTP/1.1 200 \u{e9}", UntilClose, b""),
    ),
    (
        "spaces and tabs in a reason",
        "9112 4",
        b"HTTP/1.1 200  a\t \r\n\r\n",
        message("HTTP/1.1 200  a\t ", UntilClose, b""),
    ),
    ("a status of nobody's", "9110 15", b"HTTP/1.1 529 \r\n\r\n", message("HTTP/1.1 529 ", UntilClose, b"")),
    ("the highest status", "9110 15", b"HTTP/1.1 999 \r\n\r\n", message("HTTP/1.1 999 ", UntilClose, b"")),
    ("HTTP/1.0", "9112 4", b"HTTP/1.0 200 OK\r\n\r\na", message("HTTP/1.0 200 OK", UntilClose, b"a")),
    ("a later minor version", "9110 2.5", b"HTTP/1.7 200 OK\r\n\r\n", message("HTTP/1.1 200 OK", UntilClose, b"")),
    ("a status below 100", "9110 15", b"HTTP/1.1 099 \r\n", refused(Status)),
    ("two digits", "9112 4", b"HTTP/1.1 20 OK\r\n", refused(Status)),
    ("four digits", "9112 4", b"HTTP/1.1 2000 OK\r\n", refused(Status)),
    ("no digits", "9112 4", b"HTTP/1.1 OK\r\n", refused(Status)),
    ("a sign", "9112 4", b"HTTP/1.1 +20 OK\r\n", refused(Status)),
    ("no status", "9112 4", b"HTTP/1.1 \r\n", refused(Status)),
    ("a version alone", "9112 4", b"HTTP/1.1\r\n", refused(StartLine)),
    ("two spaces before the status", "9112 4", b"HTTP/1.1  200 OK\r\n", refused(Status)),
    ("a tab before the status", "9112 4", b"HTTP/1.1\t200 OK\r\n", refused(Version)),
    ("a tab after the status", "9112 4", b"HTTP/1.1 200\tOK\r\n", refused(Status)),
    ("HTTP/2.0", "9112 2.3", b"HTTP/2.0 200 OK\r\n", refused(Version)),
    ("HTTP/2", "9112 2.3", b"HTTP/2 200\r\n", refused(Version)),
    ("the version has a case", "9112 2.3", b"http/1.1 200 OK\r\n", refused(NotHttp)),
    ("another protocol", "9112 2.3", b"ICY 200 OK\r\n", refused(NotHttp)),
    ("a space first", "9112 4", b" HTTP/1.1 200 OK\r\n", refused(NotHttp)),
    ("an empty line first", "9112 2.2", b"\r\nHTTP/1.1 200 OK\r\n\r\n", refused(NotHttp)),
    ("a frame of HTTP/2", "9113 4.1", b"\0\0\x12\x04\0\0\0\0\0", refused(NotHttp)),
    ("a TLS alert", "9112 2.1", b"\x15\x03\x01\0\x02\x02\x46", refused(NotHttp)),
    ("a control byte in the reason", "9112 4", b"HTTP/1.1 200 O\x01K\r\n", refused(ControlByte)),
    ("a CR in the reason", "9112 2.2", b"HTTP/1.1 200 O\rK\r\n", refused(BareCr)),
    ("a line that ends with LF", "9112 2.2", b"HTTP/1.1 200 OK\n\r\n", refused(BareLf)),
    ("nothing", "9112 4", b"", MORE),
    ("the beginning", "9112 4", b"HTT", MORE),
    ("no end of the head", "9112 4", b"HTTP/1.1 200 OK\r\nX: y\r\n", MORE),
];

const FIELDS: &[Case] = &[
    ("a value with obs-text", "9110 5.5", b"HTTP/1.1 204 \r\nX: a\xff\r\n\r\n", field("HTTP/1.1 204 ", b"a\xff")),
    ("a fold", "9112 5.2", b"HTTP/1.1 204 \r\nX: a\r\n b\r\n\r\n", refused(ObsFold)),
    ("a space before the colon", "9112 5.1", b"HTTP/1.1 204 \r\nX : a\r\n\r\n", refused(SpaceBeforeColon)),
    ("a line without a colon", "9112 5", b"HTTP/1.1 204 \r\nX\r\n\r\n", refused(FieldLine)),
    ("Host has no rules here", "9112 3.2", b"HTTP/1.1 204 \r\nHost: a b\r\nX: y\r\n\r\n", field("HTTP/1.1 204 ", b"y")),
];

const WITHOUT_CONTENT: &[Case] = &[
    ("204", "9112 6.3", b"HTTP/1.1 204 No Content\r\n\r\nHTTP", head("HTTP/1.1 204 No Content").then(b"HTTP")),
    ("204 with a length of zero", "9110 8.6", b"HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n", head("HTTP/1.1 204 ")),
    ("204 with a length", "9110 8.6", b"HTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n", refused(ContentForbidden)),
    (
        "204 with a coding",
        "9112 6.1",
        b"HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(ContentForbidden),
    ),
    (
        "204 with a length that is none",
        "9110 8.6",
        b"HTTP/1.1 204 \r\nContent-Length: x\r\n\r\n",
        refused(ContentLength),
    ),
    ("100", "9112 6.3", b"HTTP/1.1 100 Continue\r\n\r\nHTTP", head("HTTP/1.1 100 Continue").then(b"HTTP")),
    ("101", "9112 6.3", b"HTTP/1.1 101 \r\n\r\nabc", head("HTTP/1.1 101 ").then(b"abc")),
    (
        "103 with a coding",
        "9112 6.1",
        b"HTTP/1.1 103 \r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(ContentForbidden),
    ),
    ("199 with a length", "9110 8.6", b"HTTP/1.1 199 \r\nContent-Length: 3\r\n\r\n", refused(ContentForbidden)),
    ("304", "9112 6.3", b"HTTP/1.1 304 \r\n\r\nHTTP", head("HTTP/1.1 304 ").then(b"HTTP")),
    (
        "304 with the length of a 200",
        "9110 8.6",
        b"HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\nHTTP",
        head("HTTP/1.1 304 ").then(b"HTTP"),
    ),
    (
        "304 with the coding of a 200",
        "9112 6.1",
        b"HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\n\r\nHTTP",
        head("HTTP/1.1 304 ").then(b"HTTP"),
    ),
    (
        "304 with both",
        "9112 6.1",
        b"HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        refused(LengthAndCoding),
    ),
    (
        "205 with a length of zero",
        "9110 15.3.6",
        b"HTTP/1.1 205 \r\nContent-Length: 0\r\n\r\nHTTP",
        head("HTTP/1.1 205 ").then(b"HTTP"),
    ),
    ("205 with a length", "9110 15.3.6", b"HTTP/1.1 205 \r\nContent-Length: 3\r\n\r\nabc", refused(ContentForbidden)),
    (
        "205 that is chunked and empty",
        "9110 15.3.6",
        b"HTTP/1.1 205 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP",
        message("HTTP/1.1 205 ", Chunked, b"").then(b"HTTP"),
    ),
    ("205 until the server closes", "9112 6.3", b"HTTP/1.1 205 \r\n\r\n", message("HTTP/1.1 205 ", UntilClose, b"")),
];

const TO_HEAD: &[Case] = &[
    ("no length", "9112 6.3", b"HTTP/1.1 200 \r\n\r\nHTTP", head("HTTP/1.1 200 ").then(b"HTTP")),
    (
        "the length of a GET",
        "9110 8.6",
        b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nHTTP",
        message("HTTP/1.1 200 ", Empty, b"").then(b"HTTP"),
    ),
    (
        "the coding of a GET",
        "9112 6.1",
        b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nHTTP",
        head("HTTP/1.1 200 ").then(b"HTTP"),
    ),
    ("another coding", "9112 6.1", b"HTTP/1.1 200 \r\nTransfer-Encoding: gzip\r\n\r\n", refused(TransferEncoding)),
    ("a length that is none", "9110 8.6", b"HTTP/1.1 200 \r\nContent-Length: 3, 3\r\n\r\n", refused(ContentLength)),
    (
        "both",
        "9112 6.1",
        b"HTTP/1.1 200 \r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(LengthAndCoding),
    ),
    ("204 with a length", "9110 8.6", b"HTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n", refused(ContentForbidden)),
];

#[test]
fn status_lines() {
    check_responses(LINES);
}

#[test]
fn response_fields() {
    check_responses(FIELDS);
}

#[test]
fn responses_without_content() {
    check_responses(WITHOUT_CONTENT);
}

#[test]
fn responses_to_head() {
    check(&Kind::Response(Method::HEAD), TO_HEAD);
}
