//! Which parameters have lists, and whether a value is on one. Names and values are compared byte for byte, after
//! whoever found them has decoded them.

use std::sync::Arc;

use smallvec::SmallVec;

use super::InspectError;

/// The longest value that is compared, bytes; the longest name that can be listed is shorter. What is longer is on no
/// list.
pub(super) const LONGEST_VALUE: usize = 1024;
pub(super) const LONGEST_NAME: usize = 256;

/// The parameter of an upload that says what the file is for.
const PURPOSE: &str = "purpose";

const TWICE: &str = "a listed parameter stands there twice: send it once";
const FOLDED: &str = "a parameter has a name that some servers read as a listed one: write the name plainly";
const BATCH: &str = "the requests of a batch file are not looked into: send them one by one, or have this path listed in \
                     uninspected_endpoints";

/// A pattern for a whole value: `*` is any run of characters, also none; all else is itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glob(Box<str>);

impl Glob {
    /// Any text is a pattern.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether `value` as a whole is of this pattern. Takes at most the product of both lengths.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        let pattern = self.0.as_bytes();
        let (mut at, mut of) = (0, 0);
        // Where to go on if the run of the last star must be longer: after the star, and in the value.
        let mut star: Option<(usize, usize)> = None;
        while at < value.len() {
            match pattern.get(of) {
                Some(b'*') => {
                    star = Some((of + 1, at));
                    of += 1;
                }
                Some(byte) if *byte == value[at] => (at, of) = (at + 1, of + 1),
                Some(_) | None => {
                    let Some((after, from)) = star else { return false };
                    star = Some((after, from + 1));
                    (at, of) = (from + 1, after);
                }
            }
        }
        pattern[of..].iter().all(|byte| *byte == b'*')
    }
}

/// The parameters that are looked for, and what each may be. Clones share the lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParamRules(Arc<[Rule]>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    name: Arc<str>,
    test: Test,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Test {
    /// A text that is of one of these.
    OneOf(Arc<[Glob]>),
    /// Anything but `batch`: what a file is for.
    NotBatch,
}

impl Default for ParamRules {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl ParamRules {
    /// The rules of these names. The caller has seen to it that no name stands there twice, or is longer than
    /// [`ParamRules::LONGEST_NAME`].
    #[must_use]
    pub fn new(lists: Vec<(String, Vec<Glob>)>) -> Self {
        let rule = |(name, globs): (String, Vec<Glob>)| Rule { name: name.into(), test: Test::OneOf(globs.into()) };
        Self(lists.into_iter().map(rule).collect())
    }

    /// The longest name that can be listed, bytes.
    pub const LONGEST_NAME: usize = LONGEST_NAME;

    /// Whether nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same, and `purpose` must not be `batch`.
    pub(super) fn and_no_batch(&self) -> Self {
        // A list of the operator's own for `purpose` says what is allowed; it may name `batch`.
        if self.find(PURPOSE.as_bytes()).is_some() {
            return self.clone();
        }
        let purpose = Rule { name: PURPOSE.into(), test: Test::NotBatch };
        Self(self.0.iter().cloned().chain([purpose]).collect())
    }

    /// The rule for the parameter of that name.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        self.0.iter().position(|rule| rule.name.as_bytes() == name)
    }

    /// Whether a value may be that. `None` is a value that is no text, or a longer one than any list has.
    pub(super) fn check(&self, rule: usize, value: Option<&[u8]>) -> Result<(), InspectError> {
        let Some(rule) = self.0.get(rule) else { return Ok(()) };
        match &rule.test {
            Test::OneOf(globs) if value.is_some_and(|value| globs.iter().any(|glob| glob.matches(value))) => Ok(()),
            Test::NotBatch if value.is_some_and(|value| !value.eq_ignore_ascii_case(b"batch")) => Ok(()),
            Test::OneOf(_) => Err(InspectError::ParamNotAllowed(rule.name.clone())),
            Test::NotBatch => Err(InspectError::NotInspectable(BATCH)),
        }
    }

    /// Finds the rule for a name that servers are known to fold: with brackets (`model[]`), blanks around it, something
    /// after a NUL, or encoded once more.
    ///
    /// # Errors
    /// If it is not a listed name, but may be read as one.
    pub(super) fn find_plain(&self, name: &[u8]) -> Result<Option<usize>, InspectError> {
        let found = self.find(name);
        if found.is_none() && self.find(&folded(name)).is_some() {
            return Err(InspectError::NotInspectable(FOLDED));
        }
        Ok(found)
    }
}

/// The name as the most lenient parser reads it.
fn folded(name: &[u8]) -> Vec<u8> {
    let mut decoded =
        form_urlencoded::parse(name).next().map_or_else(Vec::new, |(name, _)| name.into_owned().into_bytes());
    if let Some(end) = decoded.iter().position(|byte| matches!(byte, b'[' | b'\0')) {
        decoded.truncate(end);
    }
    decoded.trim_ascii().to_vec()
}

/// Which parameters were there already.
#[derive(Default, Debug)]
pub(super) struct Seen(SmallVec<[usize; 4]>);

impl Seen {
    /// Notes one.
    ///
    /// # Errors
    /// If it was there before: which of the two counts is the reader's taste.
    pub(super) fn note(&mut self, rule: usize) -> Result<(), InspectError> {
        if self.0.contains(&rule) {
            return Err(InspectError::NotInspectable(TWICE));
        }
        self.0.push(rule);
        Ok(())
    }
}
