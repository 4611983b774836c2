//! Text from outside that may be shown.
//!
//! People put credentials into paths, ids and names of programs. What is known to be one (the request's own, the
//! management token) is taken out wherever it stands, and what looks like one by its shape too; both also where it is
//! percent-encoded. What remains is one line of printable text of bounded length.
//!
//! Ids are no credentials: a UUID, hexadecimal digits and ids such as `resp_…` stay, since they are what is searched for.

use std::ops::Range;

/// What stands in place of a credential.
const MARK: &str = "[redacted]";
/// What stands at the end of a text that was longer.
const CUT: char = '…';

/// How many characters [`Shown::of`] leaves.
const LONGEST: usize = 1024;

/// What is shorter is no secret but a placeholder, which would be found in harmless words.
const SHORTEST_SECRET: usize = 8;
/// A run of letters and digits of this length that has both cases and digits is taken for a credential.
const SHORTEST_OPAQUE: usize = 32;
/// How often percent-encoding is undone: more often than any reader does.
const MOST_LAYERS: usize = 4;

/// Text from outside that may be shown: what looks like a credential is taken out of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shown(String);

impl Shown {
    /// `text`, made fit to be shown.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::hiding(text.as_bytes(), &[], LONGEST)
    }

    /// `text`, made fit to be shown: without `secrets`, and with at most `longest` characters and a mark where it was
    /// longer.
    #[must_use]
    pub fn hiding(text: &[u8], secrets: &[&[u8]], longest: usize) -> Self {
        let mut shown = Line { text: String::with_capacity(text.len().min(longest)), room: longest };
        let mut at = 0;
        for span in credentials(text, secrets) {
            shown.push(&String::from_utf8_lossy(&text[at..span.start]));
            shown.push(MARK);
            at = span.end;
        }
        shown.push(&String::from_utf8_lossy(&text[at..]));
        Self(shown.text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One line under construction.
struct Line {
    text: String,
    room: usize,
}

impl Line {
    fn push(&mut self, text: &str) {
        for c in text.chars() {
            let escape = would_disturb(c).then(|| c.escape_unicode());
            let width = escape.as_ref().map_or(1, ExactSizeIterator::len);
            if width > self.room {
                self.room = 0;
                if !self.text.ends_with(CUT) {
                    self.text.push(CUT);
                }
                return;
            }
            self.room -= width;
            match escape {
                Some(escape) => self.text.extend(escape),
                None => self.text.push(c),
            }
        }
    }
}

/// Whether a terminal or a reader would take it for more than a character: controls, line ends, and what changes the
/// direction of the text around it (Unicode Standard Annex 9).
fn would_disturb(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Where credentials stand in `text`: in order, none touching the next.
fn credentials(text: &[u8], secrets: &[&[u8]]) -> Vec<Range<usize>> {
    let mut layer = Layer::of(text);
    let mut found = Vec::new();
    for _ in 0..=MOST_LAYERS {
        let spans = known(&layer.bytes, secrets).into_iter().chain(shaped(&layer.bytes));
        found.extend(spans.map(|span| layer.in_text(span)));
        let Some(below) = layer.decoded() else { break };
        layer = below;
    }
    found.sort_unstable_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in found {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// A text with some layers of percent-encoding undone.
struct Layer {
    bytes: Vec<u8>,
    /// Where each byte begins in the text as it came, and at last where that ends.
    begins: Vec<usize>,
}

impl Layer {
    fn of(text: &[u8]) -> Self {
        Self { bytes: text.to_vec(), begins: (0..=text.len()).collect() }
    }

    fn in_text(&self, span: Range<usize>) -> Range<usize> {
        self.begins[span.start]..self.begins[span.end]
    }

    /// One layer less; `None` if nothing is encoded.
    fn decoded(&self) -> Option<Self> {
        let mut below = Self { bytes: Vec::with_capacity(self.bytes.len()), begins: Vec::new() };
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let escape = self.bytes.get(at..at + 3).and_then(escaped);
            below.bytes.push(escape.unwrap_or(*byte));
            below.begins.push(self.begins[at]);
            at += if escape.is_some() { 3 } else { 1 };
        }
        below.begins.extend(self.begins.last());
        (below.bytes.len() < self.bytes.len()).then_some(below)
    }
}

/// The byte that `%XX` stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low] = *text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Where one of `secrets` stands.
fn known(text: &[u8], secrets: &[&[u8]]) -> Vec<Range<usize>> {
    let secrets = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.flat_map(|secret| memchr::memmem::find_iter(text, secret).map(|at| at..at + secret.len())).collect()
}

/// Where something looks like a credential.
fn shaped(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = at + text[at..].iter().take_while(|byte| is_of_run(**byte)).count();
        if end > at {
            found.extend(shaped_run(text, at..end));
        }
        at = end + 1;
    }
    found
}

/// What may stand in a credential without ending it. `/` may in Base64, but paths are made of it.
const fn is_of_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Which part of a run of such bytes looks like a credential.
fn shaped_run(text: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let bytes = &text[run.clone()];
    if follows_scheme(&text[..run.start]) && bytes.len() >= SHORTEST_SECRET {
        return Some(run);
    }
    begins_like_a_key(bytes, Some(20)).or_else(|| is_opaque(bytes).then_some(0)).map(|at| run.start + at..run.end)
}

/// How keys begin, and how many bytes at least follow: our tokens and keys of OpenAI and Anthropic; of Google; of other
/// providers of models and of the places where keys are kept; and a JWT.
const BEGINNINGS: [(&[u8], usize); 12] = [
    (b"sk-", SHORTEST_SECRET),
    (b"AIza", 20),
    (b"eyJ", 20),
    (b"gsk_", 16),
    (b"xai-", 16),
    (b"pplx-", 16),
    (b"hf_", 16),
    (b"r8_", 16),
    (b"nvapi-", 16),
    (b"ghp_", 16),
    (b"github_pat_", 16),
    (b"AKIA", 16),
];

/// Where in a run of such bytes something begins as keys do. In the middle of a word it must be at least
/// `within_a_word` bytes longer than its beginning; `None` is never.
pub(crate) fn begins_like_a_key(run: &[u8], within_a_word: Option<usize>) -> Option<usize> {
    let begun = BEGINNINGS.iter().filter_map(|(prefix, rest)| {
        let mut places = memchr::memmem::find_iter(run, prefix);
        places.find(|at| {
            let is_first = *at == 0 || !run[*at - 1].is_ascii_alphanumeric();
            let longer = run.len() - at - prefix.len();
            let least = if is_first { Some(*rest) } else { within_a_word };
            least.is_some_and(|least| longer >= least)
        })
    });
    begun.min()
}

/// Whether what comes before is the name of an authentication scheme and a space (or `+`, which is one in a form).
fn follows_scheme(before: &[u8]) -> bool {
    let Some(before) = before.strip_suffix(b" ").or_else(|| before.strip_suffix(b"+")) else { return false };
    let ends_with = |scheme: &[u8]| {
        let start = before.len().checked_sub(scheme.len());
        start.is_some_and(|start| before[start..].eq_ignore_ascii_case(scheme))
    };
    ends_with(b"bearer") || ends_with(b"basic")
}

fn is_opaque(run: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| run.iter().any(kind);
    run.len() >= SHORTEST_OPAQUE
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && !is_words(run)
}

/// Whether a long run is made of short parts, such as a file name or a name with a date: no credential has so many.
fn is_words(run: &[u8]) -> bool {
    run.split(|byte| !byte.is_ascii_alphanumeric()).all(|part| part.len() < 16)
}

#[cfg(test)]
mod tests;
