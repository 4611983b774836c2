//! The audit event of each call: who and what it was about, how it went, and no secret in it.

use std::net::IpAddr;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::audit::{Actor, Chain, Event, Outcome, RequestFacts, Shown};
use crate::auth::TokenString;
use crate::ids::ChainId;
use crate::time::Timestamp;

fn facts(command: &Command) -> CallFacts {
    let request = RequestFacts {
        request_id: Shown::of("r"),
        correlation_id: Shown::of("c"),
        client_ip: IpAddr::from([192, 0, 2, 7]),
        method: Shown::of("GET"),
        path: Shown::of("/manage/x"),
        user_agent: None,
    };
    CallFacts::of(command, Timestamp::from_micros(7_000_000), Actor::ManagementApi, Box::new(request))
}

fn event(command: &Command, result: &Result<Reply, CommandError>) -> Event {
    let draft = facts(command).draft(result);
    Chain::new(ChainId::from_uuid(Uuid::from_u128(7))).seal(draft, &[0; 10])
}

fn metadata(command: &Command, reply: Reply) -> Value {
    event(command, &Ok(reply)).metadata.map_or(Value::Null, Value::Object)
}

fn project(api_key: KeyView) -> Project {
    let at = Timestamp::from_micros(0);
    Project {
        id: project_id(),
        name: "a".to_owned(),
        provider: "openai".to_owned(),
        api_key,
        is_active: true,
        deactivated_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn token() -> Token {
    let at = Timestamp::from_micros(0);
    Token {
        id: token_id(),
        token: "sk-AAAA...AAAA".to_owned(),
        project_id: project_id(),
        expires_at: at,
        is_active: true,
        request_count: 0,
        leased_count: 0,
        max_requests: None,
        requests_per_minute: None,
        created_at: at,
        last_used_at: None,
        cache_hit_count: 0,
    }
}

#[test]
fn an_event_says_what_was_done_by_whom_and_when() {
    let event = event(&Command::DeleteProject(project_id()), &Ok(Reply::Gone));
    assert_eq!(
        (&*event.action, &*event.actor, &*event.outcome, event.reason, event.project_id, event.timestamp),
        ("project.delete", "management_api", "success", None, Some(project_id()), Timestamp::from_micros(7_000_000))
    );
    assert_eq!((event.path.as_deref(), event.client_ip), (Some("/manage/x"), Some(IpAddr::from([192, 0, 2, 7]))));
}

#[test]
fn how_it_went_follows_the_answer() {
    for (error, outcome, reason) in [
        (CommandError::NotFound(Subject::Project), Outcome::Failure, "not_found"),
        (CommandError::ProjectNameTaken, Outcome::Failure, "project_name_taken"),
        (CommandError::CacheDisabled, Outcome::Failure, "cache_disabled"),
        (CommandError::ProjectInactive, Outcome::Denied, "project_inactive"),
        (CommandError::StoreUnavailable, Outcome::Error, "store_unavailable"),
        (CommandError::AuditUnavailable, Outcome::Error, "audit_unavailable"),
    ] {
        let event = event(&Command::GetProject(project_id()), &Err(error));
        assert_eq!((&*event.outcome, event.reason.as_deref()), (outcome.as_str(), Some(reason)));
        assert_eq!(event.project_id, Some(project_id()), "{error}");
    }
}

#[test]
fn what_was_made_is_named() {
    let made = event(&new_project("a", "k", "openai"), &Ok(Reply::ProjectCreated(project(KeyView::Unreadable))));
    assert_eq!((made.project_id, made.token_id), (Some(project_id()), None));
    let reply = Reply::TokenCreated(token(), TokenString::from_random(&[0; 16]));
    let made = event(&new_token(60, Some(3), None), &Ok(reply));
    assert_eq!((made.project_id, made.token_id), (Some(project_id()), Some(token_id())));
    assert_eq!(made.metadata.map(Value::Object), Some(json!({"duration_minutes": 60, "max_requests": 3})));
}

#[test]
fn the_project_of_a_token_is_named_once_it_is_known() {
    let read = event(&Command::GetToken(token_id()), &Ok(Reply::Token(token())));
    assert_eq!((read.project_id, read.token_id), (Some(project_id()), Some(token_id())));
    let failed = event(&Command::GetToken(token_id()), &Err(CommandError::NotFound(Subject::Token)));
    assert_eq!((failed.project_id, failed.token_id), (None, Some(token_id())));
}

#[test]
fn a_change_names_its_fields() {
    let change = ProjectChange {
        name: Some("b".to_owned()),
        api_key: Some(Secret::new("sk-hidden-key".to_owned())),
        provider: None,
        is_active: Some(false),
        revoke_tokens: true,
    };
    assert_eq!(
        metadata(
            &Command::UpdateProject(project_id(), change),
            Reply::Project(project(KeyView::Masked("k".to_owned())))
        ),
        json!({"fields": ["name", "api_key", "is_active", "revoke_tokens"], "is_active": false})
    );
    let change = TokenChange { is_active: None, max_requests: Some(None), requests_per_minute: Some(Some(5)) };
    assert_eq!(
        metadata(&Command::UpdateToken(token_id(), change), Reply::Token(token())),
        json!({"fields": ["max_requests", "requests_per_minute"], "requests_per_minute": 5})
    );
}

#[test]
fn lists_name_their_filters_and_their_length() {
    let filter = TokenFilter { project_id: Some(project_id()), active_only: true };
    let command = Command::ListTokens(filter, Page::default());
    assert_eq!(event(&command, &Ok(Reply::Tokens(Vec::new(), 9))).project_id, Some(project_id()));
    assert_eq!(
        metadata(&command, Reply::Tokens(Vec::new(), 9)),
        json!({"filters": ["project_id", "active_only"], "total_count": 9})
    );
    let filter = EventFilter { search: Some("hidden".to_owned()), ..EventFilter::default() };
    assert_eq!(
        metadata(
            &Command::ListEvents(Box::new(filter), EventPage::default()),
            Reply::Events(Vec::new(), 0, EventPage::default())
        ),
        json!({"filters": ["search"], "total_count": 0})
    );
    assert_eq!(
        metadata(&Command::ListProjects(Page::default()), Reply::Projects(Vec::new(), 0)),
        json!({"total_count": 0})
    );
}

#[test]
fn projects_whose_key_cannot_be_opened_are_named() {
    let projects = vec![project(KeyView::Masked("k".to_owned())), project(KeyView::Unreadable)];
    assert_eq!(
        metadata(&Command::ListProjects(Page::default()), Reply::Projects(projects, 2)),
        json!({"total_count": 2, "unreadable_projects": [ID], "unreadable_count": 1})
    );
    let many = vec![project(KeyView::Unreadable); 21];
    let named = metadata(&Command::ListProjects(Page::default()), Reply::Projects(many, 21));
    assert_eq!((named["unreadable_projects"].as_array().unwrap().len(), &named["unreadable_count"]), (20, &json!(21)));
}

#[test]
fn a_bulk_revocation_says_how_many() {
    let counts = RevokedCounts { revoked_count: 2, already_revoked_count: 3, total_tokens: 5 };
    assert_eq!(
        metadata(&Command::RevokeProjectTokens(project_id()), Reply::Revoked(counts)),
        json!({"revoked_count": 2, "already_revoked_count": 3, "total_tokens": 5})
    );
}

#[test]
fn a_purge_names_the_path_without_its_query() {
    let what = PurgeWhat::Url { method: Method::GET, url: "/v1/models?key=hidden".to_owned() };
    let purge = Command::PurgeCache(Purge { what, project_id: Some(project_id()) });
    let event = event(&purge, &Err(CommandError::CacheDisabled));
    assert_eq!(event.project_id, Some(project_id()));
    assert_eq!(event.metadata.map(Value::Object), Some(json!({"by": "url", "path": "/v1/models"})));
}

#[test]
fn no_event_holds_a_key_or_a_tokens_string() {
    let string = TokenString::from_random(&[7; 16]);
    let key = "sk-hidden-key";
    let change = ProjectChange { api_key: Some(Secret::new(key.to_owned())), ..ProjectChange::default() };
    for (command, reply) in [
        (
            new_project("a", key, "openai"),
            Reply::ProjectCreated(project(KeyView::Masked("sk-hidde...-key".to_owned()))),
        ),
        (Command::UpdateProject(project_id(), change), Reply::Gone),
        (new_token(60, None, None), Reply::TokenCreated(token(), string.clone())),
    ] {
        let printed = format!("{:?} {:?}", facts(&command), event(&command, &Ok(reply)));
        assert!(!printed.contains("hidde") && !printed.contains(string.reveal()), "{printed}");
    }
}
