//! The query of the calls that list: which page, and which tokens. What audit events have beside is in `events`.
//!
//! Parameters that it does not know are ignored, since things between client and proxy add their own. One that it knows
//! is never guessed at: a value it cannot read, or two values, are errors. No value is repeated in an error.

use super::command::{Page, TokenFilter};
use super::invalid::Invalid;
use super::token::ID_RULE;
use crate::ids::ProjectId;

/// The last page that can be asked for. Far behind any list, and its offset fits into every database's integer.
pub(super) const MAX_PAGE: u64 = u32::MAX as u64;
/// The most items a page can have. Without any paging parameter the whole list is given.
const MAX_PAGE_SIZE: u64 = 1000;
/// Items of a page where only `page` is given; the same as for audit events.
pub(super) const DEFAULT_PAGE_SIZE: u64 = 20;

/// Reads `page` (from 1) and `page_size` or `limit`. With neither, the page is the whole list; with a size alone it is
/// the first page.
pub(super) fn page(query: Option<&str>) -> Result<Page, Invalid> {
    let page = number(query, "page", MAX_PAGE)?;
    let size = one_of(
        ("page_size", number(query, "page_size", MAX_PAGE_SIZE)?),
        ("limit", number(query, "limit", MAX_PAGE_SIZE)?),
    )?;
    if page.is_none() && size.is_none() {
        return Ok(Page::default());
    }
    let size = size.unwrap_or(DEFAULT_PAGE_SIZE);
    Ok(Page { offset: (page.unwrap_or(1) - 1) * size, limit: Some(size) })
}

/// Reads `project_id` (or `projectId`) and `active_only`.
pub(super) fn token_filter(query: Option<&str>) -> Result<TokenFilter, Invalid> {
    let project_id = one_of(("project_id", id(query, "project_id")?), ("projectId", id(query, "projectId")?))?;
    let active_only = match value(query, "active_only")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Invalid::BadText { field: "active_only", rule: "true or false" }),
    };
    Ok(TokenFilter { project_id, active_only })
}

pub(super) fn one_of<T>(
    first: (&'static str, Option<T>),
    second: (&'static str, Option<T>),
) -> Result<Option<T>, Invalid> {
    match (first.1, second.1) {
        (Some(_), Some(_)) => Err(Invalid::BothNames(first.0, second.0)),
        (value, None) | (None, value) => Ok(value),
    }
}

fn id(query: Option<&str>, name: &'static str) -> Result<Option<ProjectId>, Invalid> {
    parsed(query, name, ID_RULE, ProjectId::parse)
}

/// A parameter that `parse` reads; `rule` says what it takes.
pub(super) fn parsed<T>(
    query: Option<&str>,
    name: &'static str,
    rule: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Invalid> {
    let Some(text) = value(query, name)? else { return Ok(None) };
    parse(&text).map(Some).ok_or(Invalid::BadText { field: name, rule })
}

pub(super) fn number(query: Option<&str>, name: &'static str, max: u64) -> Result<Option<u64>, Invalid> {
    let Some(text) = value(query, name)? else { return Ok(None) };
    // Rust would read `+5` too.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| plain && (1..=max).contains(number));
    number.map(Some).ok_or(Invalid::OutOfRange { field: name, min: 1, max })
}

/// The one value of a parameter, with `+` and percent-encoding undone.
pub(super) fn value(query: Option<&str>, name: &'static str) -> Result<Option<String>, Invalid> {
    let mut values = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(key, _)| key == name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Invalid::RepeatedField(name));
    }
    Ok(first.map(|(_, value)| value.into_owned()))
}
