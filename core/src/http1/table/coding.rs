//! `Transfer-Encoding` (RFC 9112 sections 6.1 and 6.3).

use super::super::Framing::Chunked;
use super::Malformed::{LengthAndCoding, SpaceBeforeColon, TransferEncoding, TransferEncodingInHttp10};
use super::{Case, MORE, check_requests, check_responses, head, message, refused};

const POST: &str = "POST / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK";

const REQUESTS: &[Case] = &[
    (
        "chunked",
        "9112 7.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET",
        message(POST, Chunked, b"abc").then(b"GET"),
    ),
    (
        "a coding has no case",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding:ChUnKeD \r\n\r\n0\r\n\r\n",
        message(POST, Chunked, b""),
    ),
    ("the head alone", "9112 7.1", b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", MORE),
    (
        "in HTTP/1.2",
        "9110 2.5",
        b"POST / HTTP/1.2\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        message(POST, Chunked, b""),
    ),
    (
        "in HTTP/1.0",
        "9112 6.1",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(TransferEncodingInHttp10),
    ),
    (
        "in HTTP/1.0 with a length",
        "9112 6.1",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        refused(TransferEncodingInHttp10),
    ),
    (
        "a length before it",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        refused(LengthAndCoding),
    ),
    (
        "a length after it",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        refused(LengthAndCoding),
    ),
    (
        "a length of zero beside it",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        refused(LengthAndCoding),
    ),
    ("nothing", "9112 6.1", b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", refused(TransferEncoding)),
    (
        "another coding",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a coding before it",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a coding after it",
        "9112 6.3",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "twice in a list",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "twice in two lines",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "an empty line beside it",
        "9112 6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "identity beside it",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "identity",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a parameter",
        "9112 7.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a comma before it",
        "9110 5.6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ,chunked\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a comma after it",
        "9110 5.6.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked,\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "quotes",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a longer word",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a byte that looks like a space",
        "9112 7",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \xa0chunked\r\n\r\n",
        refused(TransferEncoding),
    ),
    (
        "a name with whitespace",
        "9112 5.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n",
        refused(SpaceBeforeColon),
    ),
    (
        "a name that differs by an underscore is another field",
        "9110 5.1",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\n\r\n0",
        head(POST).then(b"0"),
    ),
];

const RESPONSES: &[Case] = &[
    (
        "chunked",
        "9112 7.1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        message(OK, Chunked, b"abc"),
    ),
    ("cut off", "9112 8", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", MORE),
    (
        "in HTTP/1.0",
        "9112 6.1",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(TransferEncodingInHttp10),
    ),
    (
        "a length beside it",
        "9112 6.1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        refused(LengthAndCoding),
    ),
    ("another coding", "9112 6.3", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", refused(TransferEncoding)),
    (
        "a coding before it",
        "9112 6.3",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        refused(TransferEncoding),
    ),
];

#[test]
fn request_codings() {
    check_requests(REQUESTS);
}

#[test]
fn response_codings() {
    check_responses(RESPONSES);
}
