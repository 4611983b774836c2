//! Field lines (RFC 9112 section 5), and the limits of a head.

use std::iter::repeat_n;

use super::super::replay::{Kind, Outcome, replay};
use super::Malformed::{
    BareCr, BareLf, ControlByte, FieldLine, FieldName, HeadTooLarge, ObsFold, SpaceBeforeColon, TooManyFields,
};
use super::{Case, check_requests, field, refused};

const START: &str = "GET / HTTP/1.0";

const VALUES: &[Case] = &[
    ("a value", "9112 5", b"GET / HTTP/1.0\r\nX: abc\r\n\r\n", field(START, b"abc")),
    ("no space after the colon", "9112 5", b"GET / HTTP/1.0\r\nX:abc\r\n\r\n", field(START, b"abc")),
    ("whitespace around the value", "9112 5", b"GET / HTTP/1.0\r\nX: \t a b\t \r\n\r\n", field(START, b"a b")),
    ("an empty value", "9110 5.5", b"GET / HTTP/1.0\r\nX:\r\n\r\n", field(START, b"")),
    ("a value of whitespace", "9110 5.5", b"GET / HTTP/1.0\r\nX: \t \r\nY: z\r\n\r\n", field(START, b"")),
    ("colons in the value", "9112 5", b"GET / HTTP/1.0\r\nX: a:b:\r\n\r\n", field(START, b"a:b:")),
    ("a colon first in the value", "9112 5", b"GET / HTTP/1.0\r\nX::\r\n\r\n", field(START, b":")),
    ("a tab in the value", "9110 5.5", b"GET / HTTP/1.0\r\nX: a\tb\r\n\r\n", field(START, b"a\tb")),
    (
        "obs-text in the value",
        "9110 5.5",
        b"GET / HTTP/1.0\r\nX: \xc3\xa9\xff\x80\r\n\r\n",
        field(START, b"\xc3\xa9\xff\x80"),
    ),
    ("a name has no case", "9110 5.1", b"GET / HTTP/1.0\r\nx: abc\r\n\r\n", field(START, b"abc")),
    ("any token is a name", "9110 5.1", b"GET / HTTP/1.0\r\n!#$%&'*+-.^_`|~9: a\r\nX: b\r\n\r\n", field(START, b"b")),
    ("the first of two lines", "9110 5.3", b"GET / HTTP/1.0\r\nX: a\r\nX: b\r\n\r\n", field(START, b"a")),
];

const LINES: &[Case] = &[
    ("a space before the colon", "9112 5.1", b"GET / HTTP/1.0\r\nX : a\r\n\r\n", refused(SpaceBeforeColon)),
    ("a tab before the colon", "9112 5.1", b"GET / HTTP/1.0\r\nX\t: a\r\n\r\n", refused(SpaceBeforeColon)),
    (
        "a space before the colon of a framing field",
        "9112 5.1",
        b"GET / HTTP/1.0\r\nContent-Length : 5\r\n\r\n",
        refused(SpaceBeforeColon),
    ),
    ("a space alone before the colon", "9112 5.1", b"GET / HTTP/1.0\r\nA: b\r\n : a\r\n\r\n", refused(ObsFold)),
    ("no name", "9110 5.1", b"GET / HTTP/1.0\r\n: a\r\n\r\n", refused(FieldName)),
    ("a space in the name", "9110 5.1", b"GET / HTTP/1.0\r\nX Y: a\r\n\r\n", refused(FieldName)),
    ("a name that is no token", "9110 5.1", b"GET / HTTP/1.0\r\nX(): a\r\n\r\n", refused(FieldName)),
    ("a name in quotes", "9110 5.1", b"GET / HTTP/1.0\r\n\"X\": a\r\n\r\n", refused(FieldName)),
    ("obs-text in the name", "9110 5.1", b"GET / HTTP/1.0\r\nX\xc3\xa9: a\r\n\r\n", refused(FieldName)),
    ("no colon", "9112 5", b"GET / HTTP/1.0\r\nX\r\n\r\n", refused(FieldLine)),
    ("no colon in a later line", "9112 5", b"GET / HTTP/1.0\r\nX: a\r\nY\r\nZ: b\r\n\r\n", refused(FieldLine)),
    ("a second request line", "9112 5", b"GET / HTTP/1.0\r\nGET / HTTP/1.0\r\n\r\n", refused(FieldLine)),
    ("a folded line", "9112 5.2", b"GET / HTTP/1.0\r\nX: a\r\n b\r\n\r\n", refused(ObsFold)),
    ("a line folded with a tab", "9112 5.2", b"GET / HTTP/1.0\r\nX: a\r\n\tb\r\n\r\n", refused(ObsFold)),
    ("a fold that looks like a field", "9112 5.2", b"GET / HTTP/1.0\r\nX: a\r\n Y: b\r\n\r\n", refused(ObsFold)),
    ("a fold of whitespace", "9112 5.2", b"GET / HTTP/1.0\r\nX: a\r\n \r\n\r\n", refused(ObsFold)),
    ("whitespace before the first field", "9112 2.2", b"GET / HTTP/1.0\r\n X: a\r\n\r\n", refused(ObsFold)),
];

const CONTROLS: &[Case] = &[
    ("a line that ends with LF", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\n", refused(BareLf)),
    ("an empty line that is LF", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\r\n\n", refused(BareLf)),
    ("a line that ends with CR", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\rY: b\r\n\r\n", refused(BareCr)),
    ("a CR before the line's end", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\r\r\n\r\n", refused(BareCr)),
    ("an empty line with two CR", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\r\n\r\r\n", refused(BareCr)),
    ("a CR first in a value", "9112 2.2", b"GET / HTTP/1.0\r\nX:\ra\r\n\r\n", refused(BareCr)),
    ("a CR in a name", "9112 2.2", b"GET / HTTP/1.0\r\nX\r: a\r\n\r\n", refused(BareCr)),
    ("a NUL in a value", "9110 5.5", b"GET / HTTP/1.0\r\nX: a\0", refused(ControlByte)),
    ("a NUL in a name", "9110 5.5", b"GET / HTTP/1.0\r\nX\0", refused(ControlByte)),
    ("a DEL in a value", "9110 5.5", b"GET / HTTP/1.0\r\nX: a\x7f", refused(ControlByte)),
    ("a backspace in a value", "9110 5.5", b"GET / HTTP/1.0\r\nX: a\x08", refused(ControlByte)),
    ("a vertical tab before the colon", "9110 5.5", b"GET / HTTP/1.0\r\nX\x0b: a\r\n", refused(ControlByte)),
    ("the first of two faults is said", "9112 2.2", b"GET / HTTP/1.0\r\nX: a\0\n\r", refused(ControlByte)),
];

#[test]
fn values() {
    check_requests(VALUES);
}

#[test]
fn lines() {
    check_requests(LINES);
}

#[test]
fn line_ends_and_controls() {
    check_requests(CONTROLS);
}

/// A request whose head has exactly so many bytes.
fn head_of_length(length: usize) -> Vec<u8> {
    let (start, end) = (b"GET / HTTP/1.0\r\nX: ", b"\r\n\r\n");
    [&start[..], &vec![b'a'; length - start.len() - end.len()], end].concat()
}

fn replay_request(wire: &[u8]) -> Outcome {
    let whole = replay(&Kind::Request, [wire]);
    assert_eq!(whole, replay(&Kind::Request, wire.chunks(1000)));
    whole
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    assert!(matches!(replay_request(&head_of_length(64 * 1024)), Outcome::Message(..)));
}

#[test]
fn a_head_of_one_byte_more_is_too_large() {
    assert_eq!(replay_request(&head_of_length(64 * 1024 + 1)), Outcome::Refused(HeadTooLarge));
}

#[test]
fn a_head_without_an_end_is_refused_at_the_limit() {
    let endless = vec![b'a'; 64 * 1024];
    assert_eq!(replay_request(&endless[1..]), Outcome::Incomplete);
    assert_eq!(replay_request(&endless), Outcome::Refused(HeadTooLarge));
}

#[test]
fn fields_are_counted_before_the_head_is_complete() {
    let with = |count| [b"GET / HTTP/1.0\r\n".to_vec(), repeat_n(*b"X: a\r\n", count).flatten().collect()].concat();
    assert_eq!(replay_request(&with(128)), Outcome::Incomplete);
    assert!(matches!(replay_request(&[with(128), b"\r\n".to_vec()].concat()), Outcome::Message(..)));
    assert_eq!(replay_request(&with(129)), Outcome::Refused(TooManyFields));
}
