//! A request path, decoded and with its dot segments removed (RFC 3986 sections 2.1, 5.2.4, 6.2.2), as whole segments;
//! the form in which endpoints are compared.
//!
//! Endpoints are only safe if every upstream reads the path that it gets as we read it. So:
//! - what goes upstream is [`NormalPath::upstream_path`]: the client's own bytes, less dot segments. Those are removed
//!   because an upstream that does not remove them would be at another place than the one that was compared;
//! - whatever common parsers read in two ways is refused: slashes that hide, empty segments (some merge slashes), dot
//!   segments behind a path parameter (some drop `;x` first), and what a second decoder would turn into any of these;
//! - a path parameter stays part of its segment's name: `/v1/models;x` is not `/v1/models`. Case matters.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;
use thiserror::Error;

use super::percent::{self, Triplet};
use crate::http1::Span;

/// Why a path is refused: different parsers would read it differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadPath {
    /// `%` without two hex digits, or decoded bytes that are not UTF-8.
    #[error("the path has a broken percent-encoding")]
    Encoding,
    /// Encoded twice, so that a second decoder would find a dot, a slash, a backslash, a control byte or another `%`.
    #[error("the path is encoded twice")]
    DoubleEncoding,
    /// An encoded slash or any backslash.
    #[error("the path has an encoded slash or a backslash")]
    HiddenSlash,
    /// A dot segment with something that some parsers drop: `..;x`, or a blank beside the dots.
    #[error("the path has a disguised dot segment")]
    HiddenDots,
    /// Two slashes in a row, or a segment of blanks or path parameters only. One slash at the end is fine.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A NUL or another control byte, encoded or not.
    #[error("the path has a control byte")]
    Control,
    /// `..` above the root.
    #[error("the path leads above the root")]
    Escape,
    /// Not a path at all (`*`, without a leading slash, or with a query or fragment in it).
    #[error("the target is not a path")]
    NotAPath,
}

/// A path in normal form. Borrows the path that it was made of, and copies it only if something is encoded there.
#[derive(Clone)]
pub struct NormalPath<'p> {
    raw: &'p str,
    decoded: Cow<'p, str>,
    segments: SmallVec<[Segment; 8]>,
    /// Whether dot segments were removed.
    had_dots: bool,
    /// Whether it ends in a slash once they are.
    ends_in_slash: bool,
}

/// One segment that is left, in both forms: the sent path cannot differ from the compared one.
#[derive(Clone, Copy)]
struct Segment {
    raw: Span,
    decoded: Span,
}

impl<'p> NormalPath<'p> {
    /// Normalises an encoded path (no query).
    ///
    /// # Errors
    /// [`BadPath`] where the path is ambiguous.
    pub fn parse(path: &'p str) -> Result<Self, BadPath> {
        check_raw(path)?;
        let decoded = percent::decode(path, check_encoded)?.ok_or(BadPath::Encoding)?;
        if matches!(decoded, Cow::Owned(_)) {
            check_decoded_once(&decoded)?;
        }
        let mut normal = Self { raw: path, decoded, segments: SmallVec::new(), had_dots: false, ends_in_slash: false };
        normal.resolve()?;
        Ok(normal)
    }

    /// The decoded segments in order; none for the root. A slash at the end makes no segment.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(|segment| &self.decoded[segment.decoded.range()])
    }

    /// The path to send: the client's bytes, less dot segments. Only with those it is a new text.
    #[must_use]
    pub fn upstream_path(&self) -> Cow<'p, str> {
        if !self.had_dots {
            return Cow::Borrowed(self.raw);
        }
        let mut path = String::with_capacity(self.raw.len());
        for segment in &self.segments {
            path.push('/');
            path.push_str(&self.raw[segment.raw.range()]);
        }
        if self.ends_in_slash || path.is_empty() {
            path.push('/');
        }
        Cow::Owned(path)
    }

    /// Splits both forms side by side (decoding makes no slash, so they have the same segments) and resolves dots.
    fn resolve(&mut self) -> Result<(), BadPath> {
        let (mut raw_at, mut decoded_at) = (1, 1);
        let mut parts = self.raw[1..].split('/').zip(self.decoded[1..].split('/')).peekable();
        while let Some((raw, decoded)) = parts.next() {
            let is_last = parts.peek().is_none();
            let ends = (raw_at + raw.len(), decoded_at + decoded.len());
            let kind = kind_of(decoded)?;
            match kind {
                Kind::Name => {
                    self.segments
                        .push(Segment { raw: Span::new(raw_at, ends.0), decoded: Span::new(decoded_at, ends.1) });
                }
                Kind::Here => self.had_dots = true,
                Kind::Up => {
                    self.had_dots = true;
                    self.segments.pop().ok_or(BadPath::Escape)?;
                }
                Kind::Empty if is_last => {}
                Kind::Empty => return Err(BadPath::EmptySegment),
            }
            self.ends_in_slash = is_last && kind != Kind::Name;
            (raw_at, decoded_at) = (ends.0 + 1, ends.1 + 1);
        }
        Ok(())
    }
}

/// Two paths are equal if they have the same segments.
impl PartialEq for NormalPath<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.segments().eq(other.segments())
    }
}

impl Eq for NormalPath<'_> {}

/// The number of segments only: a path may carry what should not be printed.
impl fmt::Debug for NormalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NormalPath({} segments)", self.segments.len())
    }
}

/// What a segment does to the path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Here,
    Up,
    Empty,
}

fn kind_of(segment: &str) -> Result<Kind, BadPath> {
    match segment {
        "" => return Ok(Kind::Empty),
        "." => return Ok(Kind::Here),
        ".." => return Ok(Kind::Up),
        _ => {}
    }
    // What is left for a parser that drops path parameters (`;`), takes a decoded `?` or `#` for the path's end, or
    // trims blanks.
    match segment.split([';', '?', '#']).next().unwrap_or_default().trim_matches(' ') {
        "" => Err(BadPath::EmptySegment),
        "." | ".." => Err(BadPath::HiddenDots),
        _ => Ok(Kind::Name),
    }
}

/// The bytes that a path must not hold as they are.
fn check_raw(path: &str) -> Result<(), BadPath> {
    if !path.starts_with('/') {
        return Err(BadPath::NotAPath);
    }
    for byte in path.bytes() {
        match byte {
            b'\\' => return Err(BadPath::HiddenSlash),
            b'?' | b'#' => return Err(BadPath::NotAPath),
            byte if byte.is_ascii_control() => return Err(BadPath::Control),
            _ => {}
        }
    }
    Ok(())
}

/// The bytes that a path must not hold encoded.
fn check_encoded(byte: u8) -> Result<(), BadPath> {
    match byte {
        b'/' | b'\\' => Err(BadPath::HiddenSlash),
        byte if byte.is_ascii_control() => Err(BadPath::Control),
        _ => Ok(()),
    }
}

/// What a second decoder would find. Names that merely hold a percent sign pass.
fn check_decoded_once(decoded: &str) -> Result<(), BadPath> {
    let structural =
        |byte: u8| matches!(byte, b'.' | b'/' | b'\\' | b'%' | b';' | b'?' | b'#') || byte.is_ascii_control();
    let found = percent::triplets(decoded).any(|triplet| match triplet {
        Triplet::Byte(byte) => structural(byte),
        Triplet::Broken => false,
    });
    if found { Err(BadPath::DoubleEncoding) } else { Ok(()) }
}
