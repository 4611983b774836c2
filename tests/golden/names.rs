//! Names for what differs from run to run: ids, dates, durations, ports, secrets. Bytes that are shown have the names,
//! bytes that are sent the values.

use memchr::memmem;

/// What is known of a script's values.
#[derive(Clone, Default, Debug)]
pub(super) struct Names {
    /// Value and name. Values are never empty.
    known: Vec<(String, String)>,
    /// What the script itself has sent. What it wrote is shown as it wrote it, wherever it turns up.
    said: Vec<u8>,
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
    pub(super) fn say(&mut self, text: &[u8]) -> Vec<u8> {
        self.said.extend_from_slice(text);
        self.values(text)
    }

    /// A script's text with values for names.
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

    /// The message to show: as [`Self::names`]. If its body has values of no certain length, then its length has a name
    /// too, unless it is wrong.
    pub(super) fn names_in_message(&mut self, message: &[u8]) -> Vec<u8> {
        let shown = self.names(message);
        match length_that_is_right(message) {
            Some(length) if memmem::find(&shown, TIME.as_bytes()).is_some() => {
                replace(&shown, &length_line(&length.to_string()), &length_line("<length>"))
            }
            _ => shown,
        }
    }

    /// If the bytes start with a value: its length and its name.
    fn name_of_start(&mut self, bytes: &[u8]) -> Option<(usize, String)> {
        if let Some((value, name)) = self.known.iter().find(|(value, _)| bytes.starts_with(value.as_bytes())) {
            return Some((value.len(), name.clone()));
        }
        let (length, kind) = kind_of_start(bytes)?;
        let value = std::str::from_utf8(&bytes[..length]).unwrap();
        if memmem::find(&self.said, value.as_bytes()).is_some() {
            return Some((length, value.to_owned()));
        }
        let count = match kind {
            Kind::Plain(name) => return Some((length, name.to_owned())),
            Kind::Id => &mut self.ids,
            Kind::Token => &mut self.tokens,
        };
        *count += 1;
        let name = format!("{}-{count}", if kind == Kind::Id { "id" } else { "token" });
        self.add(&name, value);
        Some((length, format!("<{name}>")))
    }
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Each value has the same name.
    Plain(&'static str),
    /// Values are numbered.
    Id,
    /// Values are numbered.
    Token,
}

/// What values look like; see [`fits`].
const PATTERNS: [(&str, Kind); 4] = [
    ("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", Kind::Id),
    ("sk-wwwwwwwwwwwwwwwwwwwwww", Kind::Token),
    ("sk-wwww...wwww", Kind::Plain("<masked-token>")),
    ("aaa, dd aaa dddd dd:dd:dd GMT", Kind::Plain("<date>")),
];

/// If the bytes start with what looks like a value: its length and what it is.
fn kind_of_start(bytes: &[u8]) -> Option<(usize, Kind)> {
    let pattern = PATTERNS.into_iter().find(|(pattern, _)| fits(pattern, bytes));
    pattern
        .map(|(pattern, kind)| (pattern.len(), kind))
        .or_else(|| number_after(b"127.0.0.1:", "127.0.0.1:<port>", bytes))
        .or_else(|| number_after(b"dur=", "dur=<ms>", bytes))
        .or_else(|| Some((time_length(bytes)?, Kind::Plain(TIME))))
}

/// The name of a time as RFC 3339 writes it.
const TIME: &str = "<time>";

/// If the bytes start with a time in UTC: its length, which depends on the time.
fn time_length(bytes: &[u8]) -> Option<usize> {
    let whole = "dddd-dd-ddTdd:dd:dd";
    let rest = bytes.get(whole.len()..).filter(|_| fits(whole, bytes))?;
    let fraction = rest.strip_prefix(b".").map_or(0, |rest| 1 + rest.iter().take_while(|b| b.is_ascii_digit()).count());
    (rest.get(fraction) == Some(&b'Z')).then_some(whole.len() + fraction + 1)
}

/// How long the body of the message is, if its `Content-Length` says so.
fn length_that_is_right(message: &[u8]) -> Option<usize> {
    let body = message.len() - memmem::find(message, b"\r\n\r\n")? - 4;
    memmem::find(message, length_line(&body.to_string()).as_bytes()).map(|_| body)
}

fn length_line(value: &str) -> String {
    format!("\r\nContent-Length: {value}\r\n")
}

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
fn number_after(start: &[u8], name: &'static str, bytes: &[u8]) -> Option<(usize, Kind)> {
    let rest = bytes.strip_prefix(start)?;
    let number = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    (number > 0).then_some((start.len() + number, Kind::Plain(name)))
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
    assert_eq!(String::from_utf8(shown).unwrap(), "<id-1> <id-2> <id-1> <token> <date> dur=<ms>, 127.0.0.1:<port>");
    assert_eq!(names.values(b"<id-2> <token>"), format!("{one} sk-AAAAAAAAAAAAAAAAAAAAAA").into_bytes());
    assert_eq!(names.names(b"Tue, 24 Nov 2026 12:00:0 GMT"), b"Tue, 24 Nov 2026 12:00:0 GMT");
    let message = b"\r\nContent-Length: 25\r\n\r\n2026-11-24T13:03:35.3079Z";
    assert_eq!(names.names_in_message(message), b"\r\nContent-Length: <length>\r\n\r\n<time>");
    let date = b"Date: Mon, 01 Jan 2024 00:00:00 GMT";
    assert_eq!((names.say(date), names.names(date)), (date.to_vec(), date.to_vec()));
}
