//! Lexes a complete field section (RFC 9112 section 5) whose lines are known to be free of control bytes. httparse does
//! the work; it knows neither line folding nor whitespace around names, so what it refuses is refused, and this file
//! only finds out why.

use httparse::{EMPTY_HEADER, Header, Status};
use smallvec::{SmallVec, smallvec};

use super::Malformed;
use super::chars::is_token;
use super::fields::{Line, Span};

/// Most heads have fewer field lines; more than these cost an allocation.
const USUAL_LINES: usize = 32;

/// The `count` lines of the section that begins at `from` and ends, with its empty line, at the end of `bytes`.
/// Positions count from the start of `bytes`.
pub(super) fn lex(bytes: &[u8], from: usize, count: usize) -> Result<Vec<Line>, Malformed> {
    let section = &bytes[from..];
    let mut headers: SmallVec<[Header<'_>; USUAL_LINES]> = smallvec![EMPTY_HEADER; count];
    match httparse::parse_headers(section, &mut headers) {
        Ok(Status::Complete((length, headers))) if length == section.len() && headers.len() == count => {
            Ok(locate(bytes, headers))
        }
        Ok(_) | Err(_) => Err(reason(section)),
    }
}

/// Turns slices of `bytes` into positions. A line lasts until the next one begins.
fn locate(bytes: &[u8], headers: &[Header<'_>]) -> Vec<Line> {
    let base = bytes.as_ptr().addr();
    let start = |slice: &[u8]| slice.as_ptr().addr() - base;
    let ends = headers.iter().skip(1).map(|header| start(header.name.as_bytes())).chain([bytes.len() - 2]);
    let mut lines = Vec::with_capacity(headers.len());
    lines.extend(headers.iter().zip(ends).map(|(header, end)| {
        let (name, value) = (start(header.name.as_bytes()), start(header.value));
        Line {
            name: Span::new(name, name + header.name.len()),
            value: Span::new(value, value + header.value.len()),
            whole: Span::new(name, end),
        }
    }));
    lines
}

/// Why the first wrong line of a section is wrong.
#[cold]
fn reason(section: &[u8]) -> Malformed {
    let lines = section.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.take_while(|line| !line.is_empty()).find_map(fault).unwrap_or(Malformed::FieldLine)
}

fn fault(line: &[u8]) -> Option<Malformed> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Some(Malformed::ObsFold);
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Some(Malformed::FieldLine);
    };
    match &line[..colon] {
        name if is_token(name) => None,
        [.., b' ' | b'\t'] => Some(Malformed::SpaceBeforeColon),
        _ => Some(Malformed::FieldName),
    }
}
