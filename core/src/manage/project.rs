//! The bodies of the calls that make and change a project.
//!
//! It decides which names, keys and providers are acceptable. It never says whether a name is taken: the store knows.

use super::body::Object;
use super::command::{NewProject, ProjectChange};
use super::invalid::Invalid;
use crate::secret::Secret;
use crate::settings::Providers;

const CREATE: &[&str] = &["name", "api_key", "openai_api_key", "provider"];
const UPDATE: &[&str] = &["name", "api_key", "openai_api_key", "provider", "is_active", "revoke_tokens"];

const NAME_RULE: &str = "1 to 255 characters, not all of them spaces, without control characters";
const KEY_RULE: &str = "visible ASCII characters without spaces, at least one: it becomes a header's value";

/// Reads the body of a creation.
pub(super) fn create(body: &[u8], providers: &Providers) -> Result<NewProject, Invalid> {
    let mut object = Object::parse(body, CREATE)?;
    let name = name(&mut object)?.ok_or(Invalid::MissingField("name"))?;
    let api_key = api_key(&mut object)?.ok_or(Invalid::MissingField("api_key"))?;
    let provider = provider(&mut object, providers)?.unwrap_or_else(|| providers.default.to_string());
    Ok(NewProject { name, api_key, provider })
}

/// Reads the body of a change: any field may be absent, not all of them.
pub(super) fn update(body: &[u8], providers: &Providers) -> Result<ProjectChange, Invalid> {
    let mut object = Object::parse(body, UPDATE)?;
    if object.is_empty() {
        return Err(Invalid::NothingToChange(UPDATE));
    }
    let change = ProjectChange {
        name: name(&mut object)?,
        api_key: api_key(&mut object)?,
        provider: provider(&mut object, providers)?,
        is_active: object.flag("is_active")?,
        revoke_tokens: false,
    };
    // `false` without a deactivation is refused as well: on its own it would be a change that changes nothing.
    match object.flag("revoke_tokens")? {
        Some(_) if change.is_active != Some(false) => Err(Invalid::RevokeWithoutDeactivation),
        revoke => Ok(ProjectChange { revoke_tokens: revoke.unwrap_or(false), ..change }),
    }
}

/// A name is kept exactly as it was sent, since names are compared exactly.
fn name(object: &mut Object) -> Result<Option<String>, Invalid> {
    let Some(name) = object.text("name")? else { return Ok(None) };
    let right_length = (1..=255).contains(&name.chars().count());
    if !right_length || name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Invalid::BadText { field: "name", rule: NAME_RULE });
    }
    Ok(Some(name))
}

fn api_key(object: &mut Object) -> Result<Option<Secret>, Invalid> {
    let (field, key) = match (object.text("api_key")?, object.text("openai_api_key")?) {
        (None, None) => return Ok(None),
        (Some(key), None) => ("api_key", key),
        (None, Some(key)) => ("openai_api_key", key),
        (Some(_), Some(_)) => return Err(Invalid::BothNames("api_key", "openai_api_key")),
    };
    if looks_masked(&key) {
        return Err(Invalid::MaskedKey(field));
    }
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::BadText { field, rule: KEY_RULE });
    }
    Ok(Some(Secret::new(key)))
}

/// Whether a key is what a read shows instead of one: a client that sends back what it read must not overwrite the key.
fn looks_masked(key: &str) -> bool {
    key.contains("...") || key.contains("****") || key == super::records::UNREADABLE
}

fn provider(object: &mut Object, providers: &Providers) -> Result<Option<String>, Invalid> {
    match object.text("provider")? {
        Some(name) if !providers.by_name.contains_key(name.as_str()) => {
            Err(Invalid::UnknownProvider(providers.by_name.keys().map(ToString::to_string).collect()))
        }
        name => Ok(name),
    }
}
