//! Names and values of a query or of `application/x-www-form-urlencoded` content, in pieces. Of a pair only as much is
//! kept as could be compared.

use super::InspectError;
use super::params::{LONGEST_VALUE, ParamRules, Seen};

/// The longest name and value that are kept, encoded, bytes: what is three times as long when decoded cannot be on a list.
const LONGEST_ENCODED: usize = LONGEST_VALUE * 3;

const LONG_NAME: InspectError = InspectError::NotInspectable("a parameter's name is too long to be looked at");
const SEMICOLON: InspectError = InspectError::NotInspectable(
    "a listed parameter stands beside a semicolon, which some servers take for a separator",
);
const NO_FORM: InspectError = InspectError::NotInspectable(
    "this is no form: send JSON as application/json, and encode what a form cannot hold as it is",
);

/// Checks the whole of a query.
///
/// # Errors
/// The first reason against it.
pub(super) fn check_query(query: &str, rules: &ParamRules) -> Result<(), InspectError> {
    let mut pairs = Pairs::new(rules.clone());
    pairs.feed(query.as_bytes())?;
    pairs.finish()
}

/// A form that is sent as content.
pub(super) struct FormScanner {
    pairs: Pairs,
    begun: bool,
}

impl FormScanner {
    pub(super) fn new(rules: ParamRules) -> Self {
        Self { pairs: Pairs::new(rules), begun: false }
    }

    /// Looks at the next bytes. A form is visible ASCII; what begins like a JSON object is no form, since there are
    /// servers that read JSON whatever its type says.
    ///
    /// # Errors
    /// The first reason against it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        for byte in bytes {
            if !matches!(byte, b' '..=b'~') || (!self.begun && *byte == b'{') {
                return Err(NO_FORM);
            }
            self.begun |= *byte != b' ';
            self.pairs.take(*byte)?;
        }
        Ok(())
    }

    /// The content ends here.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub(super) fn finish(self) -> Result<(), InspectError> {
        self.pairs.finish()
    }
}

struct Pairs {
    rules: ParamRules,
    seen: Seen,
    name: Vec<u8>,
    value: Vec<u8>,
    in_value: bool,
    too_long: bool,
    /// The pair began after a semicolon.
    after_semicolon: bool,
}

impl Pairs {
    fn new(rules: ParamRules) -> Self {
        Self {
            rules,
            seen: Seen::default(),
            name: Vec::new(),
            value: Vec::new(),
            in_value: false,
            too_long: false,
            after_semicolon: false,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), InspectError> {
        bytes.iter().try_for_each(|byte| self.take(*byte))
    }

    fn take(&mut self, byte: u8) -> Result<(), InspectError> {
        match byte {
            b'&' | b';' => self.end_pair(byte == b';')?,
            b'=' if !self.in_value => self.in_value = true,
            _ if self.in_value && self.value.len() < LONGEST_ENCODED => self.value.push(byte),
            _ if self.in_value => self.too_long = true,
            _ if self.name.len() < LONGEST_ENCODED => self.name.push(byte),
            _ => return Err(LONG_NAME),
        }
        Ok(())
    }

    fn end_pair(&mut self, semicolon: bool) -> Result<(), InspectError> {
        let name = decoded(&self.name);
        if let Some(rule) = self.rules.find_plain(&name)? {
            if semicolon || self.after_semicolon {
                return Err(SEMICOLON);
            }
            self.seen.note(rule)?;
            let value = decoded(&self.value);
            let fits = !self.too_long && value.len() <= LONGEST_VALUE;
            self.rules.check(rule, fits.then_some(&value))?;
        }
        self.name.clear();
        self.value.clear();
        (self.in_value, self.too_long, self.after_semicolon) = (false, false, semicolon);
        Ok(())
    }

    fn finish(mut self) -> Result<(), InspectError> {
        self.end_pair(false)
    }
}

/// What `+` and percent-encodings stand for. Bytes that are no UTF-8 become U+FFFD, which is on no list but `*`.
fn decoded(encoded: &[u8]) -> Vec<u8> {
    // An equals sign would end the name here; there is none in a name, and in a value it stands for itself.
    let mut with_name = Vec::with_capacity(encoded.len() + 1);
    with_name.push(b'=');
    with_name.extend_from_slice(encoded);
    form_urlencoded::parse(&with_name).next().map_or_else(Vec::new, |(_, value)| value.into_owned().into_bytes())
}
