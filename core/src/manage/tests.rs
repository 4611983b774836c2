//! Calls and the commands or refusals that they are: literal requests, literal sentences. Here the fixtures, and which
//! route and method is which command; each kind of input has a file below.

mod answers;
mod audited;
mod bodies;
mod events;
mod projects;
mod purge;
mod queries;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::*;
use crate::audit::Action;
use crate::ids::{EventId, ProjectId, TokenId};
use crate::proxy::{Breaker, BreakerLimits};
use crate::reject::{Dialect, Refusal};
use crate::routing::ManageRoute;
use crate::secret::Secret;
use crate::settings::{BaseUrl, ConnectionLimits, KeyPlacement, Provider, Providers, Scheme, Timeouts};

const ID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

pub(super) fn project_id() -> ProjectId {
    ProjectId::parse(ID).unwrap()
}

pub(super) fn token_id() -> TokenId {
    TokenId::parse(ID).unwrap()
}

pub(super) fn event_id() -> EventId {
    EventId::parse(ID).unwrap()
}

/// Two providers, `openai` being the default.
pub(super) fn providers() -> Providers {
    let by_name = ["anthropic", "openai"].map(|name| (Arc::from(name), Arc::new(provider(name))));
    Providers { default: Arc::from("openai"), by_name: BTreeMap::from(by_name) }
}

fn provider(name: &str) -> Provider {
    let second = Duration::from_secs(1);
    Provider {
        name: Arc::from(name),
        base: Arc::new(BaseUrl {
            scheme: Scheme::Https,
            host: "upstream.example".to_owned(),
            port: 443,
            authority: "upstream.example".to_owned(),
            path_prefix: String::new(),
        }),
        dialect: Dialect::OpenAi,
        auth: KeyPlacement::Bearer,
        endpoints: Vec::new(),
        methods: Vec::new(),
        max_request_size: Vec::new(),
        max_request_default: 1,
        inspection: crate::inspect::Policy::default(),
        timeouts: Timeouts {
            request: second,
            response_header: second,
            stream_idle: second,
            idle_connection: second,
            connect: second,
        },
        connection: ConnectionLimits { max_idle: 1, max_idle_per_host: 1 },
        allowed_origins: None,
        required_headers: Vec::new(),
        breaker: Arc::new(Breaker::new(BreakerLimits::default())),
    }
}

fn call(method: &Method, route: ManageRoute, query: &str, body: &[u8]) -> Result<Command, Refusal> {
    let query = (!query.is_empty()).then_some(query);
    decode(&Call { route, method, query, body }, &providers())
}

fn sent(method: &Method, route: ManageRoute, body: &str) -> Result<Command, Refusal> {
    call(method, route, "", body.as_bytes())
}

fn listed(route: ManageRoute, query: &str) -> Result<Command, Refusal> {
    call(&Method::GET, route, query, b"")
}

/// Commands have no `==`, since keys have none. Their `Debug` shows everything but keys, which have tests of their own.
fn assert_is(got: Result<Command, Refusal>, want: &Command, case: &str) {
    match got {
        Ok(got) => assert_eq!(format!("{got:?}"), format!("{want:?}"), "{case}"),
        Err(refusal) => panic!("{case}: {refusal}"),
    }
}

fn assert_bad(got: Result<Command, Refusal>, want: &str, case: &str) {
    match got {
        Ok(command) => panic!("{case}: {command:?}"),
        Err(refusal) => assert_eq!(refusal, Refusal::BadRequest(want.to_owned()), "{case}"),
    }
}

fn new_project(name: &str, key: &str, provider: &str) -> Command {
    Command::CreateProject(NewProject {
        name: name.to_owned(),
        api_key: Secret::new(key.to_owned()),
        provider: provider.to_owned(),
    })
}

fn new_token(minutes: u64, max_requests: Option<u64>, requests_per_minute: Option<u64>) -> Command {
    let lifetime = Duration::from_secs(minutes * 60);
    Command::CreateToken(NewToken { project_id: project_id(), lifetime, max_requests, requests_per_minute })
}

/// One call that is accepted for each route and method, with the command it is and the action that audit calls it.
fn accepted() -> Vec<(Method, ManageRoute, &'static str, Command, &'static str)> {
    let (project, token) = (ManageRoute::Project(Some(project_id())), ManageRoute::Token(Some(token_id())));
    let rename =
        || Command::UpdateProject(project_id(), ProjectChange { name: Some("b".to_owned()), ..Default::default() });
    let switch_off = || Command::UpdateToken(token_id(), TokenChange { is_active: Some(false), ..Default::default() });
    let event = ManageRoute::Event(Some(event_id()));
    let events = || Command::ListEvents(Box::default(), EventPage::default());
    let purge = || Command::PurgeCache(Purge { what: PurgeWhat::Prefix("/v1/models".to_owned()), project_id: None });
    let tokens = || Command::ListTokens(TokenFilter::default(), Page::default());
    let token_body = r#"{"project_id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","duration_minutes":60}"#;
    vec![
        (Method::GET, ManageRoute::Projects, "", Command::ListProjects(Page::default()), "project.list"),
        (Method::HEAD, ManageRoute::Projects, "", Command::ListProjects(Page::default()), "project.list"),
        (
            Method::POST,
            ManageRoute::Projects,
            r#"{"name":"a","api_key":"k"}"#,
            new_project("a", "k", "openai"),
            "project.create",
        ),
        (Method::GET, project, "", Command::GetProject(project_id()), "project.read"),
        (Method::HEAD, project, "", Command::GetProject(project_id()), "project.read"),
        (Method::PUT, project, r#"{"name":"b"}"#, rename(), "project.update"),
        (Method::PATCH, project, r#"{"name":"b"}"#, rename(), "project.update"),
        (Method::DELETE, project, "", Command::DeleteProject(project_id()), "project.delete"),
        (
            Method::POST,
            ManageRoute::RevokeTokens(Some(project_id())),
            "",
            Command::RevokeProjectTokens(project_id()),
            "token.revoke_batch",
        ),
        (Method::GET, ManageRoute::Tokens, "", tokens(), "token.list"),
        (Method::HEAD, ManageRoute::Tokens, "", tokens(), "token.list"),
        (Method::POST, ManageRoute::Tokens, token_body, new_token(60, None, None), "token.create"),
        (Method::GET, token, "", Command::GetToken(token_id()), "token.read"),
        (Method::HEAD, token, "", Command::GetToken(token_id()), "token.read"),
        (Method::PUT, token, r#"{"is_active":false}"#, switch_off(), "token.update"),
        (Method::PATCH, token, r#"{"is_active":false}"#, switch_off(), "token.update"),
        (Method::DELETE, token, "", Command::RevokeToken(token_id()), "token.revoke"),
        (Method::GET, ManageRoute::Events, "", events(), "audit.list"),
        (Method::HEAD, ManageRoute::Events, "", events(), "audit.list"),
        (Method::GET, event, "", Command::GetEvent(event_id()), "audit.show"),
        (Method::HEAD, event, "", Command::GetEvent(event_id()), "audit.show"),
        (Method::POST, ManageRoute::PurgeCache, r#"{"prefix":"/v1/models"}"#, purge(), "cache.purge"),
    ]
}

#[test]
fn every_route_and_method_is_its_command_with_its_action() {
    for (method, route, body, want, action) in accepted() {
        let case = format!("{method} {route:?}");
        assert_eq!((want.action().as_str(), action_of(route, &method)), (action, want.action()), "{case}");
        assert_is(sent(&method, route, body), &want, &case);
    }
}

#[test]
fn a_call_that_is_no_command_has_the_action_of_an_unknown_page() {
    for (method, route) in [
        (Method::PATCH, ManageRoute::Tokens),
        (Method::DELETE, ManageRoute::Event(None)),
        (Method::GET, ManageRoute::Unknown),
        (Method::GET, ManageRoute::PurgeCache),
    ] {
        assert_eq!(action_of(route, &method), Action::AdminAccess, "{method} {route:?}");
    }
}

#[test]
fn a_route_has_the_methods_that_it_says_and_no_other() {
    let accepted = accepted();
    let tried = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .into_iter()
        .chain([Method::OPTIONS, Method::TRACE, Method::CONNECT, Method::from_bytes(b"get").unwrap()]);
    for method in tried {
        for &(_, route, ..) in &accepted {
            let has = accepted.iter().any(|(other, at, ..)| (other, *at) == (&method, route));
            assert_eq!(route.methods().contains(&method), has, "{method} {route:?}");
            let refused = sent(&method, route, "").err() == Some(Refusal::MethodNotAllowed(route.methods().to_vec()));
            assert_eq!(refused, !has, "{method} {route:?}");
        }
    }
}

#[test]
fn an_unknown_path_is_not_found_with_any_method() {
    for method in [Method::GET, Method::POST, Method::TRACE] {
        let refusal = sent(&method, ManageRoute::Unknown, "{").unwrap_err();
        assert_eq!(refusal, Refusal::NotFound("there is nothing at this path"), "{method}");
    }
}

#[test]
fn an_id_that_is_none_reads_like_one_that_does_not_exist() {
    for (method, route, error) in [
        (Method::GET, ManageRoute::Project(None), CommandError::NotFound(Subject::Project)),
        (Method::PUT, ManageRoute::Project(None), CommandError::NotFound(Subject::Project)),
        (Method::DELETE, ManageRoute::Project(None), CommandError::NotFound(Subject::Project)),
        (Method::POST, ManageRoute::RevokeTokens(None), CommandError::NotFound(Subject::Project)),
        (Method::GET, ManageRoute::Token(None), CommandError::NotFound(Subject::Token)),
        (Method::PATCH, ManageRoute::Token(None), CommandError::NotFound(Subject::Token)),
        (Method::DELETE, ManageRoute::Token(None), CommandError::NotFound(Subject::Token)),
        (Method::GET, ManageRoute::Event(None), CommandError::NotFound(Subject::Event)),
    ] {
        // A broken body comes after the id.
        assert_eq!(sent(&method, route, "{").unwrap_err(), Refusal::from(error), "{method} {route:?}");
    }
}

#[test]
fn a_method_comes_before_the_id_and_the_id_before_the_body() {
    let refusal = sent(&Method::POST, ManageRoute::Project(None), "{").unwrap_err();
    assert!(matches!(refusal, Refusal::MethodNotAllowed(_)), "{refusal}");
}

#[test]
fn a_call_prints_nothing_of_its_content() {
    let call = Call {
        route: ManageRoute::Projects,
        method: &Method::POST,
        query: Some("sk-secret"),
        body: br#"{"api_key":"sk-secret"}"#,
    };
    assert_eq!(format!("{call:?}"), "Call { route: Projects, method: POST, body_bytes: 23, .. }");
}
