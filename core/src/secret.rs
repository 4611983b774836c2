//! Text that must never be seen: upstream keys, management tokens, passwords. `Debug` and `Display` print a fixed
//! word, the memory is wiped on drop, and the only way to the text is a method whose name says what it does.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text. It cannot be printed, serialised or compared by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call is a place to review: it may go to the upstream's head or into a seal, nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is the same text, in time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }

    /// The form that people may see: up to 4 characters all `*`; up to 12 the first 2 and `*`; else the first 8,
    /// `...` and the last 4.
    #[must_use]
    pub fn masked(&self) -> String {
        let chars: Vec<char> = self.0.chars().collect();
        match chars.len() {
            n @ 0..=4 => "*".repeat(n),
            n @ 5..=12 => chars[..2].iter().collect::<String>() + &"*".repeat(n - 2),
            n => {
                let (head, tail): (String, String) = (chars[..8].iter().collect(), chars[n - 4..].iter().collect());
                format!("{head}...{tail}")
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn masks_follow_the_length() {
        for (text, mask) in [
            ("", ""),
            ("abcd", "****"),
            ("abcde", "ab***"),
            ("abcdefghijkl", "ab**********"),
            ("abcdefghijklm", "abcdefgh...jklm"),
            ("sk-proj-0123456789abcdef", "sk-proj-...cdef"),
            ("äöüßé", "äö***"),
        ] {
            assert_eq!(secret(text).masked(), mask, "{text}");
        }
    }

    #[test]
    fn printing_shows_nothing() {
        let key = secret("sk-very-secret-indeed");
        assert_eq!(format!("{key} {key:?}"), "[secret] [secret]");
    }

    #[test]
    fn only_the_same_text_matches() {
        assert!(secret("abc").matches(b"abc"));
        assert!(!secret("abc").matches(b"abd"));
        assert!(!secret("abc").matches(b"abcd"));
    }
}
