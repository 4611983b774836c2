//! `multipart/form-data` (RFC 7578, RFC 2046 section 5.1.1) in pieces: the fields that have lists, wherever they stand,
//! also after a file. Files pass by and are not kept.
//!
//! Only the form that every client writes is taken: nothing before the first delimiter, CRLF everywhere, no blanks after
//! a delimiter, a closing delimiter, and nothing after it. Delimiters nowhere else.

use bytes::{Buf, BytesMut};
use memchr::memmem;

use super::InspectError;
use super::disposition::field_name;
use super::params::{LONGEST_VALUE, ParamRules, Seen};

/// The largest head of a part, bytes.
const LARGEST_HEAD: usize = 4 * 1024;
/// RFC 2046 section 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

const BOUNDARY: InspectError =
    InspectError::NotInspectable("the boundary of multipart/form-data must be 1 to 70 characters, said once");
const DELIMITER: InspectError =
    InspectError::NotInspectable("the parts of the form are not delimited by CRLF and the boundary alone");
const HEAD: InspectError = InspectError::NotInspectable("a part of the form has a head that is too large");
const UNFINISHED: InspectError = InspectError::NotInspectable("the form lacks its closing delimiter");
const AFTER: InspectError = InspectError::NotInspectable("something follows the form's closing delimiter");

/// The scanner. Feed it all pieces, then [`MultipartScanner::finish`].
pub(super) struct MultipartScanner {
    rules: ParamRules,
    seen: Seen,
    /// Two dashes and the boundary.
    delimiter: Vec<u8>,
    /// What was fed and is not decided yet: less than a part's head and a delimiter.
    buffer: BytesMut,
    state: State,
    /// The rule for the part that is read, if it has one, and its content so far.
    rule: Option<usize>,
    value: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first delimiter.
    Start,
    Head,
    Content,
    /// After the closing delimiter.
    End,
}

impl MultipartScanner {
    /// # Errors
    /// If that is no boundary (RFC 2046 section 5.1.1: `bchars`, and no blank at its end).
    pub(super) fn new(boundary: &[u8], rules: ParamRules) -> Result<Self, InspectError> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        let fits = (1..=LONGEST_BOUNDARY).contains(&boundary.len());
        if !fits || !boundary.iter().all(allowed) || boundary.ends_with(b" ") {
            return Err(BOUNDARY);
        }
        Ok(Self {
            rules,
            seen: Seen::default(),
            delimiter: [b"--", boundary].concat(),
            buffer: BytesMut::new(),
            state: State::Start,
            rule: None,
            value: Vec::new(),
        })
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// The first reason against the form. It must not be used after that.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        self.buffer.extend_from_slice(bytes);
        while self.step()? {}
        Ok(())
    }

    /// How much is kept of what was fed.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len() + self.value.len()
    }

    /// The content ends here.
    ///
    /// # Errors
    /// If the form is not complete.
    pub(super) fn finish(self) -> Result<(), InspectError> {
        match (self.state, &self.buffer[..]) {
            (State::End, b"" | b"\r\n") => Ok(()),
            (State::End, _) => Err(AFTER),
            (State::Start | State::Head | State::Content, _) => Err(UNFINISHED),
        }
    }

    /// One step on; false if more bytes are needed for it.
    fn step(&mut self) -> Result<bool, InspectError> {
        match self.state {
            State::Start => {
                let seen = self.buffer.len().min(self.delimiter.len());
                if self.buffer[..seen] != self.delimiter[..seen] {
                    return Err(DELIMITER);
                }
                self.after_delimiter(0)
            }
            State::Head => self.head(),
            State::Content => self.content(),
            State::End if b"\r\n".starts_with(&self.buffer) => Ok(false),
            State::End => Err(AFTER),
        }
    }

    /// What follows the delimiter at `start`: another part, or nothing more.
    fn after_delimiter(&mut self, start: usize) -> Result<bool, InspectError> {
        let end = start + self.delimiter.len();
        let state = match self.buffer.get(end..) {
            None | Some([] | [b'\r' | b'-']) => return Ok(false),
            Some([b'\r', b'\n', ..]) => State::Head,
            Some([b'-', b'-', ..]) => State::End,
            Some(_) => return Err(DELIMITER),
        };
        self.buffer.advance(end + 2);
        self.state = state;
        Ok(true)
    }

    fn head(&mut self) -> Result<bool, InspectError> {
        let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else {
            return if self.buffer.len() > LARGEST_HEAD { Err(HEAD) } else { Ok(false) };
        };
        if end + 4 > LARGEST_HEAD {
            return Err(HEAD);
        }
        let head = self.buffer.split_to(end + 4).freeze();
        if memmem::find(&head, &self.delimiter).is_some() {
            return Err(DELIMITER);
        }
        self.rule = self.rules.find_plain(&field_name(head)?)?;
        self.rule.map_or(Ok(()), |rule| self.seen.note(rule))?;
        self.value.clear();
        self.state = State::Content;
        Ok(true)
    }

    fn content(&mut self) -> Result<bool, InspectError> {
        let Some(at) = memmem::find(&self.buffer, &self.delimiter) else {
            // The delimiter may have begun, and the line end before it.
            let certain = self.buffer.len().saturating_sub(self.delimiter.len() + 1);
            self.take(certain);
            return Ok(false);
        };
        let Some(end) = at.checked_sub(2).filter(|end| self.buffer[*end..at] == *b"\r\n") else {
            return Err(DELIMITER);
        };
        if !self.after_delimiter_is_there(at) {
            return Ok(false);
        }
        self.take(end);
        if let Some(rule) = self.rule {
            self.rules.check(rule, (self.value.len() <= LONGEST_VALUE).then_some(&self.value))?;
        }
        self.after_delimiter(2)
    }

    /// Whether the two bytes after the delimiter at `start` are there.
    fn after_delimiter_is_there(&self, start: usize) -> bool {
        self.buffer.len() >= start + self.delimiter.len() + 2
    }

    /// Takes content off the front.
    fn take(&mut self, length: usize) {
        if self.rule.is_some() {
            let room = (LONGEST_VALUE + 1).saturating_sub(self.value.len());
            self.value.extend_from_slice(&self.buffer[..length.min(room)]);
        }
        self.buffer.advance(length);
    }
}
