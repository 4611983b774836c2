//! The pure part of configuration: what a provider is, how durations, sizes and the providers file read, and what is
//! wrong with a text that does not.
//!
//! It never reads a file or the environment, and never falls back silently: a value that does not parse is an error
//! that names its place and the accepted form.

mod base_url;
mod builtin;
mod cidr;
mod client_ip;
mod duration;
mod inspection;
mod provider;
mod provider_entry;
mod providers_file;
mod section;
mod size;
mod values;
mod yaml;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

pub use base_url::BaseUrlError;
pub use builtin::{BUILTIN_PROVIDERS, builtin_providers};
pub use cidr::{Networks, NetworksError};
pub use client_ip::client_ip;
pub use duration::{DurationError, format_duration, parse_duration};
pub use provider::{BaseUrl, ConnectionLimits, KeyPlacement, Provider, Providers, Scheme, Timeouts};
pub use providers_file::{ProviderDefaults, ProvidersError, UnknownProvider, parse_providers};
pub use size::{SizeError, format_size, parse_size};
