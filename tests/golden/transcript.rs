//! The text of what happened: one block an event, in order; every byte that is not plain ASCII is escaped.

use std::fmt::Write;

/// From how many equal bytes on a run of them is shown as one and its count.
const LONG_RUN: usize = 40;

/// A transcript that is being written.
#[derive(Debug)]
pub(super) struct Transcript(String);

impl Transcript {
    pub(super) fn new(name: &str) -> Self {
        Self(format!("{name}\n\n"))
    }

    /// Something happened that has no bytes.
    pub(super) fn event(&mut self, what: &str) {
        writeln!(self.0, "{what}").unwrap();
    }

    /// Bytes went over a wire.
    pub(super) fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.event(what);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            writeln!(self.0, "    {}", escape(line)).unwrap();
        }
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

/// Bytes as one line: CR, LF, tab and backslash as in Rust, others outside printable ASCII as `\xNN`, and so a space
/// at the end. `x\{50}` is fifty times `x`.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|one, next| one == next) {
        let one = match run[0] {
            b'\r' => "\\r".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\t' => "\\t".to_owned(),
            b'\\' => "\\\\".to_owned(),
            plain @ b' '..=b'~' => char::from(plain).to_string(),
            other => format!("\\x{other:02x}"),
        };
        if run.len() < LONG_RUN {
            text.push_str(&one.repeat(run.len()));
        } else {
            write!(text, "{one}\\{{{}}}", run.len()).unwrap();
        }
    }
    if text.ends_with(' ') {
        text.pop();
        text.push_str("\\x20");
    }
    text
}

#[test]
fn each_byte_can_be_told_from_its_escape() {
    assert_eq!(escape(b"a b\t\\n\r\n"), "a b\\t\\\\n\\r\\n");
    assert_eq!(escape(b"\0\xe9 "), "\\x00\\xe9\\x20");
    assert_eq!(escape(&[b'x'; 50]), "x\\{50}");
}
