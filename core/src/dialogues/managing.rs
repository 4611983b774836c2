//! Our own routes: probes and management calls.

use crate::connection::Next;
use crate::exchange::{Component, Outcome};
use crate::manage::{Command, CommandError, Reply, Subject};
use crate::testing::{MANAGEMENT_TOKEN, Message, Pair};

/// A management call.
fn call(line: &str, fields: &str, content: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{fields}\r\n{content}")
}

fn answered(bytes: &str) -> Message {
    let mut pair = Pair::default();
    pair.client(bytes);
    assert_eq!(pair.asked.0, 0, "nothing of ours goes upstream");
    pair.response()
}

const CREATE: &str = r#"{"name":"a","api_key":"sk-real-key-0123456789"}"#;

#[test]
fn probes_answer_without_a_credential() {
    for (path, status, text) in [("/live", 200, "alive"), ("/ready", 200, "ready")] {
        let heard = answered(&format!("GET {path} HTTP/1.1\r\nHost: p\r\n\r\n"));
        assert_eq!((heard.status(), heard.text()), (status, text.into()));
    }
    let health: serde_json::Value =
        serde_json::from_slice(&answered("GET /health HTTP/1.1\r\nHost: p\r\n\r\n").content).unwrap();
    assert_eq!((&health["status"], &health["version"]), (&"ok".into(), &"0.0.0".into()));
    assert_eq!(health["timestamp"], "2026-09-21T14:13:20Z");
}

#[test]
fn health_says_when_the_store_is_down() {
    let mut pair = Pair::default();
    pair.store.is_down = true;
    pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
    let health: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
    assert_eq!((pair.response().status(), &health["status"]), (503, &"degraded".into()));
    assert!(health["components"]["store"]["status"].is_string(), "{health}");
}

#[test]
fn health_names_redis_only_where_it_is_used_and_is_degraded_without_it() {
    for (redis, status, shown) in [
        (None, 200, "null"),
        (Some(Component::Up), 200, "null"),
        (Some(Component::Down), 503, r#"{"error":"Redis is not available","status":"down"}"#),
    ] {
        let mut pair = Pair::default();
        pair.store.redis = redis;
        pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
        let health: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
        assert_eq!((pair.response().status(), &*health["components"]["redis"].to_string()), (status, shown));
    }
    let mut pair = Pair::default();
    pair.store.is_down = true;
    pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
    assert!(!pair.response().text().contains("redis"));
}

#[test]
fn head_has_the_fields_of_get_and_no_content() {
    let mut pair = Pair::default();
    pair.client("HEAD /live HTTP/1.1\r\nHost: p\r\n\r\nGET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    let [head, get] = &pair.responses()[..] else { panic!("two answers") };
    assert_eq!((head.only("content-length"), head.text(), get.text()), (Some("5"), String::new(), "alive".into()));
}

#[test]
fn another_method_on_a_probe_says_which_there_are() {
    let heard = answered("PUT /live HTTP/1.1\r\nHost: p\r\n\r\n");
    assert_eq!((heard.status(), &*heard.code(), heard.only("allow")), (405, "method_not_allowed", Some("GET, HEAD")));
}

#[test]
fn nothing_is_said_before_the_credential_is_right() {
    for line in ["GET /manage/tokens", "GET /manage/nothing", "PATCH /manage/tokens", "GET /manage"] {
        for (field, code) in [("", "missing_token"), ("Authorization: Bearer wrong\r\n", "invalid_token")] {
            let heard = answered(&format!("{line} HTTP/1.1\r\nHost: p\r\n{field}\r\n"));
            assert_eq!((heard.status(), &*heard.code(), heard.only("www-authenticate")), (401, code, Some("Bearer")));
        }
    }
}

#[test]
fn content_of_someone_without_the_credential_is_not_read() {
    let mut pair = Pair::default();
    pair.client("POST /manage/projects HTTP/1.1\r\nHost: p\r\nContent-Length: 99\r\n\r\n");
    assert_eq!((pair.response().status(), pair.next()), (401, Next::ShutdownWrite));
    assert!(pair.store.asked.is_empty());
}

#[test]
fn after_it_unknown_paths_and_methods_are_told_apart() {
    assert_eq!(answered(&call("GET /manage/nothing", "", "")).status(), 404);
    let heard = answered(&call("PATCH /manage/tokens", "", ""));
    assert_eq!((heard.status(), heard.only("allow")), (405, Some("GET, HEAD, POST")));
}

#[test]
fn a_call_is_decoded_whole_however_its_content_comes() {
    let length = format!("Content-Length: {}\r\n", CREATE.len());
    let chunks = format!("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 9, &CREATE[..9], CREATE.len() - 9, &CREATE[9..]);
    for bytes in [
        call("POST /manage/projects", &length, CREATE),
        call("POST /manage/projects", "Transfer-Encoding: chunked\r\n", &chunks),
    ] {
        let mut pair = Pair::default();
        pair.split = crate::testing::Split::Every(1);
        pair.client(&bytes);
        let [Command::CreateProject(project)] = &pair.store.commands[..] else { panic!("{:?}", pair.store.commands) };
        assert_eq!((&*project.name, &*project.provider), ("a", "mock"));
        assert_eq!(
            (pair.response().status(), pair.next(), pair.ended[0].outcome),
            (204, Next::Continue, Outcome::Completed)
        );
    }
}

#[test]
fn every_answer_has_each_field_once() {
    let mut pair = Pair::default();
    pair.store.reply = Ok(Reply::Projects(Vec::new(), 40));
    pair.client(call("GET /manage/projects", "", ""));
    let heard = pair.response();
    assert_eq!((heard.all("content-type"), heard.all("x-total-count")), (vec!["application/json"], vec!["40"]));
    for name in ["date", "content-length", "x-request-id", "x-proxy-request-id"] {
        assert_eq!(heard.all(name).len(), 1, "{name}");
    }
}

#[test]
fn what_the_store_did_not_do_is_told_in_the_shape_of_our_own_routes() {
    for (error, status, code) in [
        (CommandError::NotFound(Subject::Project), 404, "not_found"),
        (CommandError::ProjectNameTaken, 409, "project_name_taken"),
        (CommandError::ProjectInactive, 403, "project_inactive"),
        (CommandError::StoreUnavailable, 503, "store_unavailable"),
    ] {
        let mut pair = Pair::default();
        pair.store.reply = Err(error);
        pair.client(call("GET /manage/projects/017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "", ""));
        let json: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
        assert_eq!((pair.response().status(), &json["code"], json["error"].is_string()), (status, &code.into(), true));
    }
}

#[test]
fn content_over_64_kib_is_refused_by_its_length_or_on_the_way() {
    let mut pair = Pair::default();
    pair.client(call("POST /manage/projects", "Content-Length: 65537\r\n", ""));
    assert_eq!((pair.response().status(), pair.next()), (413, Next::ShutdownWrite));
    assert_eq!(pair.store.asked, ["record"]);
    let mut pair = Pair::default();
    pair.client(call("POST /manage/projects", "Transfer-Encoding: chunked\r\n", ""));
    for _ in 0..16 {
        pair.client(format!("1000\r\n{}\r\n", " ".repeat(4096)));
    }
    assert_eq!(pair.client_heard(), "");
    pair.client("1\r\n \r\n");
    assert_eq!((pair.response().status(), pair.response().code()), (413, "request_too_large".into()));
    assert_eq!(pair.store.asked, ["record"]);
}

#[test]
fn content_of_exactly_64_kib_is_read() {
    let content = CREATE.to_owned() + &" ".repeat(65_536 - CREATE.len());
    let mut pair = Pair::default();
    pair.split = crate::testing::Split::Every(1000);
    pair.client(call("POST /manage/projects", "Content-Length: 65536\r\n", &content));
    assert_eq!((pair.response().status(), pair.store.commands.len()), (204, 1));
}

#[test]
fn a_bad_call_is_refused_and_the_connection_goes_on() {
    let mut pair = Pair::default();
    pair.client(call("POST /manage/projects", "Content-Length: 2\r\n", "{}") + &call("GET /manage/tokens", "", ""));
    let statuses: Vec<_> = pair.responses().iter().map(Message::status).collect();
    assert_eq!((statuses, pair.next()), (vec![400, 204], Next::Continue));
}

#[test]
fn nothing_below_manage_is_ever_proxied() {
    for path in ["/manage", "/manage/v1/x", "/manage/../v1/x"] {
        assert!([401, 404].contains(&answered(&call(&format!("GET {path}"), "", "")).status()), "{path}");
    }
}
