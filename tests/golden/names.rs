//! Names for what differs from run to run: ids, dates, durations, ports, secrets. Bytes that are shown have the names,
//! bytes that are sent the values.

use memchr::memmem;

/// What is known of a script's values.
#[derive(Clone, Default, Debug)]
pub(super) struct Names {
    /// Value and name. Values are never empty.
    known: Vec<(String, String)>,
    ids: usize,
    tokens: usize,
}

impl Names {
    /// From now on `value` is shown as `<name>`, and `<name>` is sent as `value`.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        assert!(!value.is_empty());
        self.known.push((value.to_owned(), format!("<{name}>")));
    }

    /// The bytes to send for a script's text.
    pub(super) fn values(&self, text: &[u8]) -> Vec<u8> {
        self.known.iter().fold(text.to_vec(), |text, (value, name)| replace(&text, name, value))
    }

    /// The bytes to show: each value is replaced by its name. An id that is met first gets the next number, so a
    /// transcript tells which ids are equal.
    pub(super) fn names(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            match self.name_of_start(rest) {
                Some((length, name)) => {
                    shown.extend(name.bytes());
                    rest = &rest[length..];
                }
                None => {
                    shown.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        shown
    }

    /// If the bytes start with a value: its length and its name.
    fn name_of_start(&mut self, bytes: &[u8]) -> Option<(usize, String)> {
        if let Some((value, name)) = self.known.iter().find(|(value, _)| bytes.starts_with(value.as_bytes())) {
            return Some((value.len(), name.clone()));
        }
        for (pattern, name) in PATTERNS {
            if fits(pattern, bytes) {
                return Some((pattern.len(), (*name).to_owned()));
            }
        }
        if fits(UUID, bytes) {
            self.ids += 1;
            return Some(self.learn(&format!("id-{}", self.ids), &bytes[..UUID.len()]));
        }
        if fits(TOKEN, bytes) {
            self.tokens += 1;
            return Some(self.learn(&format!("token-{}", self.tokens), &bytes[..TOKEN.len()]));
        }
        number_after(b"127.0.0.1:", "127.0.0.1:<port>", bytes).or_else(|| number_after(b"dur=", "dur=<ms>", bytes))
    }

    fn learn(&mut self, name: &str, value: &[u8]) -> (usize, String) {
        self.add(name, std::str::from_utf8(value).unwrap());
        (value.len(), format!("<{name}>"))
    }
}

/// A UUID; see [`fits`].
const UUID: &str = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

/// A token's string.
const TOKEN: &str = "sk-wwwwwwwwwwwwwwwwwwwwww";

/// What needs no number, and its name.
const PATTERNS: &[(&str, &str)] = &[
    ("aaa, dd aaa dddd dd:dd:dd GMT", "<date>"),
    ("dddd-dd-ddTdd:dd:dd.dddZ", "<time>"),
    ("dddd-dd-ddTdd:dd:ddZ", "<time>"),
    ("sk-wwww...wwww", "<masked-token>"),
];

/// Whether the bytes start as the pattern says: `d` is a digit, `h` a lower-case hexadecimal digit, `a` a letter, `w` a
/// character of base64url; anything else is itself.
fn fits(pattern: &str, bytes: &[u8]) -> bool {
    bytes.len() >= pattern.len()
        && pattern.bytes().zip(bytes).all(|(class, byte)| match class {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
            b'a' => byte.is_ascii_alphabetic(),
            b'w' => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            _ => class == *byte,
        })
}

/// If the bytes start with `start` and a number: how long both are, and what they are shown as.
fn number_after(start: &[u8], name: &str, bytes: &[u8]) -> Option<(usize, String)> {
    let rest = bytes.strip_prefix(start)?;
    let number = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    (number > 0).then(|| (start.len() + number, name.to_owned()))
}

fn replace(text: &[u8], old: &str, new: &str) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in memmem::find_iter(text, old) {
        replaced.extend_from_slice(&text[from..at]);
        replaced.extend_from_slice(new.as_bytes());
        from = at + old.len();
    }
    replaced.extend_from_slice(&text[from..]);
    replaced
}

#[test]
fn values_are_shown_as_names_and_names_are_sent_as_values() {
    let mut names = Names::default();
    names.add("token", "sk-AAAAAAAAAAAAAAAAAAAAAA");
    let (one, two) = ("0190aaaa-0000-7000-8000-000000000001", "0190aaaa-0000-7000-8000-000000000002");
    let sent =
        format!("{two} {one} {two} sk-AAAAAAAAAAAAAAAAAAAAAA Tue, 24 Nov 2026 12:00:00 GMT dur=1.25, 127.0.0.1:80");
    let shown = names.names(sent.as_bytes());
    assert_eq!(
        String::from_utf8(shown.clone()).unwrap(),
        "<id-1> <id-2> <id-1> <token> <date> dur=<ms>, 127.0.0.1:<port>"
    );
    assert_eq!(names.values(b"<id-2> <token>"), format!("{one} sk-AAAAAAAAAAAAAAAAAAAAAA").into_bytes());
    assert_eq!(names.names(b"Tue, 24 Nov 2026 12:00:0 GMT"), b"Tue, 24 Nov 2026 12:00:0 GMT");
}
