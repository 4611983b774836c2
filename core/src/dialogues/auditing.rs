//! Audit events: each management call and each denied request leaves exactly one, and nothing else leaves any.

use std::time::Duration;

use crate::audit::{Action, Actor, Draft, Outcome};
use crate::auth::Grant;
use crate::connection::Next;
use crate::manage::{CommandError, Reply, Subject};
use crate::quota::Concurrency;
use crate::reject::UpstreamFault;
use crate::settings::Networks;
use crate::testing::{MANAGEMENT_TOKEN, Pair, TOKEN, get, grant, ok, post, request, rules};

const ID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const CREATE: &str = r#"{"name":"a","api_key":"sk-real-key-0123456789"}"#;

/// A management call.
fn call(line: &str, fields: &str, content: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{fields}\r\n{content}")
}

fn sized(line: &str, content: &str) -> String {
    call(line, &format!("Content-Length: {}\r\n", content.len()), content)
}

/// The one event that the pair left, and whether somebody waited for it.
fn only_event(pair: &Pair) -> (&Draft, bool) {
    match (&pair.store.events[..], &pair.noted[..]) {
        ([event], []) => (event, true),
        ([], [event]) => (event, false),
        other => panic!("not one event: {other:?}"),
    }
}

type Said = (Action, Actor, Outcome, Option<&'static str>);

fn said(event: &Draft) -> Said {
    (event.action, event.actor, event.outcome, event.reason)
}

fn failed(action: Action, reason: &'static str) -> Said {
    (action, Actor::ManagementApi, Outcome::Failure, Some(reason))
}

#[test]
fn a_call_that_is_refused_leaves_one_event_that_its_answer_waits_for() {
    let unknown = r#"{"name":"a","api_key":"k","extra":1}"#;
    for (bytes, status, want) in [
        (sized("POST /manage/projects", "{"), 400, failed(Action::ProjectCreate, "bad_request")),
        (sized("POST /manage/projects", unknown), 400, failed(Action::ProjectCreate, "bad_request")),
        (sized("PUT /manage/projects/x", "{}"), 404, failed(Action::ProjectUpdate, "not_found")),
        (call("GET /manage/tokens?page=0", "", ""), 400, failed(Action::TokenList, "bad_request")),
        (call("GET /manage/audit?outcome=x", "", ""), 400, failed(Action::AuditList, "bad_request")),
        (call("GET /manage/nothing", "", ""), 404, failed(Action::AdminAccess, "not_found")),
        (call("PATCH /manage/tokens", "", ""), 405, failed(Action::AdminAccess, "method_not_allowed")),
        (
            call("POST /manage/tokens", "Content-Length: 65537\r\n", ""),
            413,
            failed(Action::TokenCreate, "request_too_large"),
        ),
        (
            call("POST /manage/tokens", "Transfer-Encoding: chunked\r\n", "zz\r\n"),
            400,
            failed(Action::TokenCreate, "bad_request"),
        ),
    ] {
        let mut pair = Pair::default();
        pair.store_answers = false;
        pair.client(&bytes);
        assert_eq!(pair.client_heard(), "", "nothing is said before the event is durable: {bytes}");
        assert_eq!(pair.answer_store(), 1);
        assert_eq!((pair.response().status(), pair.store.asked.as_slice()), (status, &["record"][..]), "{bytes}");
        let (event, waited) = only_event(&pair);
        assert_eq!((said(event), waited), (want, true), "{bytes}");
    }
}

#[test]
fn the_event_of_a_refused_call_names_what_its_path_names() {
    let mut pair = Pair::default();
    pair.client(sized(&format!("PUT /manage/projects/{ID}"), "{}"));
    pair.client(sized(&format!("PATCH /manage/tokens/{ID}"), "{}"));
    let [project, token] = &pair.store.events[..] else { panic!("{:?}", pair.store.events) };
    assert_eq!(project.project_id.map(|id| id.to_string()).as_deref(), Some(ID));
    assert_eq!(token.token_id.map(|id| id.to_string()).as_deref(), Some(ID));
}

#[test]
fn content_that_is_too_slow_leaves_an_event() {
    let mut pair = Pair::default();
    pair.client(call("POST /manage/projects", "Content-Length: 9\r\n", "{"));
    pair.advance(Duration::from_secs(30));
    assert_eq!((pair.response().status(), pair.ended[0].outcome), (408, crate::exchange::Outcome::TimedOut));
    assert_eq!(
        (said(only_event(&pair).0), only_event(&pair).1),
        (failed(Action::ProjectCreate, "request_timeout"), true)
    );
}

#[test]
fn a_refusal_is_answered_also_where_its_event_cannot_be_written() {
    let mut pair = Pair::default();
    pair.store.is_down = true;
    pair.client(call("GET /manage/nothing", "", "") + &call("GET /manage/nothing", "", ""));
    assert_eq!(pair.responses().iter().map(crate::testing::Message::status).collect::<Vec<_>>(), [404, 404]);
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(call("GET /manage/nothing", "", ""));
    pair.advance(Duration::from_millis(4499));
    assert_eq!(pair.client_heard(), "");
    pair.advance(Duration::from_millis(1));
    assert_eq!((pair.response().status(), pair.next()), (404, Next::Continue));
}

#[test]
fn a_client_that_stopped_sending_is_still_told_why_it_is_refused() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(call("POST /manage/tokens", "Content-Length: 65537\r\n", ""));
    pair.client_ends();
    pair.answer_store();
    assert_eq!((pair.response().status(), pair.noted.len()), (413, 0));
}

#[test]
fn a_call_that_is_done_leaves_the_event_that_storage_makes() {
    for (bytes, reply, want) in [
        (
            sized("POST /manage/projects", CREATE),
            Ok(Reply::Gone),
            (Action::ProjectCreate, Actor::ManagementApi, Outcome::Success, None),
        ),
        (
            call(&format!("GET /manage/audit/{ID}"), "", ""),
            Err(CommandError::NotFound(Subject::Event)),
            failed(Action::AuditShow, "not_found"),
        ),
        (
            sized("POST /manage/cache/purge", r#"{"prefix":"/v1"}"#),
            Err(CommandError::CacheDisabled),
            failed(Action::CachePurge, "cache_disabled"),
        ),
        (
            call("GET /manage/projects", "", ""),
            Err(CommandError::StoreUnavailable),
            (Action::ProjectList, Actor::ManagementApi, Outcome::Error, Some("store_unavailable")),
        ),
    ] {
        let mut pair = Pair::default();
        pair.store.reply = reply;
        pair.client(&bytes);
        assert_eq!(said(only_event(&pair).0), want, "{bytes}");
        assert_eq!(pair.store.asked, ["manage"], "{bytes}");
    }
}

#[test]
fn a_call_that_the_store_is_too_slow_for_leaves_no_second_event() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(sized("POST /manage/projects", CREATE));
    pair.advance(Duration::from_secs(5));
    assert_eq!((pair.response().status(), pair.noted.len(), pair.answer_store()), (503, 0, 1));
    assert_eq!(only_event(&pair).0.outcome, Outcome::Success, "the change was made to its end");
}

#[test]
fn a_client_that_leaves_while_its_call_is_done_leaves_no_second_event() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    pair.client(sized("POST /manage/projects", CREATE));
    pair.client_breaks();
    assert_eq!((pair.noted.len(), pair.answer_store()), (0, 1));
    assert!(only_event(&pair).1);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_call_leaves_an_event_that_nobody_waits_for() {
    for leave in [Pair::client_breaks, Pair::client_ends] {
        let mut pair = Pair::default();
        pair.client(call(&format!("PUT /manage/projects/{ID}"), "Content-Length: 9\r\n", "{"));
        leave(&mut pair);
        let (event, waited) = only_event(&pair);
        assert_eq!((said(event), waited), (failed(Action::ProjectUpdate, "client_gone"), false));
        assert_eq!(event.project_id.map(|id| id.to_string()).as_deref(), Some(ID));
    }
}

#[test]
fn a_call_without_the_credential_leaves_an_event_that_nobody_waits_for() {
    for (line, field, action, reason) in [
        ("GET /manage/tokens", "", Action::TokenList, "missing_token"),
        ("DELETE /manage/projects/x", "Authorization: Bearer wrong\r\n", Action::ProjectDelete, "invalid_token"),
        ("GET /manage/nothing", "", Action::AdminAccess, "missing_token"),
        (
            "GET /manage/audit",
            "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
            Action::AuditList,
            "bad_request",
        ),
    ] {
        let mut pair = Pair::default();
        pair.store_answers = false;
        pair.client(format!("{line} HTTP/1.1\r\nHost: p\r\n{field}\r\n"));
        assert!(matches!(pair.response().status(), 400 | 401), "{line}");
        let (event, waited) = only_event(&pair);
        assert_eq!((said(event), waited), ((action, Actor::Anonymous, Outcome::Denied, Some(reason)), false), "{line}");
        assert!(pair.store.asked.is_empty());
    }
}

/// The event of a request that is denied.
fn denial(grant: Option<Grant>, bytes: &str) -> Draft {
    let mut pair = Pair::with(rules(), grant);
    pair.client(bytes);
    assert_eq!(pair.asked.0, 0, "{bytes}");
    let (event, waited) = only_event(&pair);
    assert!(!waited, "{bytes}");
    event.clone()
}

#[test]
fn an_event_of_a_denial_does_not_tell_the_key_of_the_project() {
    let key = "plainlookingkey0123";
    let mut known = grant();
    known.upstream_key = crate::secret::Secret::new(key.to_owned());
    let event = denial(Some(known), &request(&format!("GET /v2/{key}"), &format!("User-Agent: a {key}\r\n"), ""));
    assert!(!format!("{event:?}").contains(key), "{event:?}");
}

#[test]
fn each_denial_leaves_one_event_with_its_reason() {
    let with = |change: fn(&mut Grant)| {
        let mut grant = grant();
        change(&mut grant);
        Some(grant)
    };
    let known = || Some((grant().project_id, grant().token_id));
    for (grant, bytes, reason, subject) in [
        (None, "GET /v1/x HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(), "missing_token", None),
        (None, get("/v1/x").replace(TOKEN, "nonsense"), "invalid_token", None),
        (None, get("/v1/x"), "invalid_token", None),
        (None, request("GET /v1/x", "X-Api-Key: another-one\r\n", ""), "bad_request", None),
        (with(|grant| grant.token_active = false), get("/v1/x"), "token_inactive", known()),
        (with(|grant| grant.expires_at = crate::time::Timestamp::default()), get("/v1/x"), "token_expired", known()),
        (with(|grant| grant.project_active = false), get("/v1/x"), "project_inactive", known()),
        (with(|grant| grant.max_requests = Some(1)), get("/v1/x"), "quota_exceeded", known()),
        (with(|grant| grant.provider = "gone".into()), get("/v1/x"), "endpoint_not_found", known()),
        (with(|_| ()), get("/v2/x"), "endpoint_not_found", known()),
        (with(|_| ()), get("/v1/%2e%2e%2fx"), "bad_request", known()),
        (with(|_| ()), request("DELETE /v1/x", "", ""), "method_not_allowed", known()),
    ] {
        let event = denial(grant, &bytes);
        assert_eq!(said(&event), (Action::ProxyRequest, Actor::Anonymous, Outcome::Denied, Some(reason)), "{bytes}");
        assert_eq!(event.project_id.zip(event.token_id), subject, "{bytes}");
    }
}

#[test]
fn what_is_allowed_down_busy_or_too_large_leaves_no_event() {
    let large = request("POST /v1/x", "Content-Length: 2000000\r\n", "");
    let plain: fn(&mut Pair) = |_| ();
    for (bytes, prepare, status) in [
        (get("/v1/x"), plain, 200),
        (post("/v1/x", "abc"), plain, 200),
        (get("/v1/x"), |pair| pair.store.is_down = true, 503),
        (get("/v1/x"), |pair| pair.store_answers = false, 503),
        (large, plain, 413),
        ("GET /live HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(), plain, 200),
        ("PUT /live HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(), plain, 405),
        ("GET /health HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(), plain, 200),
        ("NO\r\n\r\n".to_owned(), plain, 400),
    ] {
        let mut pair = Pair::default();
        prepare(&mut pair);
        pair.client(&bytes);
        pair.upstream(ok("a"));
        pair.advance(Duration::from_secs(5));
        // Read from the bytes: one of them is no request, and its answer belongs to no exchange.
        assert!(pair.client_heard().starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}");
        assert!(pair.noted.is_empty() && pair.store.events.is_empty(), "{bytes}: {:?}", pair.noted);
    }
}

#[test]
fn neither_a_full_house_nor_a_broken_upstream_is_a_denial() {
    let concurrency = Concurrency::new(1);
    let _running = concurrency.enter();
    let mut pair = Pair::with(crate::rules::Rules { concurrency, ..rules() }, Some(grant()));
    pair.client(get("/v1/x"));
    assert_eq!((pair.response().status(), pair.noted.len()), (503, 0));
    let mut pair = Pair::default();
    pair.connects = false;
    pair.client(get("/v1/x"));
    pair.refuse_connection(UpstreamFault::Unreachable);
    assert_eq!((pair.response().status(), pair.noted.len()), (502, 0));
}

#[test]
fn an_event_tells_where_the_request_came_from() {
    let mut rules = rules();
    rules.trusted_proxies = Networks::parse("192.0.2.0/24").unwrap();
    let mut pair = Pair::with(rules, None);
    let fields = "X-Forwarded-For: 203.0.113.9\r\nUser-Agent: curl/8\r\nX-Request-ID: r1\r\nX-Correlation-ID: c1\r\n";
    pair.client(request("POST /v1/x?q=hidden", fields, ""));
    let event = only_event(&pair).0.clone();
    let facts = event.request.unwrap();
    assert_eq!(
        (facts.request_id.as_str(), facts.correlation_id.as_str(), facts.method.as_str(), facts.path.as_str()),
        ("r1", "c1", "POST", "/v1/x")
    );
    assert_eq!((facts.client_ip.to_string(), facts.user_agent.unwrap().as_str()), ("203.0.113.9".to_owned(), "curl/8"));
    assert_eq!(event.at, pair.now.wall);
}

#[test]
fn no_event_shows_a_credential_wherever_the_client_put_a_copy() {
    let own = "own-wrong-credential";
    let everywhere = |secret: &str| {
        let encoded: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let fields = format!("User-Agent: a {secret} b\r\nX-Request-ID: {secret}\r\nX-Correlation-ID: x{secret}\r\n");
        (format!("/x/{secret}/{encoded}/{secret}x"), fields)
    };
    for secret in [own, TOKEN, MANAGEMENT_TOKEN] {
        let (path, fields) = everywhere(secret);
        let bearer =
            request(&format!("GET {path}"), &fields, "").replace(&format!("Bearer {TOKEN}"), &format!("Bearer {own}"));
        let other_place = format!("GET {path} HTTP/1.1\r\nHost: p\r\nX-Api-Key: {own}\r\n{fields}\r\n");
        // There the first of them is nobody's credential.
        let managing = (secret != own).then(|| call(&format!("GET /manage{path}"), &fields, ""));
        for bytes in [bearer, other_place].into_iter().chain(managing) {
            let mut pair = Pair::default();
            pair.client(&bytes);
            let printed = format!("{:?}", only_event(&pair).0);
            assert!(!printed.contains(secret) && !printed.contains("%6"), "{printed}");
        }
    }
}

#[test]
fn health_names_the_audit_when_it_is_down() {
    let mut pair = Pair::default();
    pair.store.audit = crate::exchange::Component::Down;
    pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
    let health: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
    assert_eq!((pair.response().status(), &health["status"]), (503, &"degraded".into()));
    let up = serde_json::json!({"status": "up"});
    let down = serde_json::json!({"status": "down", "error": "events cannot be written"});
    assert_eq!(health["components"], serde_json::json!({"store": up, "audit": down}));
}
