//! What is accepted and what is refused, as bytes. One file a subject; each case names the section that decides it.
//! Every case is decoded whole, byte by byte, and cut in two at every place, always with the same result.

mod chunks;
mod coding;
mod fields;
mod host;
mod length;
mod responses;
mod start_line;
mod target;
mod trailers;

use http::Method;

use super::replay::{Kind, Message, Outcome, replay};
use super::{Framing, Malformed};

/// One row: what it shows, the section of the RFC, the bytes, what must become of them.
type Case = (&'static str, &'static str, &'static [u8], Expected);

/// What must become of the bytes.
#[derive(Clone, Copy)]
enum Expected {
    Accepted(Accepted),
    Refused(Malformed),
    Incomplete,
}

/// The message that must be read.
#[derive(Clone, Copy)]
struct Accepted {
    start: &'static str,
    /// The value of a field called `x`, if the case is about fields.
    x: Option<&'static [u8]>,
    framing: Framing,
    body: &'static [u8],
    trailers: &'static [(&'static str, &'static str)],
    rest: &'static [u8],
}

/// A message without a body.
const fn head(start: &'static str) -> Expected {
    message(start, Framing::Empty, b"")
}

/// A message with a body.
const fn message(start: &'static str, framing: Framing, body: &'static [u8]) -> Expected {
    Expected::Accepted(Accepted { start, x: None, framing, body, trailers: &[], rest: b"" })
}

/// A chunked body.
const fn body(body: &'static [u8]) -> Expected {
    message("", Framing::Chunked, body)
}

/// A request or response for the sake of its field `x`.
const fn field(start: &'static str, x: &'static [u8]) -> Expected {
    Expected::Accepted(Accepted { start, x: Some(x), framing: Framing::Empty, body: b"", trailers: &[], rest: b"" })
}

/// A chunked body without data, for the sake of its trailers.
const fn trailers(trailers: &'static [(&'static str, &'static str)]) -> Expected {
    Expected::Accepted(Accepted { start: "", x: None, framing: Framing::Chunked, body: b"", trailers, rest: b"" })
}

impl Expected {
    /// The same, with these bytes left after it.
    const fn then(self, rest: &'static [u8]) -> Self {
        match self {
            Self::Accepted(accepted) => Self::Accepted(Accepted { rest, ..accepted }),
            Self::Refused(_) | Self::Incomplete => self,
        }
    }
}

const fn refused(malformed: Malformed) -> Expected {
    Expected::Refused(malformed)
}

const MORE: Expected = Expected::Incomplete;

fn check(kind: &Kind, cases: &[Case]) {
    for (name, section, wire, expected) in cases {
        let about = format!("{name} ({section})");
        check_outcome(&about, &replay(kind, [*wire]), expected);
        check_outcome(&format!("{about}, byte by byte"), &replay(kind, wire.chunks(1)), expected);
        for cut in 1..wire.len() {
            let (first, second) = wire.split_at(cut);
            check_outcome(&format!("{about}, cut at {cut}"), &replay(kind, [first, second]), expected);
        }
    }
}

fn check_outcome(about: &str, outcome: &Outcome, expected: &Expected) {
    match (outcome, expected) {
        (Outcome::Message(message, rest), Expected::Accepted(accepted)) => {
            check_message(about, message, accepted);
            assert_eq!(rest.escape_ascii().to_string(), accepted.rest.escape_ascii().to_string(), "{about}: rest");
        }
        (Outcome::Refused(is), Expected::Refused(expected)) => assert_eq!(is, expected, "{about}"),
        (Outcome::Incomplete, Expected::Incomplete) => {}
        (_, Expected::Accepted(_)) => panic!("{about}: not accepted but {outcome:?}"),
        (_, Expected::Refused(expected)) => panic!("{about}: not refused as {expected:?} but {outcome:?}"),
        (_, Expected::Incomplete) => panic!("{about}: not incomplete but {outcome:?}"),
    }
}

fn check_message(about: &str, message: &Message, accepted: &Accepted) {
    assert_eq!(String::from_utf8_lossy(&message.start), accepted.start, "{about}: start line");
    assert_eq!(message.framing, accepted.framing, "{about}: framing");
    assert_eq!(message.body, accepted.body, "{about}: body");
    if let Some(x) = accepted.x {
        let value =
            message.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"x")).map(|(_, value)| &value[..]);
        assert_eq!(value, Some(x), "{about}: field x");
    }
    let is = message.trailers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    assert!(
        is.eq(accepted.trailers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))),
        "{about}: trailers"
    );
}

fn check_requests(cases: &[Case]) {
    check(&Kind::Request, cases);
}

fn check_responses(cases: &[Case]) {
    check(&Kind::Response(Method::GET), cases);
}

fn check_chunked(cases: &[Case]) {
    check(&Kind::Chunked, cases);
}
