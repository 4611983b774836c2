//! The laws of decoding, over generated calls.

use http::Method;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::tests::{event_id, project_id, providers, token_id};
use super::*;
use crate::reject::Refusal;
use crate::routing::ManageRoute;

fn routes() -> impl Strategy<Value = ManageRoute> {
    prop_oneof![
        Just(ManageRoute::Projects),
        Just(ManageRoute::Project(Some(project_id()))),
        Just(ManageRoute::Project(None)),
        Just(ManageRoute::RevokeTokens(Some(project_id()))),
        Just(ManageRoute::Tokens),
        Just(ManageRoute::Token(Some(token_id()))),
        Just(ManageRoute::Events),
        Just(ManageRoute::Event(Some(event_id()))),
        Just(ManageRoute::PurgeCache),
        Just(ManageRoute::Unknown),
    ]
}

fn methods() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
}

const FIELDS: [&str; 9] = [
    "name",
    "api_key",
    "openai_api_key",
    "provider",
    "is_active",
    "revoke_tokens",
    "project_id",
    "duration_minutes",
    "max_requests",
];

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("openai")),
        Just(json!(project_id())),
        Just(json!([{ "deep": [] }])),
    ]
}

/// Objects that are nearly right, so that generated calls come past the first check.
fn objects() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((prop::sample::select(FIELDS.to_vec()), values()), 0..5).prop_map(|fields| {
        let object: Map<_, _> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        serde_json::to_vec(&object).unwrap()
    })
}

/// An object with bytes put in or cut off, or no object at all.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let broken = (objects(), any::<prop::sample::Index>(), any::<Vec<u8>>()).prop_map(|(mut body, at, more)| {
        body.truncate(at.index(body.len() + 1));
        body.extend(more);
        body
    });
    prop_oneof![objects(), broken, any::<Vec<u8>>()]
}

fn queries() -> impl Strategy<Value = Option<String>> {
    let parameters = r"((page|page_size|limit|project_id|projectId|active_only)=[0-9a-f%+-]{0,6}&?){0,3}";
    prop_oneof![Just(None), any::<String>().prop_map(Some), parameters.prop_map(Some)]
}

/// A key as providers make them: long, and with nothing of our own words in it.
fn keys() -> impl Strategy<Value = String> {
    "(sk-|AIza|)[A-Za-z0-9]{25,80}"
}

/// Bodies with the key in every place where a person or a script might put it.
fn misplaced(key: &str) -> Vec<String> {
    let mut bodies: Vec<String> = FIELDS.iter().map(|field| json!({ *field: key }).to_string()).collect();
    bodies.extend(FIELDS.iter().map(|field| json!({ "name": "a", "api_key": key, *field: [key] }).to_string()));
    bodies.extend([
        key.to_owned(),
        json!(key).to_string(),
        json!([key]).to_string(),
        json!({ key: key }).to_string(),
        json!({ "name": "a", "api_key": { key: key } }).to_string(),
        json!({ "name": "a", "api_key": format!("{key}...") }).to_string(),
        json!({ "name": "a", "api_key": format!("{key} ") }).to_string(),
        json!({ "name": "a", "api_key": key, "openai_api_key": key }).to_string(),
        json!({ "name": "a", "api_key": key, "provider": key }).to_string(),
        json!({ "project_id": key, "duration_minutes": key }).to_string(),
        format!(r#"{{"api_key":"{key}","api_key":"{key}"}}"#),
        format!(r#"{{"api_key":"{key}"#),
        format!(r#"{{"api_key":{key}}}"#),
        format!(r#"{{"api_key":"{key}"}}{key}"#),
        format!(r#"{{"api_key":"\{key}"}}"#),
        format!(r#"{{{key}:1}}"#),
        format!("api_key={key}"),
    ]);
    bodies
}

proptest! {
    #[test]
    fn any_bytes_are_a_command_or_a_refusal(
        route in routes(), method in methods(), query in queries(), body in bodies()
    ) {
        let call = Call { route, method: &method, query: query.as_deref(), body: &body };
        match decode(&call, &providers()) {
            Ok(command) => prop_assert_eq!(command.action(), action_of(route, &method)),
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }

    #[test]
    fn an_accepted_project_keeps_its_values(
        name in any::<String>(), key in "[!-~]{1,40}", provider in prop::option::of("anthropic|openai|other")
    ) {
        let mut body = json!({ "name": name, "api_key": key });
        if let Some(provider) = &provider {
            body["provider"] = json!(provider);
        }
        let body = body.to_string();
        let call = Call { route: ManageRoute::Projects, method: &Method::POST, query: None, body: body.as_bytes() };
        if let Ok(command) = decode(&call, &providers()) {
            let Command::CreateProject(made) = command else { return Err(TestCaseError::fail("another command")) };
            prop_assert_eq!(made.name, name);
            prop_assert_eq!(made.api_key.reveal(), key);
            prop_assert_eq!(made.provider, provider.unwrap_or_else(|| "openai".to_owned()));
        }
    }

    #[test]
    fn a_visible_name_and_key_are_accepted(name in r"[a-zA-Z0-9äöü._-]{1,255}", key in "[A-Za-z0-9_-]{1,200}") {
        prop_assume!(key != "unreadable");
        let body = json!({ "name": name, "api_key": key }).to_string();
        let call = Call { route: ManageRoute::Projects, method: &Method::POST, query: None, body: body.as_bytes() };
        prop_assert!(decode(&call, &providers()).is_ok());
    }

    #[test]
    fn a_token_is_accepted_exactly_within_the_limits(
        minutes in prop_oneof![0_i64..3, 525_599_i64..525_602, any::<i64>()],
        max_requests in prop::option::of(prop_oneof![-1_i64..3, any::<i64>()]),
    ) {
        let body = json!({
            "project_id": project_id(), "duration_minutes": minutes, "max_requests": max_requests,
        }).to_string();
        let call = Call { route: ManageRoute::Tokens, method: &Method::POST, query: None, body: body.as_bytes() };
        let valid = (1..=525_600).contains(&minutes) && max_requests.is_none_or(|max| (0..1 << 53).contains(&max));
        match decode(&call, &providers()) {
            Ok(Command::CreateToken(made)) => {
                prop_assert!(valid);
                prop_assert_eq!(made.lifetime.as_secs(), minutes.unsigned_abs() * 60);
                prop_assert_eq!(made.max_requests, max_requests.map(i64::unsigned_abs).filter(|max| *max > 0));
            }
            other => prop_assert!(!valid, "{:?}", other),
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap(page in 1_u64..=u64::from(u32::MAX), size in 1_u64..=1000) {
        let listed = |page: u64| {
            let query = format!("page={page}&page_size={size}");
            let call = Call { route: ManageRoute::Projects, method: &Method::GET, query: Some(&query), body: b"" };
            decode(&call, &providers())
        };
        let Ok(Command::ListProjects(this)) = listed(page) else { return Err(TestCaseError::fail("refused")) };
        prop_assert_eq!(this.limit, Some(size));
        match listed(page + 1) {
            Ok(Command::ListProjects(next)) => prop_assert_eq!(this.offset + size, next.offset),
            other => prop_assert!(page == u64::from(u32::MAX), "{:?}", other),
        }
    }

    #[test]
    fn a_refusal_never_repeats_the_key(key in keys(), route in routes(), method in methods()) {
        for body in misplaced(&key) {
            let call = Call { route, method: &method, query: None, body: body.as_bytes() };
            if let Err(refusal) = decode(&call, &providers()) {
                let said = format!("{refusal} {refusal:?}");
                prop_assert!(!said.contains(&key), "{}", said);
            }
        }
    }

    #[test]
    fn a_refusal_never_repeats_a_key_in_the_query(key in keys(), parameter in "page|limit|project_id|active_only") {
        for query in [format!("{parameter}={key}"), format!("{parameter}={key}&{parameter}={key}")] {
            let call = Call { route: ManageRoute::Tokens, method: &Method::GET, query: Some(&query), body: b"" };
            let Err(Refusal::BadRequest(said)) = decode(&call, &providers()) else {
                return Err(TestCaseError::fail("accepted"));
            };
            prop_assert!(!said.contains(&key), "{}", said);
        }
    }
}
