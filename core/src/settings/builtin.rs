//! The providers that are there without a file: `openai`, `anthropic` and `gemini`, with their public endpoints.
//!
//! They are written as a providers file and read by the same parser, so the file in the repository is what the
//! program does, and a good one to start from.

use super::{ProviderDefaults, Providers, ProvidersError, parse_providers};

/// The built-in providers as the text of a providers file.
pub const BUILTIN_PROVIDERS: &str = include_str!("../../../config/api_providers.yaml");

/// The built-in providers.
///
/// # Errors
/// None in a program that passed its tests: only what is wrong with [`BUILTIN_PROVIDERS`].
pub fn builtin_providers(defaults: &ProviderDefaults) -> Result<Providers, ProvidersError> {
    parse_providers(BUILTIN_PROVIDERS, defaults)
}
