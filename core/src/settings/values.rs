//! Values of the providers file by their kind: each function takes a YAML node and says, with its place, what it should
//! have been. Values are never repeated in a message: one may have been put under the wrong key.

use std::time::Duration;

use super::duration::parse_duration;
use super::size::parse_size;
use super::yaml::{Entry, Node, Value};
use super::{BaseUrl, ProvidersError};

/// The entries of the mapping that `node` must be.
pub(super) fn mapping(node: Node, what: &str) -> Result<Vec<Entry>, ProvidersError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::Null | Value::Text(_) | Value::List(_) => {
            Err(node.place.error(format!("expected a mapping here: {what} is written as keys and values")))
        }
    }
}

/// The items of the list that `node` must be.
pub(super) fn list<'a>(node: &'a Node, what: &str) -> Result<&'a [Node], ProvidersError> {
    match &node.value {
        Value::List(nodes) => Ok(nodes),
        Value::Null | Value::Text(_) | Value::Map(_) => {
            Err(node.place.error(format!("expected a list here, such as {what}")))
        }
    }
}

/// The text that `node` must be.
pub(super) fn text<'a>(node: &'a Node, what: &str) -> Result<&'a str, ProvidersError> {
    match &node.value {
        Value::Text(text) => Ok(text),
        Value::Null | Value::List(_) | Value::Map(_) => Err(node.place.error(format!("expected {what} here"))),
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(node: &Node, words: &[(&str, T)]) -> Result<T, ProvidersError> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let accepted = format!("one of {}", names.join(", "));
    let text = text(node, &accepted)?;
    let found = words.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| node.place.error(format!("expected {accepted} here")))
}

/// A duration above zero.
pub(super) fn period(node: &Node) -> Result<Duration, ProvidersError> {
    let text = text(node, "a duration such as 90s")?;
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err(node.place.error("this duration must be above zero, such as 90s")),
        Ok(duration) => Ok(duration),
        Err(error) => Err(node.place.error(format!("{error} (write it like 90s or 1m30s)"))),
    }
}

/// Any duration, for what is read and not used.
pub(super) fn any_duration(node: &Node) -> Result<(), ProvidersError> {
    let text = text(node, "a duration such as 10ms")?;
    // The original's flush interval may be negative: at once, after every write.
    let text = text.strip_prefix('-').unwrap_or(text);
    parse_duration(text).map(drop).map_err(|error| node.place.error(format!("{error} (write it like 10ms)")))
}

/// A size in bytes above zero.
pub(super) fn size(node: &Node) -> Result<u64, ProvidersError> {
    let text = text(node, "a size such as 32MiB")?;
    match parse_size(text) {
        Ok(0) => Err(node.place.error("this size must be above zero, such as 32MiB")),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(node.place.error(error.to_string())),
    }
}

/// A number of things.
pub(super) fn count(node: &Node) -> Result<usize, ProvidersError> {
    const ACCEPTED: &str = "a whole number from 0 to 65535";
    let text = text(node, ACCEPTED)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse::<u16>().ok() } else { None };
    number.map(usize::from).ok_or_else(|| node.place.error(format!("expected {ACCEPTED} here")))
}

/// A base URL. The message never repeats the text, which may hold a password.
pub(super) fn base_url(node: &Node) -> Result<BaseUrl, ProvidersError> {
    let text = text(node, "a base URL such as https://api.example.com")?;
    BaseUrl::parse(text).map_err(|error| node.place.error(error.to_string()))
}
