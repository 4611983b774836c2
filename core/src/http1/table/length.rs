//! `Content-Length` (RFC 9110 section 8.6, RFC 9112 section 6.3).

use super::super::Framing::{Empty, Length, UntilClose};
use super::Malformed::{ContentLength, ContentLengthRepeated};
use super::{Case, MORE, check_requests, check_responses, head, message, refused};

const POST: &str = "POST / HTTP/1.0";
const OK: &str = "HTTP/1.1 200 OK";

const REQUESTS: &[Case] = &[
    ("a length", "9112 6.2", b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", message(POST, Length(3), b"abc")),
    ("no length: no body", "9112 6.3", b"POST / HTTP/1.0\r\n\r\nabc", head(POST).then(b"abc")),
    (
        "zero: no body",
        "9112 6.3",
        b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\nabc",
        message(POST, Empty, b"").then(b"abc"),
    ),
    (
        "what follows the body stays",
        "9112 6.3",
        b"POST / HTTP/1.0\r\ncontent-length:3\r\n\r\nabcGET",
        message(POST, Length(3), b"abc").then(b"GET"),
    ),
    (
        "a body with GET",
        "9110 9.3.1",
        b"GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\na",
        message("GET / HTTP/1.0", Length(1), b"a"),
    ),
    (
        "whitespace around it",
        "9110 5.5",
        b"POST / HTTP/1.0\r\nContent-Length:  1 \r\n\r\na",
        message(POST, Length(1), b"a"),
    ),
    ("a body that is not complete", "9112 6.3", b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nab", MORE),
    ("a body that has not begun", "9112 6.3", b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n", MORE),
    ("the highest length", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 18446744073709551615\r\n\r\n", MORE),
    (
        "one more",
        "9110 8.6",
        b"POST / HTTP/1.0\r\nContent-Length: 18446744073709551616\r\n\r\n",
        refused(ContentLength),
    ),
    (
        "ten times as much",
        "9110 8.6",
        b"POST / HTTP/1.0\r\nContent-Length: 184467440737095516150\r\n\r\n",
        refused(ContentLength),
    ),
    ("nothing", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length:\r\n\r\n", refused(ContentLength)),
    ("a plus sign", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: +3\r\n\r\nabc", refused(ContentLength)),
    ("a minus sign", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: -3\r\n\r\nabc", refused(ContentLength)),
    ("minus zero", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: -0\r\n\r\n", refused(ContentLength)),
    ("hexadecimal", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 0x3\r\n\r\nabc", refused(ContentLength)),
    (
        "hexadecimal without a prefix",
        "9110 8.6",
        b"POST / HTTP/1.0\r\nContent-Length: a\r\n\r\n",
        refused(ContentLength),
    ),
    ("a leading zero", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 03\r\n\r\nabc", refused(ContentLength)),
    ("two zeros", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 00\r\n\r\n", refused(ContentLength)),
    ("a fraction", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 3.0\r\n\r\nabc", refused(ContentLength)),
    ("an exponent", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 1e1\r\n\r\nabc", refused(ContentLength)),
    ("a separator", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 1_0\r\n\r\nabc", refused(ContentLength)),
    ("a space inside", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 1 0\r\n\r\nabc", refused(ContentLength)),
    ("a tab inside", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: 1\t0\r\n\r\nabc", refused(ContentLength)),
    (
        "a list of equal values",
        "9112 6.3",
        b"POST / HTTP/1.0\r\nContent-Length: 3, 3\r\n\r\nabc",
        refused(ContentLength),
    ),
    ("a comma after it", "9112 6.3", b"POST / HTTP/1.0\r\nContent-Length: 3,\r\n\r\nabc", refused(ContentLength)),
    ("quotes", "9110 8.6", b"POST / HTTP/1.0\r\nContent-Length: \"3\"\r\n\r\nabc", refused(ContentLength)),
    (
        "full-width digits",
        "9110 8.6",
        b"POST / HTTP/1.0\r\nContent-Length: \xef\xbc\x93\r\n\r\nabc",
        refused(ContentLength),
    ),
    (
        "two equal lines",
        "9112 6.3",
        b"POST / HTTP/1.0\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        refused(ContentLengthRepeated),
    ),
    (
        "two lines that differ",
        "9112 6.3",
        b"POST / HTTP/1.0\r\nContent-Length: 3\r\nX: y\r\ncontent-length: 0\r\n\r\nabc",
        refused(ContentLengthRepeated),
    ),
    (
        "a name that differs by an underscore is another field",
        "9110 5.1",
        b"POST / HTTP/1.0\r\nContent_Length: 3\r\n\r\nabc",
        head(POST).then(b"abc"),
    ),
];

const RESPONSES: &[Case] = &[
    (
        "a length",
        "9112 6.2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd",
        message(OK, Length(3), b"abc").then(b"d"),
    ),
    ("zero", "9112 6.3", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nd", message(OK, Empty, b"").then(b"d")),
    ("no length: until the server closes", "9112 6.3", b"HTTP/1.1 200 OK\r\n\r\nabc", message(OK, UntilClose, b"abc")),
    ("until the server closes, and nothing came", "9112 6.3", b"HTTP/1.1 200 OK\r\n\r\n", message(OK, UntilClose, b"")),
    ("cut off", "9112 8", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", MORE),
    ("a sign", "9110 8.6", b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", refused(ContentLength)),
    (
        "a list of equal values",
        "9112 6.3",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
        refused(ContentLength),
    ),
    (
        "two equal lines",
        "9112 6.3",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        refused(ContentLengthRepeated),
    ),
];

#[test]
fn request_lengths() {
    check_requests(REQUESTS);
}

#[test]
fn response_lengths() {
    check_responses(RESPONSES);
}
