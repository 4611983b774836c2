//! How records are made and changed, shared by all stores so that they cannot differ. Pure: no storage, no checks of
//! names or existence, and no key but for its mask.

use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, NewProject, NewToken, Project, ProjectChange, Token, TokenChange};
use llm_proxy_core::time::Timestamp;

/// The record of a new project: active from the start.
pub(crate) fn new_project(id: ProjectId, new: &NewProject, at: Timestamp) -> Project {
    Project {
        id,
        name: new.name.clone(),
        provider: new.provider.clone(),
        api_key: KeyView::Masked(new.api_key.masked()),
        is_active: true,
        deactivated_at: None,
        created_at: at,
        updated_at: at,
    }
}

/// Applies what is there of `change`. A project that is already inactive keeps the time since when it is.
pub(crate) fn change_project(project: &mut Project, change: &ProjectChange, at: Timestamp) {
    if let Some(name) = &change.name {
        project.name.clone_from(name);
    }
    if let Some(provider) = &change.provider {
        project.provider.clone_from(provider);
    }
    if let Some(key) = &change.api_key {
        project.api_key = KeyView::Masked(key.masked());
    }
    if let Some(active) = change.is_active {
        project.deactivated_at = if active { None } else { project.deactivated_at.or(Some(at)) };
        project.is_active = active;
    }
    project.updated_at = at;
}

/// The record of a new token: active, unused.
pub(crate) fn new_token(id: TokenId, mask: String, new: &NewToken, at: Timestamp) -> Token {
    Token {
        id,
        token: mask,
        project_id: new.project_id,
        expires_at: at.plus(new.lifetime),
        is_active: true,
        request_count: 0,
        leased_count: 0,
        max_requests: new.max_requests,
        requests_per_minute: new.requests_per_minute,
        created_at: at,
        last_used_at: None,
        cache_hit_count: 0,
    }
}

/// Applies what is there of `change`; counters stay.
pub(crate) fn change_token(token: &mut Token, change: &TokenChange) {
    if let Some(active) = change.is_active {
        token.is_active = active;
    }
    if let Some(limit) = change.max_requests {
        token.max_requests = limit;
    }
    if let Some(limit) = change.requests_per_minute {
        token.requests_per_minute = limit;
    }
}
