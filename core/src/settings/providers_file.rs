//! The providers file (`API_CONFIG_PATH`), from its text to [`Providers`].
//!
//! It never guesses: an unknown key, a value of the wrong kind, a default that is no entry, a rule that this version
//! cannot enforce are errors with line, column and what is accepted. The name of the file is the caller's to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::section::Section;
use super::values::{mapping, text};
use super::yaml::{Entry, Place};
use super::{Providers, provider_entry, yaml};
use crate::proxy::{Breaker, BreakerLimits};

/// What entries get that do not say it themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProviderDefaults {
    /// REQUEST_TIMEOUT: of a whole exchange, and until the response's head.
    pub request_timeout: Duration,
    /// MAX_REQUEST_SIZE: of a request's body, bytes.
    pub max_request_size: u64,
    /// Of a stream without a byte.
    pub stream_idle: Duration,
    /// How long unused upstream connections are kept.
    pub idle_connection: Duration,
    /// To connect.
    pub connect: Duration,
    /// When upstreams that fail are left alone. No entry can say it.
    pub breaker: BreakerLimits,
}

impl Default for ProviderDefaults {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(120),
            max_request_size: 10 << 20,
            stream_idle: Duration::from_secs(120),
            idle_connection: Duration::from_secs(90),
            connect: Duration::from_secs(10),
            breaker: BreakerLimits::default(),
        }
    }
}

/// What is wrong with a providers file, and where. The message never repeats a value, only keys and names.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ProvidersError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what is accepted.
    pub message: String,
}

/// Reads a providers file.
///
/// # Errors
/// The first thing that is wrong with it: what is no YAML comes first, then unknown keys, then the entries in the
/// file's order.
pub fn parse_providers(text: &str, defaults: &ProviderDefaults) -> Result<Providers, ProvidersError> {
    let mut section = Section::read(yaml::parse(text)?, "the file", &["default_api", "apis"])?;
    let default = section.take("default_api");
    let apis = section.take_required("apis", "write the providers under it, each with its name as the key")?;
    let apis_place = apis.place;
    let mut by_name = BTreeMap::new();
    for Entry { place, key, value } in mapping(apis, "apis")? {
        check_name(&key, place)?;
        let name: Arc<str> = key.into();
        let provider = provider_entry::read(Arc::clone(&name), value, defaults)?;
        by_name.insert(name, Arc::new(provider));
    }
    let default = match default {
        Some((_, node)) => {
            let name = self::text(&node, "the name of a provider")?;
            known_name(&by_name, name).ok_or_else(|| node.place.error(unknown_default(&by_name)))?
        }
        None => only_name(&by_name).ok_or_else(|| apis_place.error(missing_default(&by_name)))?,
    };
    let mut providers = Providers { default, by_name };
    providers.share_breakers();
    Ok(providers)
}

/// Names stand in management calls, records and metric labels, so they are short and plain.
fn check_name(name: &str, place: Place) -> Result<(), ProvidersError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(place.error("the name of a provider has 1 to 64 characters: ASCII letters, digits, '-', '_' and '.'"))
}

fn known_name<T>(by_name: &BTreeMap<Arc<str>, T>, name: &str) -> Option<Arc<str>> {
    by_name.get_key_value(name).map(|(name, _)| Arc::clone(name))
}

fn only_name<T>(by_name: &BTreeMap<Arc<str>, T>) -> Option<Arc<str>> {
    let mut names = by_name.keys();
    names.next().filter(|_| names.next().is_none()).map(Arc::clone)
}

fn unknown_default<T>(by_name: &BTreeMap<Arc<str>, T>) -> String {
    format!("default_api names no provider of this file: it has {}", names(by_name))
}

fn missing_default<T>(by_name: &BTreeMap<Arc<str>, T>) -> String {
    if by_name.is_empty() {
        return "apis is empty: write at least one provider".to_owned();
    }
    format!("default_api is missing: name one of {}", names(by_name))
}

fn names<T>(by_name: &BTreeMap<Arc<str>, T>) -> String {
    if by_name.is_empty() {
        return "none".to_owned();
    }
    by_name.keys().map(|name| &**name).collect::<Vec<_>>().join(", ")
}

impl Providers {
    /// Makes the provider called `name` the default one.
    ///
    /// # Errors
    /// [`UnknownProvider`] if there is none; nothing changes then.
    pub fn set_default(&mut self, name: &str) -> Result<(), UnknownProvider> {
        self.default = known_name(&self.by_name, name).ok_or_else(|| UnknownProvider::among(&self.by_name))?;
        Ok(())
    }

    /// Lets the provider called `name` live elsewhere.
    ///
    /// # Errors
    /// [`UnknownProvider`] if there is none; nothing changes then.
    pub fn set_base(&mut self, name: &str, base: super::BaseUrl) -> Result<(), UnknownProvider> {
        let unknown = UnknownProvider::among(&self.by_name);
        let provider = self.by_name.get_mut(name).ok_or(unknown)?;
        let provider = Arc::make_mut(provider);
        provider.base = Arc::new(base);
        provider.breaker = Arc::new(Breaker::new(provider.breaker.limits()));
        self.share_breakers();
        Ok(())
    }
}

/// A name that stands for no provider.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("there is no provider of that name, but {known}")]
pub struct UnknownProvider {
    /// The names that there are, with commas between them.
    pub known: String,
}

impl UnknownProvider {
    fn among<T>(by_name: &BTreeMap<Arc<str>, T>) -> Self {
        Self { known: names(by_name) }
    }
}
