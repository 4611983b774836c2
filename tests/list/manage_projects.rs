//! Projects over the management API: make, read, change, list, delete.

use serde_json::{Value, json};

use super::start;
use crate::harness::{Entry, Mock, Options, Proxy};

/// The program with two providers, `mock` and `other`; no project yet.
fn empty() -> (Mock, Proxy) {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).and(Entry::new("other", &mock.base_url()).dialect("anthropic")));
    (mock, proxy)
}

fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

#[test]
fn a_project_is_made_shown_and_listed_with_its_key_masked() {
    let (_mock, proxy) = empty();
    let key = "sk-canary-projects-key-wxyz";
    proxy.guard(key);
    let response = proxy.manage("POST", "/manage/projects", Some(&json!({"name": "one", "api_key": key})));
    assert_eq!(response.status(), 201);
    let project = response.json();
    assert_eq!(
        members(&project),
        ["api_key", "created_at", "deactivated_at", "id", "is_active", "name", "provider", "updated_at"]
    );
    assert_eq!(project["name"], "one");
    assert_eq!(project["provider"], "mock");
    assert_eq!(project["api_key"], "sk-canar...wxyz");
    assert_eq!(project["is_active"], true);
    assert_eq!(project["deactivated_at"], Value::Null);
    let path = format!("/manage/projects/{}", project["id"].as_str().unwrap());
    assert_eq!(proxy.manage("GET", &path, None).json(), project);
    let list = proxy.manage("GET", "/manage/projects", None);
    assert_eq!(list.value("x-total-count"), Some("1"));
    assert_eq!(list.json(), json!([project]));
}

#[test]
fn keys_are_masked_by_their_length() {
    let (_mock, proxy) = empty();
    let cases =
        [("abcd", "****"), ("abcde", "ab***"), ("abcdefghijkl", "ab**********"), ("abcdefghijklm", "abcdefgh...jklm")];
    for (key, masked) in cases {
        let made = proxy.managed("POST", "/manage/projects", &json!({"name": key, "api_key": key}));
        assert_eq!(made["api_key"], masked);
    }
}

#[test]
fn the_key_may_have_its_former_name() {
    let (_mock, proxy) = empty();
    let body = json!({"name": "old", "openai_api_key": "sk-0123456789abcdef", "provider": "other"});
    let made = proxy.managed("POST", "/manage/projects", &body);
    assert_eq!((&made["api_key"], &made["provider"]), (&json!("sk-01234...cdef"), &json!("other")));
}

#[test]
fn a_name_is_taken_once_and_compared_exactly() {
    let (_mock, proxy) = empty();
    let make = |name: &str| {
        proxy.manage("POST", "/manage/projects", Some(&json!({"name": name, "api_key": "sk-0123456789abcdef"})))
    };
    let first = make("name");
    assert_eq!(first.status(), 201);
    let again = make("name");
    assert_eq!(again.status(), 409);
    assert_eq!(again.json()["code"], "project_name_taken");
    for other in ["Name", "n\u{e1}me", "name ", "\u{1f600}"] {
        assert_eq!(make(other).status(), 201, "{other:?}");
    }
    let path = format!("/manage/projects/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(proxy.manage("DELETE", &path, None).status(), 204);
    assert_eq!(make("name").status(), 201, "the name of a deleted project is free");
}

#[test]
fn what_is_wrong_with_a_new_project_is_said_by_member() {
    let (_mock, proxy) = empty();
    let cases = [
        (json!({"api_key": "sk-0123456789"}), "name"),
        (json!({"name": "", "api_key": "sk-0123456789"}), "name"),
        (json!({"name": "x".repeat(256), "api_key": "sk-0123456789"}), "name"),
        (json!({"name": 7, "api_key": "sk-0123456789"}), "name"),
        (json!({"name": "x"}), "api_key"),
        (json!({"name": "x", "api_key": ""}), "api_key"),
        (json!({"name": "x", "api_key": "sk-01234...cdef"}), "api_key"),
        (json!({"name": "x", "api_key": "ab****"}), "api_key"),
        (json!({"name": "x", "api_key": "sk-0123456789", "provider": "nobody"}), "provider"),
        (json!({"name": "x", "api_key": "sk-0123456789", "colour": "red"}), "colour"),
    ];
    for (body, member) in cases {
        let response = proxy.manage("POST", "/manage/projects", Some(&body));
        assert_eq!(response.status(), 400, "{body}");
        let answer = response.json();
        assert!(answer["error"].is_string() && answer["code"] == "bad_request", "{answer}");
        assert!(response.text().contains(member), "{member} is not named: {answer}");
        assert!(!response.text().contains("sk-0123456789"), "the key is in the answer: {answer}");
    }
    assert_eq!(proxy.manage("GET", "/manage/projects", None).json(), json!([]));
}

#[test]
fn a_name_of_255_characters_is_not_too_long() {
    let (_mock, proxy) = empty();
    let body = json!({"name": "\u{e9}".repeat(255), "api_key": "sk-0123456789abcdef"});
    assert_eq!(proxy.manage("POST", "/manage/projects", Some(&body)).status(), 201);
}

#[test]
fn put_and_patch_change_what_they_name_and_nothing_else() {
    let (_mock, proxy) = empty();
    let project = proxy.project();
    let path = format!("/manage/projects/{}", project.id);
    for method in ["PUT", "PATCH"] {
        let before = proxy.manage("GET", &path, None).json();
        let name = format!("renamed by {method}");
        let after = proxy.managed(method, &path, &json!({"name": name}));
        assert_eq!(after["name"], name);
        for member in ["id", "api_key", "provider", "is_active", "created_at", "deactivated_at"] {
            assert_eq!(after[member], before[member]);
        }
    }
    let after = proxy.managed("PATCH", &path, &json!({"api_key": "sk-another-key-wxyz", "provider": "other"}));
    assert_eq!((&after["api_key"], &after["provider"]), (&json!("sk-anoth...wxyz"), &json!("other")));
    let after = proxy.managed("PATCH", &path, &json!({"is_active": false}));
    assert!(after["is_active"] == false && after["deactivated_at"].is_string(), "{after}");
    let after = proxy.managed("PATCH", &path, &json!({"is_active": true}));
    assert!(after["is_active"] == true && after["deactivated_at"].is_null(), "{after}");
}

#[test]
fn a_change_that_makes_no_sense_is_refused_and_not_made() {
    let (_mock, proxy) = empty();
    let project = proxy.project();
    let path = format!("/manage/projects/{}", project.id);
    let before = proxy.manage("GET", &path, None).json();
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"provider": "nobody"}),
        json!({"api_key": "sk-01234...cdef"}),
        json!({"revoke_tokens": true}),
        json!({"revoke_tokens": true, "is_active": true}),
        json!({"id": "0198c0de-0000-7000-8000-000000000000"}),
        json!({"name": "good", "colour": "red"}),
    ] {
        assert_eq!(proxy.manage("PATCH", &path, Some(&body)).status(), 400, "{body}");
    }
    let other = proxy.managed("POST", "/manage/projects", &json!({"name": "taken", "api_key": "sk-0123456789"}));
    assert!(other["id"].is_string());
    assert_eq!(proxy.manage("PATCH", &path, Some(&json!({"name": "taken"}))).status(), 409);
    assert_eq!(proxy.manage("GET", &path, None).json(), before);
}

#[test]
fn a_deleted_project_is_gone() {
    let (_mock, proxy) = empty();
    let project = proxy.project();
    let path = format!("/manage/projects/{}", project.id);
    let gone = proxy.manage("DELETE", &path, None);
    assert_eq!(gone.status(), 204);
    assert!(gone.body.is_empty());
    for (method, body) in [("GET", None), ("PATCH", Some(json!({"name": "x"}))), ("DELETE", None)] {
        let response = proxy.manage(method, &path, body.as_ref());
        assert_eq!(response.status(), 404, "{method}");
        assert!(response.json()["code"].is_string());
    }
    assert_eq!(proxy.manage("GET", "/manage/projects", None).json(), json!([]));
}

#[test]
fn lists_are_newest_first_and_paged() {
    let (_mock, proxy) = empty();
    let mut ids: Vec<String> = (0..5).map(|_| proxy.project().id).collect();
    ids.reverse();
    let listed = |query: &str| {
        let response = proxy.manage("GET", &format!("/manage/projects{query}"), None);
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(response.value("x-total-count"), Some("5"));
        let list = response.json();
        list.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(""), ids);
    assert_eq!(listed("/"), ids, "a trailing slash on a collection is the collection");
    assert_eq!(listed("?page=1&page_size=2"), ids[..2]);
    assert_eq!(listed("?page=3&page_size=2"), ids[4..]);
    assert_eq!(listed("?page=2&limit=3"), ids[3..]);
    assert_eq!(listed("?page=9&page_size=2"), ids[..0]);
}

#[test]
fn what_was_made_is_there_after_a_kill() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let mut proxy = start(&options);
    let project = proxy.project();
    let token = proxy.token(&project);
    proxy.restart(&options);
    assert_eq!(proxy.manage("GET", &format!("/manage/projects/{}", project.id), None).status(), 200);
    let response = crate::harness::Client::once(proxy.addr, &crate::harness::get("/v1/models", &token.secret));
    assert_eq!(response.status(), 200);
    assert_eq!(mock.only_request().head.value("authorization"), Some(format!("Bearer {}", project.key).as_str()));
}
