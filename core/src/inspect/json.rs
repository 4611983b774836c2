//! A JSON document (RFC 8259) in pieces, of which only the members of the top level are looked at.
//!
//! It takes exactly what `serde_json` takes for a document: its grammar, its depth, valid UTF-8, escapes that make whole
//! characters. Numbers beyond what a double holds are taken, since no limit of theirs is part of the grammar.

use super::InspectError;
use super::params::{LONGEST_VALUE, ParamRules, Seen};
use super::utf8::Rest;

/// How deep arrays and objects may be nested: one less than `serde_json`'s count, as it counts.
const DEEPEST: u32 = 127;

const NO_OBJECT: InspectError =
    InspectError::NotInspectable("send a JSON object, in UTF-8 and without a byte order mark");
const NO_JSON: InspectError = InspectError::NotInspectable("the content is not valid JSON: send a single JSON object");
const TOO_DEEP: InspectError = InspectError::NotInspectable("the JSON is nested too deeply: at most 127 levels");

/// The scanner. Feed it all pieces, then [`JsonScanner::finish`].
pub(crate) struct JsonScanner {
    rules: ParamRules,
    state: State,
    depth: u32,
    /// One bit a level, the innermost lowest: whether it is an object.
    objects: u128,
    seen: Seen,
    /// The rule for the member whose value comes.
    member: Option<usize>,
    /// The text that is read, where it is a name of the top level or a value that is compared.
    text: Vec<u8>,
    keeping: Keeping,
}

/// Which text is kept, and what for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keeping {
    Nothing,
    Name,
    Value(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the object.
    Start,
    /// After `{`.
    NameOrEnd,
    /// After `,` in an object.
    Name,
    Colon,
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After a value within an array or object.
    After,
    Text {
        is_name: bool,
        at: TextState,
    },
    Number(NumberState),
    /// What is left of `true`, `false` or `null`.
    Word(&'static [u8]),
    /// After the object.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TextState {
    Plain,
    /// Within a character of several bytes.
    Character(Rest),
    /// After a backslash.
    Escape,
    /// Within `\uXXXX`: the digits so far, how many are missing, and the first half of a pair if this is its second.
    Unit {
        value: u16,
        missing: u8,
        high: Option<u16>,
    },
    /// After the first half of a surrogate pair.
    PairBackslash(u16),
    PairLetter(u16),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NumberState {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl JsonScanner {
    pub(crate) fn new(rules: ParamRules) -> Self {
        Self {
            rules,
            state: State::Start,
            depth: 0,
            objects: 0,
            seen: Seen::default(),
            member: None,
            text: Vec::new(),
            keeping: Keeping::Nothing,
        }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// The first reason against the document. It must not be used after that.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if let State::Text { at: TextState::Plain, .. } = self.state
                && let run = plain_run(rest)
                && run > 0
            {
                self.keep(&rest[..run]);
                rest = &rest[run..];
                continue;
            }
            self.step(byte)?;
            rest = after;
        }
        Ok(())
    }

    /// The content ends here.
    ///
    /// # Errors
    /// If the document is not complete.
    pub(crate) fn finish(self) -> Result<(), InspectError> {
        if self.state == State::End { Ok(()) } else { Err(NO_JSON) }
    }

    fn step(&mut self, byte: u8) -> Result<(), InspectError> {
        let blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match (self.state, byte) {
            (State::Text { is_name, at }, _) => return self.step_text(is_name, at, byte),
            (State::Number(number), _) => return self.step_number(number, byte),
            (State::Word(rest), _) => {
                let after = rest.strip_prefix(&[byte]).ok_or(NO_JSON)?;
                self.state = if after.is_empty() { State::After } else { State::Word(after) };
            }
            (_, _) if blank => {}
            (State::Start, b'{') => self.open(true)?,
            (State::Start, _) => return Err(NO_OBJECT),
            (State::NameOrEnd | State::Name, b'"') => {
                let keeping = if self.depth == 1 { Keeping::Name } else { Keeping::Nothing };
                self.begin_text(true, keeping);
            }
            (State::NameOrEnd, b'}') | (State::ValueOrEnd, b']') => self.close(),
            (State::Colon, b':') => self.state = State::Value,
            (State::Value | State::ValueOrEnd, _) => return self.begin_value(byte),
            (State::After, b',') => self.state = if self.in_object() { State::Name } else { State::Value },
            (State::After, b'}') if self.in_object() => self.close(),
            (State::After, b']') if !self.in_object() => self.close(),
            (State::NameOrEnd | State::Name | State::Colon | State::After | State::End, _) => return Err(NO_JSON),
        }
        Ok(())
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, object: bool) -> Result<(), InspectError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(TOO_DEEP);
        }
        self.objects = self.objects << 1 | u128::from(object);
        self.state = if object { State::NameOrEnd } else { State::ValueOrEnd };
        Ok(())
    }

    const fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
        self.state = if self.depth == 0 { State::End } else { State::After };
    }

    fn begin_value(&mut self, byte: u8) -> Result<(), InspectError> {
        let member = self.member.take();
        if let Some(rule) = member
            && byte != b'"'
        {
            self.rules.check(rule, None)?;
        }
        match byte {
            b'"' => self.begin_text(false, member.map_or(Keeping::Nothing, Keeping::Value)),
            b'{' => self.open(true)?,
            b'[' => self.open(false)?,
            b't' => self.state = State::Word(b"rue"),
            b'f' => self.state = State::Word(b"alse"),
            b'n' => self.state = State::Word(b"ull"),
            b'-' => self.state = State::Number(NumberState::Minus),
            b'0' => self.state = State::Number(NumberState::Zero),
            b'1'..=b'9' => self.state = State::Number(NumberState::Whole),
            _ => return Err(NO_JSON),
        }
        Ok(())
    }

    fn step_number(&mut self, number: NumberState, byte: u8) -> Result<(), InspectError> {
        if let Some(next) = number.next(byte) {
            self.state = State::Number(next);
            return Ok(());
        }
        if !number.is_whole() {
            return Err(NO_JSON);
        }
        self.state = State::After;
        self.step(byte)
    }

    fn begin_text(&mut self, is_name: bool, keeping: Keeping) {
        self.text.clear();
        self.keeping = keeping;
        self.state = State::Text { is_name, at: TextState::Plain };
    }

    /// Notes decoded bytes of a text that is compared; one more than any list has room for says that it is too long.
    fn keep(&mut self, bytes: &[u8]) {
        if self.keeping != Keeping::Nothing {
            let room = (LONGEST_VALUE + 1).saturating_sub(self.text.len());
            self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn keep_char(&mut self, unit: u32) -> Result<(), InspectError> {
        let character = char::from_u32(unit).ok_or(NO_JSON)?;
        self.keep(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn step_text(&mut self, is_name: bool, at: TextState, byte: u8) -> Result<(), InspectError> {
        let next = match at {
            TextState::Plain => match byte {
                b'"' => return self.end_text(is_name),
                b'\\' => TextState::Escape,
                0..0x20 => return Err(NO_JSON),
                0x20..0x80 => {
                    self.keep(&[byte]);
                    TextState::Plain
                }
                0x80.. => {
                    self.keep(&[byte]);
                    TextState::Character(Rest::after(byte).ok_or(NO_JSON)?)
                }
            },
            TextState::Character(rest) => {
                self.keep(&[byte]);
                rest.take(byte).map_err(|()| NO_JSON)?.map_or(TextState::Plain, TextState::Character)
            }
            TextState::Escape if byte == b'u' => TextState::Unit { value: 0, missing: 4, high: None },
            TextState::Escape => {
                self.keep(&[unescaped(byte).ok_or(NO_JSON)?]);
                TextState::Plain
            }
            TextState::Unit { value, missing, high } => self.step_unit(value, missing, high, byte)?,
            TextState::PairBackslash(high) if byte == b'\\' => TextState::PairLetter(high),
            TextState::PairLetter(high) if byte == b'u' => TextState::Unit { value: 0, missing: 4, high: Some(high) },
            TextState::PairBackslash(_) | TextState::PairLetter(_) => return Err(NO_JSON),
        };
        self.state = State::Text { is_name, at: next };
        Ok(())
    }

    fn step_unit(&mut self, value: u16, missing: u8, high: Option<u16>, byte: u8) -> Result<TextState, InspectError> {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok()).ok_or(NO_JSON)?;
        let value = value << 4 | digit;
        match (missing - 1, high, value) {
            (0, None, 0xD800..=0xDBFF) => Ok(TextState::PairBackslash(value)),
            (0, None, _) => self.keep_char(u32::from(value)).map(|()| TextState::Plain),
            (0, Some(high), 0xDC00..=0xDFFF) => {
                let unit = 0x1_0000 + ((u32::from(high) - 0xD800) << 10 | (u32::from(value) - 0xDC00));
                self.keep_char(unit).map(|()| TextState::Plain)
            }
            (0, Some(_), _) => Err(NO_JSON),
            (missing, high, value) => Ok(TextState::Unit { value, missing, high }),
        }
    }

    fn end_text(&mut self, is_name: bool) -> Result<(), InspectError> {
        self.state = if is_name { State::Colon } else { State::After };
        match self.keeping {
            Keeping::Nothing => {}
            Keeping::Name => {
                self.member = self.rules.find(&self.text);
                // A parser of C's strings reads a name up to its first NUL.
                if let Some(end) = self.text.iter().position(|byte| *byte == 0) {
                    self.rules.find_plain(&self.text[..=end])?;
                }
                self.member.map_or(Ok(()), |rule| self.seen.note(rule))?;
            }
            Keeping::Value(rule) => {
                self.rules.check(rule, (self.text.len() <= LONGEST_VALUE).then_some(&self.text))?;
            }
        }
        Ok(())
    }
}

impl NumberState {
    /// The state after one more byte; `None` if it does not belong to the number.
    const fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => Self::ExponentDigits,
            _ => return None,
        })
    }

    const fn is_whole(self) -> bool {
        match self {
            Self::Zero | Self::Whole | Self::Fraction | Self::ExponentDigits => true,
            Self::Minus | Self::Point | Self::Exponent | Self::ExponentSign => false,
        }
    }
}

/// How many bytes at the front stand for themselves within a text.
fn plain_run(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x80..);
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

/// What a byte after a backslash stands for.
const fn unescaped(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}
