//! Tokens over the management API: make, read, change, list, revoke.

use serde_json::{Value, json};

use super::agreeable;
use crate::harness::{Client, Proxy, get};

fn path(id: &str) -> String {
    format!("/manage/tokens/{id}")
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap()).collect()
}

#[test]
fn a_token_is_shown_once_and_masked_from_then_on() {
    let (_mock, proxy, _) = agreeable();
    let project = proxy.project();
    let body = json!({"project_id": project.id, "duration_minutes": 60, "max_requests": 7});
    let response = proxy.manage("POST", "/manage/tokens", Some(&body));
    assert_eq!(response.status(), 201);
    assert!(response.head.values("cache-control").iter().any(|value| value.contains("no-store")));
    let made = response.json();
    let secret = made["token"].as_str().unwrap();
    proxy.guard(secret);
    assert!(secret.starts_with("sk-") && secret.len() == 25, "{}", secret.len());
    assert!(secret[3..].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!((&made["project_id"], &made["max_requests"]), (&json!(project.id), &json!(7)));
    let read = proxy.manage("GET", &path(made["id"].as_str().unwrap()), None);
    assert!(!read.text().contains(secret));
    let shown = read.json();
    let masked = shown["token"].as_str().unwrap();
    assert!(masked.starts_with(&secret[..7]) && masked.ends_with(&secret[21..]) && masked != secret, "{masked}");
    let members = [
        "cache_hit_count",
        "created_at",
        "expires_at",
        "id",
        "is_active",
        "last_used_at",
        "leased_count",
        "max_requests",
        "project_id",
        "request_count",
        "requests_per_minute",
        "token",
    ];
    let mut keys: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, members);
    assert_eq!((&shown["is_active"], &shown["request_count"]), (&json!(true), &json!(0)));
    assert_eq!((&shown["requests_per_minute"], &shown["last_used_at"]), (&Value::Null, &Value::Null));
    assert_eq!(shown["expires_at"], made["expires_at"]);
}

#[test]
fn tokens_differ() {
    let (_mock, proxy, _) = agreeable();
    let project = proxy.project();
    let mut secrets: Vec<String> = (0..20).map(|_| proxy.token(&project).secret).collect();
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), 20);
}

#[test]
fn what_is_wrong_with_a_new_token_is_said_by_member() {
    let (_mock, proxy, _) = agreeable();
    let id = proxy.project().id;
    let cases = [
        (json!({"duration_minutes": 60}), "project_id"),
        (json!({"project_id": "nonsense", "duration_minutes": 60}), "project_id"),
        (json!({"project_id": id}), "duration_minutes"),
        (json!({"project_id": id, "duration_minutes": 0}), "duration_minutes"),
        (json!({"project_id": id, "duration_minutes": 525_601}), "duration_minutes"),
        (json!({"project_id": id, "duration_minutes": 1.5}), "duration_minutes"),
        (json!({"project_id": id, "duration_minutes": "60"}), "duration_minutes"),
        (json!({"project_id": id, "duration_minutes": 60, "max_requests": -1}), "max_requests"),
        (json!({"project_id": id, "duration_minutes": 60, "requests_per_minute": -1}), "requests_per_minute"),
        (json!({"project_id": id, "duration_minutes": 60, "colour": 1}), "colour"),
    ];
    for (body, member) in cases {
        let response = proxy.manage("POST", "/manage/tokens", Some(&body));
        assert_eq!(response.status(), 400, "{body}");
        assert!(response.text().contains(member), "{member} is not named: {}", response.text());
    }
}

#[test]
fn the_longest_and_the_shortest_life_are_allowed() {
    let (_mock, proxy, _) = agreeable();
    let project = proxy.project();
    for minutes in [1, 525_600] {
        proxy.token_with(&project, &json!({"duration_minutes": minutes}));
    }
}

#[test]
fn a_token_needs_a_project_that_is_there_and_active() {
    let (_mock, proxy, _) = agreeable();
    let body = json!({"project_id": "0198c0de-0000-7000-8000-000000000000", "duration_minutes": 60});
    assert_eq!(proxy.manage("POST", "/manage/tokens", Some(&body)).status(), 404);
    let project = proxy.project();
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"is_active": false}));
    let body = json!({"project_id": project.id, "duration_minutes": 60});
    let response = proxy.manage("POST", "/manage/tokens", Some(&body));
    assert_eq!((response.status(), &response.json()["code"]), (403, &json!("project_inactive")));
}

#[test]
fn limits_and_activity_can_be_changed_and_counters_cannot() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 9}));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    let changed = proxy.managed("PUT", &path(&token.id), &json!({"max_requests": 8, "requests_per_minute": 600}));
    assert_eq!((&changed["max_requests"], &changed["requests_per_minute"]), (&json!(8), &json!(600)));
    let changed = proxy.managed("PATCH", &path(&token.id), &json!({"max_requests": 0}));
    assert!(changed["max_requests"].is_null() || changed["max_requests"] == 0, "{changed}");
    assert_eq!(changed["requests_per_minute"], 600);
    for body in [json!({}), json!({"request_count": 0}), json!({"is_active": "no"}), json!({"expires_at": "x"})] {
        assert_eq!(proxy.manage("PATCH", &path(&token.id), Some(&body)).status(), 400, "{body}");
    }
}

#[test]
fn revoking_is_idempotent_and_reversible() {
    let (_mock, proxy, _) = agreeable();
    let token = proxy.token(&proxy.project());
    let status = || Client::once(proxy.addr, &get("/v1/models", &token.secret)).status();
    for _ in 0..2 {
        assert_eq!(proxy.manage("DELETE", &path(&token.id), None).status(), 204);
    }
    assert_eq!(proxy.manage("GET", &path(&token.id), None).json()["is_active"], false);
    assert_eq!(status(), 401);
    proxy.managed("PATCH", &path(&token.id), &json!({"is_active": true}));
    assert_eq!(status(), 200);
}

#[test]
fn a_token_of_an_inactive_project_cannot_be_switched_on() {
    let (_mock, proxy, _) = agreeable();
    let project = proxy.project();
    let token = proxy.token(&project);
    let body = json!({"is_active": false, "revoke_tokens": true});
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &body);
    assert_eq!(proxy.manage("GET", &path(&token.id), None).json()["is_active"], false);
    let response = proxy.manage("PATCH", &path(&token.id), Some(&json!({"is_active": true})));
    assert_eq!((response.status(), &response.json()["code"]), (403, &json!("project_inactive")));
}

#[test]
fn an_unknown_token_is_not_found() {
    let (_mock, proxy, _) = agreeable();
    for id in ["0198c0de-0000-7000-8000-000000000000", "nonsense"] {
        assert_eq!(proxy.manage("GET", &path(id), None).status(), 404);
        assert_eq!(proxy.manage("DELETE", &path(id), None).status(), 404);
        assert_eq!(proxy.manage("PATCH", &path(id), Some(&json!({"is_active": true}))).status(), 404);
    }
}

/// A project with an active and a revoked token, and a token of an inactive project: their ids.
fn some(proxy: &Proxy) -> (String, [String; 3]) {
    let (project, inactive) = (proxy.project(), proxy.project());
    let tokens = [proxy.token(&project).id, proxy.token(&project).id, proxy.token(&inactive).id];
    proxy.manage("DELETE", &path(&tokens[1]), None);
    proxy.managed("PATCH", &format!("/manage/projects/{}", inactive.id), &json!({"is_active": false}));
    (project.id, tokens)
}

#[test]
fn lists_can_be_filtered_and_paged() {
    let mock = crate::harness::Mock::agreeable();
    let proxy = super::start(&crate::harness::Options::towards(&mock));
    let (project, [active, revoked, of_inactive]) = some(&proxy);
    let cases: [(String, Vec<&str>, &str); 6] = [
        (String::new(), vec![&of_inactive, &revoked, &active], "3"),
        (format!("?project_id={project}"), vec![&revoked, &active], "2"),
        (format!("?projectId={project}"), vec![&revoked, &active], "2"),
        ("?active_only=true".to_owned(), vec![&active], "1"),
        (format!("?project_id={project}&page=2&page_size=1"), vec![&active], "2"),
        ("?limit=2".to_owned(), vec![&of_inactive, &revoked], "3"),
    ];
    for (query, expected, total) in cases {
        let response = proxy.manage("GET", &format!("/manage/tokens{query}"), None);
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(ids(&response.json()), expected, "{query}");
        assert_eq!(response.value("x-total-count"), Some(total), "{query}");
    }
}

#[test]
fn all_tokens_of_a_project_can_be_revoked_at_once() {
    let (_mock, proxy, other) = agreeable();
    let project = proxy.project();
    let tokens: Vec<_> = (0..3).map(|_| proxy.token(&project)).collect();
    proxy.manage("DELETE", &path(&tokens[0].id), None);
    let revoke = format!("/manage/projects/{}/tokens/revoke", project.id);
    let response = proxy.manage("POST", &revoke, None);
    assert_eq!(response.status(), 200);
    assert_eq!(response.json(), json!({"revoked_count": 2, "already_revoked_count": 1, "total_tokens": 3}));
    for token in &tokens {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 401);
    }
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &other)).status(), 200);
    let again = proxy.manage("POST", &revoke, None).json();
    assert_eq!(again, json!({"revoked_count": 0, "already_revoked_count": 3, "total_tokens": 3}));
}
