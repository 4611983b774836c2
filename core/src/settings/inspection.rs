//! The keys of a provider's entry that say which parameters have lists, and where they do not count. A list that could
//! never do what its writer meant is an error, not a rule.

use super::ProvidersError;
use super::provider_entry::endpoint;
use super::section::Section;
use super::values::{list, mapping, text};
use super::yaml::{Entry, Node};
use crate::inspect::{Glob, ParamRules, Policy};

/// Takes both keys.
///
/// # Errors
/// The first thing that is wrong with them, with its place.
pub(super) fn policy(section: &mut Section) -> Result<Policy, ProvidersError> {
    Ok(Policy {
        params: section.read_or("param_whitelist", ParamRules::default(), params)?,
        uninspected: section.read_or("uninspected_endpoints", Vec::new(), endpoints)?,
    })
}

fn params(node: &Node) -> Result<ParamRules, ProvidersError> {
    let entries = mapping(node.clone(), "param_whitelist")?;
    entries.into_iter().map(param).collect::<Result<_, _>>().map(ParamRules::new)
}

/// One parameter and what it may be.
fn param(entry: Entry) -> Result<(String, Vec<Glob>), ProvidersError> {
    const EXAMPLE: &str = "[gpt-4o, gpt-4.1-*]";
    let Entry { place, key, value } = entry;
    if key.is_empty() || key.len() > ParamRules::LONGEST_NAME {
        let message = format!("a parameter has a name of 1 to {} bytes, such as model", ParamRules::LONGEST_NAME);
        return Err(place.error(message));
    }
    let items = list(&value, EXAMPLE)?;
    if items.is_empty() {
        let message = format!(
            "the list of {key:?} is empty, which would allow no value: list values, such as {EXAMPLE}, or remove {key:?} to allow any"
        );
        return Err(value.place.error(message));
    }
    let globs = items
        .iter()
        .map(|item| text(item, "a value such as gpt-4o, or gpt-4.1-* for all that begin so").map(Glob::new));
    Ok((key, globs.collect::<Result<_, _>>()?))
}

fn endpoints(node: &Node) -> Result<Vec<crate::routing::EndpointPattern>, ProvidersError> {
    list(node, "[/v1/batches]")?.iter().map(endpoint).collect()
}
