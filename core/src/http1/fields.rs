//! A field section (RFC 9110 section 6.3) as the bytes that came, with the place of each field line in them. Names
//! keep their casing, lines their order, values their bytes (obs-text included); nothing is copied per field.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::lines::Lines;
use super::{Malformed, section};

/// A range of byte positions within one head.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range `start..end`. Heads are far below 4 GiB; positions beyond that are cut to an empty span at the end.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// As a range for slicing.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One field line: its name and value, and the whole line as it stood on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, in the sender's casing.
    pub name: &'a [u8],
    /// The value without surrounding whitespace.
    pub value: &'a [u8],
    /// The whole line, its CRLF included.
    pub line: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field `name` (compared without case).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The name only: the value may be a credential.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …({} bytes)", self.name.escape_ascii(), self.value.len())
    }
}

/// Where one line's parts are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: Span,
    pub(super) value: Span,
    pub(super) whole: Span,
}

/// A whole field section. The empty one is `Fields::default()`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    bytes: Bytes,
    lines: Vec<Line>,
}

impl Fields {
    /// Reads a whole field section: its lines, the empty line that ends it, and nothing after that. The rules are those
    /// for the fields of a head.
    ///
    /// # Errors
    /// If it is malformed, or does not end exactly where `bytes` end.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let mut lines = Lines::new();
        let mut count = 0;
        while let Some(line) = lines.next(&bytes, usize::MAX, Malformed::FieldLine)? {
            if !line.is_empty() {
                count += 1;
            } else if lines.position() == bytes.len() {
                return Self::lex(bytes, 0, count);
            } else {
                break;
            }
        }
        Err(Malformed::FieldLine)
    }

    /// Reads the section that begins at `from` and ends where `bytes` end. It is known to have `count` lines and no
    /// control byte.
    pub(super) fn lex(bytes: Bytes, from: usize, count: usize) -> Result<Self, Malformed> {
        let lines = section::lex(&bytes, from, count)?;
        Ok(Self { bytes, lines })
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.lines.iter().map(|line| Field {
            name: &self.bytes[line.name.range()],
            value: &self.bytes[line.value.range()],
            line: &self.bytes[line.whole.range()],
        })
    }

    /// The value of the first line named `name`, compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.is(name)).map(|field| field.value)
    }

    /// The values of all lines named `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |field| field.is(name)).map(|field| field.value)
    }

    /// Whether a line has that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the comma-separated lists of all lines named `name` hold `token` (RFC 9110 section 5.6.1), without case.
    #[must_use]
    pub fn list_contains(&self, name: &str, token: &str) -> bool {
        self.get_all(name).any(|value| {
            value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
        })
    }
}

/// Names only: values may be credentials.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|field| String::from_utf8_lossy(field.name).into_owned())).finish()
    }
}
