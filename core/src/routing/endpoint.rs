//! An entry of `allowed_endpoints`: whole segments, `{…}` standing for exactly one of any name.

use thiserror::Error;

use super::NormalPath;

/// Why an entry is not one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EndpointError {
    /// It must begin with a slash.
    #[error("an endpoint begins with a slash, such as /v1/models")]
    NoSlash,
}

/// A pattern that a path is under, or is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointPattern(());

impl EndpointPattern {
    /// Reads an entry of the providers file.
    ///
    /// # Errors
    /// [`EndpointError`] if it is not a path.
    pub fn parse(_text: &str) -> Result<Self, EndpointError> {
        Ok(Self(()))
    }

    /// Whether `path` is this endpoint or below it.
    #[must_use]
    pub fn contains(&self, _path: &NormalPath) -> bool {
        false
    }

    /// How many segments it has: of several that match, the longest is the most specific.
    #[must_use]
    pub fn specificity(&self) -> usize {
        0
    }
}
