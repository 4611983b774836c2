//! The keys of a provider that say who may ask and with which fields: `allowed_origins` and `required_headers`, from
//! their YAML nodes. What a request is held to is said by [`Origins`] and by the gate.

use std::sync::Arc;

use super::ProvidersError;
use super::origin::{OriginPattern, Origins};
use super::values::{list, text};
use super::yaml::Node;
use crate::http1::is_token;

/// Fields that no entry can require, and why.
const NEVER_REQUIRED: [(&[&str], &str); 3] = [
    (
        &["authorization", "x-api-key", "api-key", "x-goog-api-key"],
        "this field carries a credential, and a token is required already",
    ),
    (
        &["host", "content-length", "transfer-encoding"],
        "this field says where a message goes or ends, and HTTP rules it",
    ),
    (
        &["connection", "keep-alive", "te", "upgrade", "trailer"],
        "this field speaks to the next hop only, so a proxy on the way may change it",
    ),
];

/// The origins that an entry lists; `None` for an empty list, which asks for nothing.
pub(super) fn allowed_origins(node: &Node) -> Result<Option<Origins>, ProvidersError> {
    let items = list(node, "[https://app.example.com]")?;
    let origins = items.iter().map(|item| Ok((item, text(item, "an origin such as https://app.example.com")?)));
    let origins = origins.collect::<Result<Vec<_>, ProvidersError>>()?;
    if let Some((star, _)) = origins.iter().find(|(_, origin)| *origin == "*") {
        return match items.len() {
            1 => Ok(Some(Origins::Any)),
            _ => Err(star.place.error("* allows every origin: write ['*'], or remove it to allow only the others")),
        };
    }
    let pattern = |(item, origin): (&Node, &str)| {
        OriginPattern::parse(origin).map_err(|error| item.place.error(error.to_string()))
    };
    let patterns = origins.into_iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
    Ok((!patterns.is_empty()).then_some(Origins::Listed(patterns)))
}

/// The names of the fields that an entry requires, as they are written there.
pub(super) fn required_headers(node: &Node) -> Result<Vec<Arc<str>>, ProvidersError> {
    list(node, "[origin]")?.iter().map(required_header).collect()
}

fn required_header(node: &Node) -> Result<Arc<str>, ProvidersError> {
    let name = text(node, "the name of a header such as origin")?;
    if !is_token(name.as_bytes()) {
        return Err(node.place.error("the name of a header has letters, digits and hyphens, such as x-team"));
    }
    let lowered = name.to_ascii_lowercase();
    let never = NEVER_REQUIRED.iter().find(|(names, _)| names.contains(&lowered.as_str())).map(|(_, why)| *why);
    match never.or_else(|| lowered.starts_with("proxy-").then_some("this field is between a client and its proxy")) {
        Some(why) => Err(node.place.error(format!("this header cannot be required: {why}"))),
        None => Ok(name.into()),
    }
}
