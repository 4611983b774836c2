//! The three shapes of an error body, as the providers' own SDKs read them.

use super::Refusal;
use crate::http1::Fields;

/// Which API a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// OpenAI and everything compatible.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google Gemini.
    Gemini,
}

impl Dialect {
    /// The dialect of a request whose provider is not known yet: by the path, then by the credential's place, else
    /// OpenAI's.
    #[must_use]
    pub fn guess(_path: &str, _fields: &Fields) -> Self {
        Self::OpenAi
    }
}

/// The JSON body that tells `refusal` in a provider's shape.
#[must_use]
pub fn error_body(_dialect: Dialect, _refusal: &Refusal, _request_id: &str) -> Vec<u8> {
    Vec::new()
}
