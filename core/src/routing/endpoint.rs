//! An entry of `allowed_endpoints`: whole segments, `{…}` standing for exactly one of any name.
//!
//! It refuses what could never match, so that a mistake in the providers file is seen when it is read and not when a
//! client is refused.

use thiserror::Error;

use super::{BadPath, NormalPath};

/// Why an entry is not one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EndpointError {
    /// It must begin with a slash.
    #[error("an endpoint begins with a slash, such as /v1/models")]
    NoSlash,
    /// It is a path that would be refused if a client sent it.
    #[error("no request can have this path: {0}")]
    Path(BadPath),
    /// A brace that is not around a whole segment, or nothing between two.
    #[error("a placeholder is a whole segment with a name, such as /v1/threads/{{id}}")]
    Placeholder,
    /// A star, which people write for "anything".
    #[error("an endpoint has no *: paths below it are allowed anyway, and {{name}} stands for one segment")]
    Star,
}

/// A pattern that a path is under, or is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointPattern(Box<[Part]>);

/// What one segment must be.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Exactly(Box<str>),
    Any,
}

impl EndpointPattern {
    /// Reads an entry of the providers file: a path, decoded as a request's path is. A slash at the end means nothing.
    /// `/` alone is every path.
    ///
    /// # Errors
    /// [`EndpointError`] if it is not a path, or one that nothing can be under.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if !text.starts_with('/') {
            return Err(EndpointError::NoSlash);
        }
        let path = NormalPath::parse(text).map_err(EndpointError::Path)?;
        path.segments().map(Part::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `path` is this endpoint or below it. Names are compared byte for byte: case matters.
    #[must_use]
    pub fn contains(&self, path: &NormalPath<'_>) -> bool {
        let mut segments = path.segments();
        self.0.iter().all(|part| segments.next().is_some_and(|segment| part.is(segment)))
    }

    /// How many segments it has: of several that match, the longest is the most specific.
    #[must_use]
    pub const fn specificity(&self) -> usize {
        self.0.len()
    }
}

impl Part {
    fn parse(segment: &str) -> Result<Self, EndpointError> {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => Ok(Self::Any),
            _ if segment.contains(['{', '}']) => Err(EndpointError::Placeholder),
            _ if segment.contains('*') => Err(EndpointError::Star),
            _ => Ok(Self::Exactly(segment.into())),
        }
    }

    fn is(&self, segment: &str) -> bool {
        match self {
            Self::Exactly(name) => **name == *segment,
            Self::Any => true,
        }
    }
}
