//! Trailer sections (RFC 9112 section 7.1.2).

use super::super::replay::{Kind, Outcome, replay};
use super::Malformed::{
    BareCr, BareLf, ControlByte, FieldLine, FieldName, ObsFold, SpaceBeforeColon, TrailersTooLarge,
};
use super::{Case, MORE, check_chunked, refused, trailers};

const CASES: &[Case] = &[
    ("none", "9112 7.1.2", b"0\r\n\r\nGET", trailers(&[]).then(b"GET")),
    ("one", "9112 7.1.2", b"0\r\nA: b\r\n\r\nGET", trailers(&[("A", "b")]).then(b"GET")),
    ("two", "9112 7.1.2", b"0\r\nA: b\r\nC:d \r\n\r\n", trailers(&[("A", "b"), ("C", "d")])),
    ("an empty value", "9110 5.5", b"0\r\nA:\r\n\r\n", trailers(&[("A", "")])),
    ("after an extension", "9112 7.1.1", b"0;x=y\r\nA: b\r\n\r\n", trailers(&[("A", "b")])),
    (
        "a framing field is the caller's matter",
        "9110 6.5.1",
        b"0\r\nContent-Length: 3\r\n\r\n",
        trailers(&[("Content-Length", "3")]),
    ),
    ("a line without its end", "9112 7.1.2", b"0\r\nA: b", MORE),
    ("a line without the empty one", "9112 7.1.2", b"0\r\nA: b\r\n", MORE),
    ("no LF on the empty line", "9112 7.1.2", b"0\r\nA: b\r\n\r", MORE),
    ("no colon", "9112 5", b"0\r\nA\r\n\r\n", refused(FieldLine)),
    (
        "the next request without the empty line",
        "9112 7.1.2",
        b"0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        refused(FieldLine),
    ),
    ("no name", "9110 5.1", b"0\r\n: b\r\n\r\n", refused(FieldName)),
    ("a name that is no token", "9110 5.1", b"0\r\nA@: b\r\n\r\n", refused(FieldName)),
    ("whitespace before the colon", "9112 5.1", b"0\r\nA : b\r\n\r\n", refused(SpaceBeforeColon)),
    ("whitespace first", "9112 2.2", b"0\r\n A: b\r\n\r\n", refused(ObsFold)),
    ("a fold", "9112 5.2", b"0\r\nA: b\r\n c\r\n\r\n", refused(ObsFold)),
    ("a line that ends with LF", "9112 2.2", b"0\r\nA: b\n\r\n", refused(BareLf)),
    ("an empty line that is LF", "9112 2.2", b"0\r\n\n", refused(BareLf)),
    ("a line that ends with CR", "9112 2.2", b"0\r\nA: b\rC: d\r\n\r\n", refused(BareCr)),
    ("an empty line that is CR", "9112 2.2", b"0\r\n\rX", refused(BareCr)),
    ("a NUL", "9110 5.5", b"0\r\nA: \0", refused(ControlByte)),
];

#[test]
fn trailer_sections() {
    check_chunked(CASES);
}

fn replay_trailers(section: &[u8]) -> Outcome {
    let wire = [b"0\r\n", section].concat();
    let whole = replay(&Kind::Chunked, [&wire[..]]);
    assert_eq!(whole, replay(&Kind::Chunked, wire.chunks(1)));
    whole
}

#[test]
fn trailers_may_be_as_many_as_the_limit() {
    assert!(matches!(replay_trailers(&[b"A: b\r\n".repeat(64), b"\r\n".to_vec()].concat()), Outcome::Message(..)));
    assert_eq!(replay_trailers(&b"A: b\r\n".repeat(65)), Outcome::Refused(TrailersTooLarge));
}

#[test]
fn trailers_may_be_as_long_as_the_limit() {
    let section = |length: usize| [b"A:".to_vec(), vec![b'b'; length - 6], b"\r\n\r\n".to_vec()].concat();
    assert!(matches!(replay_trailers(&section(16 * 1024)), Outcome::Message(..)));
    assert_eq!(replay_trailers(&section(16 * 1024 + 1)), Outcome::Refused(TrailersTooLarge));
    assert_eq!(replay_trailers(&vec![b'a'; 16 * 1024]), Outcome::Refused(TrailersTooLarge));
}
