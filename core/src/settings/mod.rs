//! The pure part of configuration: what a provider is, how durations, sizes and the providers file read, and what is
//! wrong with a text that does not.
//!
//! It never reads a file or the environment, and never falls back silently: a value that does not parse is an error
//! that names its place and the accepted form.

mod provider;

pub use provider::{BaseUrl, ConnectionLimits, KeyPlacement, Provider, Providers, Scheme, Timeouts};
