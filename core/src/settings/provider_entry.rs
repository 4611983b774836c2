//! One entry of the providers file, from its YAML node to a [`Provider`]: its keys, their defaults, and the keys that
//! are refused because this version does not enforce what they ask for.

use std::sync::Arc;

use http::Method;

use super::inspection::policy;
use super::section::Section;
use super::values::{any_duration, base_url, count, list, mapping, period, size, text, word};
use super::yaml::{Node, Value};
use super::{ConnectionLimits, KeyPlacement, Provider, ProviderDefaults, ProvidersError, Timeouts};
use crate::reject::Dialect;
use crate::routing::EndpointPattern;

const KEYS: [&str; 15] = [
    "base_url",
    "dialect",
    "auth",
    "allowed_endpoints",
    "allowed_methods",
    "max_request_size",
    "timeouts",
    "connection",
    "flush_interval",
    "param_whitelist",
    "allowed_origins",
    "required_headers",
    "uninspected_endpoints",
    "stream_usage",
    "shared_cache",
];

const TIMEOUT_KEYS: [&str; 6] =
    ["request", "response_header", "stream_idle", "idle_connection", "connect", "flush_interval"];

const DIALECTS: [(&str, Dialect); 3] =
    [("openai", Dialect::OpenAi), ("anthropic", Dialect::Anthropic), ("gemini", Dialect::Gemini)];

const PLACEMENTS: [(&str, KeyPlacement); 4] = [
    ("bearer", KeyPlacement::Bearer),
    ("x-api-key", KeyPlacement::XApiKey),
    ("api-key", KeyPlacement::ApiKey),
    ("x-goog-api-key", KeyPlacement::XGoogApiKey),
];

/// The methods that an entry can allow. `CONNECT` and `TRACE` have no meaning towards an API, and are no way to it.
const METHODS: [(&str, &Method); 7] = [
    ("GET", &Method::GET),
    ("HEAD", &Method::HEAD),
    ("POST", &Method::POST),
    ("PUT", &Method::PUT),
    ("PATCH", &Method::PATCH),
    ("DELETE", &Method::DELETE),
    ("OPTIONS", &Method::OPTIONS),
];

/// Keys that ask for a protection, or for a change of what passes, that this version does not have.
const UNSUPPORTED: [&str; 4] = ["allowed_origins", "required_headers", "stream_usage", "shared_cache"];

/// Reads the entry called `name`.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub(super) fn read(name: Arc<str>, node: Node, defaults: &ProviderDefaults) -> Result<Provider, ProvidersError> {
    let mut section = Section::read(node, "a provider", &KEYS)?;
    refuse_unsupported(&mut section)?;
    let base = section.take_required("base_url", "write where the API is, such as https://api.example.com")?;
    let dialect = section.read_or("dialect", Dialect::OpenAi, |node| word(node, &DIALECTS))?;
    // The original had this key in two places; it means nothing here: what arrives goes out at once.
    section.read_or("flush_interval", (), any_duration)?;
    Ok(Provider {
        name,
        base: Arc::new(base_url(&base)?),
        dialect,
        auth: section.read_or("auth", default_placement(dialect), |node| word(node, &PLACEMENTS))?,
        endpoints: endpoints(&mut section)?,
        methods: section.read_or("allowed_methods", vec![Method::GET, Method::POST], methods)?,
        max_request_size: section.read_or("max_request_size", Vec::new(), request_sizes)?,
        max_request_default: defaults.max_request_size,
        inspection: policy(&mut section)?,
        timeouts: timeouts(&mut section, defaults)?,
        connection: connection(&mut section)?,
    })
}

/// How a provider of that dialect wants its key unless its entry says otherwise.
fn default_placement(dialect: Dialect) -> KeyPlacement {
    match dialect {
        Dialect::OpenAi => KeyPlacement::Bearer,
        Dialect::Anthropic => KeyPlacement::XApiKey,
        Dialect::Gemini => KeyPlacement::XGoogApiKey,
    }
}

/// A rule that is written down and not enforced would be a hole, so such a file is refused. A key that asks for
/// nothing (empty, `false`, `off`) is fine.
fn refuse_unsupported(section: &mut Section) -> Result<(), ProvidersError> {
    for key in UNSUPPORTED {
        let Some((place, node)) = section.take(key) else { continue };
        let asks_for_nothing = match &node.value {
            Value::Null => true,
            Value::Text(text) => matches!(text.as_str(), "" | "false" | "off"),
            Value::List(nodes) => nodes.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        };
        if !asks_for_nothing {
            return Err(place.error(format!("{key} is not supported by this version: remove it to go without")));
        }
    }
    Ok(())
}

fn endpoints(section: &mut Section) -> Result<Vec<EndpointPattern>, ProvidersError> {
    const MISSING: &str = "list the paths that clients may use, such as [/v1/chat/completions, /v1/models]";
    let node = section.take_required("allowed_endpoints", MISSING)?;
    let items = list(&node, "[/v1/chat/completions, /v1/models]")?;
    if items.is_empty() {
        return Err(node.place.error(format!("allowed_endpoints is empty: {MISSING}")));
    }
    items.iter().map(endpoint).collect()
}

pub(super) fn endpoint(node: &Node) -> Result<EndpointPattern, ProvidersError> {
    let path = text(node, "a path such as /v1/models")?;
    EndpointPattern::parse(path).map_err(|error| node.place.error(error.to_string()))
}

fn methods(node: &Node) -> Result<Vec<Method>, ProvidersError> {
    let items = list(node, "[GET, POST]")?;
    if items.is_empty() {
        return Err(node.place.error("allowed_methods is empty: list the methods that clients may use"));
    }
    items.iter().map(|item| word(item, &METHODS).cloned()).collect()
}

fn request_sizes(node: &Node) -> Result<Vec<(EndpointPattern, u64)>, ProvidersError> {
    let entries = mapping(node.clone(), "max_request_size")?;
    let limit = |entry: super::yaml::Entry| {
        let path = EndpointPattern::parse(&entry.key).map_err(|error| entry.place.error(error.to_string()))?;
        Ok((path, size(&entry.value)?))
    };
    entries.into_iter().map(limit).collect()
}

fn timeouts(section: &mut Section, defaults: &ProviderDefaults) -> Result<Timeouts, ProvidersError> {
    let whole = defaults.request_timeout;
    let mut timeouts = Timeouts {
        request: whole,
        response_header: whole,
        stream_idle: defaults.stream_idle,
        idle_connection: defaults.idle_connection,
        connect: defaults.connect,
    };
    let Some((_, node)) = section.take("timeouts") else { return Ok(timeouts) };
    let mut section = Section::read(node, "timeouts", &TIMEOUT_KEYS)?;
    timeouts.request = section.read_or("request", timeouts.request, period)?;
    timeouts.response_header = section.read_or("response_header", timeouts.request, period)?;
    timeouts.stream_idle = section.read_or("stream_idle", timeouts.stream_idle, period)?;
    timeouts.idle_connection = section.read_or("idle_connection", timeouts.idle_connection, period)?;
    timeouts.connect = section.read_or("connect", timeouts.connect, period)?;
    section.read_or("flush_interval", (), any_duration)?;
    Ok(timeouts)
}

fn connection(section: &mut Section) -> Result<ConnectionLimits, ProvidersError> {
    let mut limits = ConnectionLimits { max_idle: 100, max_idle_per_host: 20 };
    let Some((_, node)) = section.take("connection") else { return Ok(limits) };
    let mut section = Section::read(node, "connection", &["max_idle_conns", "max_idle_conns_per_host"])?;
    limits.max_idle = section.read_or("max_idle_conns", limits.max_idle, count)?;
    limits.max_idle_per_host = section.read_or("max_idle_conns_per_host", limits.max_idle_per_host, count)?;
    Ok(limits)
}
