//! The audit log as a file: one event for each management call and each denial, chained, and there after a kill.
//! Events go to the file alone here, which is where they are whatever the database does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::process::Signal as Kill;
use serde_json::{Value, json};

use super::{start, start_in_vain};
use crate::harness::{Client, Mock, Options, Proxy, get};

fn options(mock: &Mock) -> Options {
    Options::towards(mock).env("AUDIT_STORE_IN_DB", "false")
}

fn audit_log(proxy: &Proxy) -> PathBuf {
    proxy.folder().join("data/audit.log")
}

fn events(proxy: &Proxy) -> Vec<Value> {
    let text = fs::read_to_string(audit_log(proxy)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `llm-proxy audit verify`: its exit code and what it says.
fn verify(file: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_llm-proxy")).args(["audit", "verify"]).arg(file).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn stop(proxy: &mut Proxy) {
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn every_management_call_leaves_one_event_that_names_its_request() {
    let mock = Mock::agreeable();
    let mut proxy = start(&options(&mock));
    let project = proxy.project();
    let path = format!("/manage/projects/{}", project.id);
    let mut expected = BTreeMap::new();
    let mut call = |method: &str, path: &str, body: Option<Value>, action: &str, outcome: &str| {
        let response = proxy.manage(method, path, body.as_ref());
        let id = response.value("x-proxy-request-id").unwrap().to_owned();
        expected.insert(id, (action.to_owned(), outcome.to_owned()));
        response.status()
    };
    call("GET", "/manage/projects", None, "project.list", "success");
    call("GET", &path, None, "project.read", "success");
    call("PATCH", &path, Some(json!({"name": "other"})), "project.update", "success");
    call("PATCH", &path, Some(json!({"nonsense": 1})), "project.update", "failure");
    call("POST", "/manage/projects", Some(json!({})), "project.create", "failure");
    call("GET", "/manage/tokens/0198c0de-0000-7000-8000-000000000000", None, "token.read", "failure");
    call("PUT", "/manage/projects", Some(json!({})), "admin.access", "failure");
    call("DELETE", &path, None, "project.delete", "success");
    assert_eq!(call("DELETE", &path, None, "project.delete", "failure"), 404);

    // Durable before the answer: nothing needs to be waited for.
    let written = events(&proxy);
    for (id, (action, outcome)) in &expected {
        let of_call: Vec<&Value> = written.iter().filter(|event| event["request_id"] == **id).collect();
        assert_eq!(of_call.len(), 1, "{action} {outcome}: {of_call:?}");
        assert_eq!((&of_call[0]["action"], &of_call[0]["outcome"]), (&json!(action), &json!(outcome)));
        assert_eq!(of_call[0]["actor"], "management_api");
    }
    stop(&mut proxy);
    let written = events(&proxy);
    assert_eq!(written.first().unwrap()["action"], "server.start");
    assert_eq!(written.last().unwrap()["action"], "server.stop");
    let (code, said) = verify(&audit_log(&proxy));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&format!("OK: {} events in 1 chain, from ", written.len())), "{said}");
}

#[test]
fn repeated_denials_are_few_events_whose_counts_add_up() {
    let mock = Mock::agreeable();
    let mut proxy = start(&options(&mock));
    for _ in 0..50 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", "sk-nobodys-token-0123456789")).status(), 401);
    }
    for _ in 0..10 {
        assert_eq!(proxy.manage_with("GET", "/manage/projects", "Authorization: Bearer x\r\n", "").status(), 401);
    }
    stop(&mut proxy);
    for (action, count) in [("proxy_request", 50), ("project.list", 10)] {
        let denied: Vec<Value> = events(&proxy)
            .into_iter()
            .filter(|event| event["action"] == action && event["outcome"] == "denied")
            .collect();
        assert_eq!(denied.len(), 2, "{denied:?}");
        assert_eq!(denied.iter().map(|event| event["count"].as_u64().unwrap_or(1)).sum::<u64>(), count, "{denied:?}");
    }
}

#[test]
fn what_was_answered_is_in_the_log_after_a_kill() {
    let mock = Mock::agreeable();
    let options = options(&mock);
    let mut proxy = start(&options);
    let made: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|n| {
                let proxy = &proxy;
                scope.spawn(move || {
                    (0..5)
                        .map(|m| {
                            let body = json!({"name": format!("{n}-{m}"), "api_key": "sk-upstream-0123456789", "provider": "mock"});
                            proxy.managed("POST", "/manage/projects", &body)["id"].as_str().unwrap().to_owned()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    // A restart kills it first.
    proxy.restart(&options);

    let written = events(&proxy);
    for id in &made {
        let of_project = written.iter().filter(|event| event["project_id"] == **id && event["outcome"] == "success");
        assert_eq!(of_project.count(), 1, "{id}");
    }
    let starts: Vec<&Value> = written.iter().filter(|event| event["action"] == "server.start").collect();
    assert_eq!(starts.len(), 2);
    let before = written.iter().rposition(|event| event["action"] == "server.start").unwrap() - 1;
    assert_eq!(starts[1]["metadata"]["previous"]["hash"], written[before]["hash"]);
    let (code, said) = verify(&audit_log(&proxy));
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_changed_or_removed_event_is_named() {
    let mock = Mock::agreeable();
    let mut proxy = start(&options(&mock));
    proxy.project();
    proxy.manage("GET", "/manage/projects", None);
    stop(&mut proxy);
    let text = fs::read_to_string(audit_log(&proxy)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let file = proxy.folder().join("other.log");

    fs::write(&file, text.replacen("project.create", "project.delete", 1)).unwrap();
    let (code, said) = verify(&file);
    assert!(code == Some(1) && said.contains(&id(lines[1])) && said.contains("changed"), "{said}");
    fs::write(&file, text.replacen(&format!("{}\n", lines[1]), "", 1)).unwrap();
    let (code, said) = verify(&file);
    assert!(code == Some(1) && said.contains(&id(lines[2])) && said.contains("removed"), "{said}");
}

#[test]
fn a_log_that_cannot_be_written_is_said_in_one_clear_line() {
    let mock = Mock::agreeable();
    for (path, create) in
        [("/dev/null", "true"), ("/proc/audit.log", "true"), ("nowhere/audit.log", "false"), (".", "true")]
    {
        let exited = start_in_vain(&options(&mock).env("AUDIT_LOG_FILE", path).env("AUDIT_CREATE_DIR", create));
        assert_eq!(exited.code, Some(1), "{exited:?}");
        let said: Vec<&str> = exited.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(said.len() == 1 && said[0].contains("AUDIT_LOG_FILE"), "{path}: {}", exited.stderr);
    }
}

#[test]
fn two_instances_write_one_log_and_one_database_and_each_keeps_its_chain() {
    const CALLS: usize = 20;
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let mut first = start(&options);
    let (log, database) = (audit_log(&first), first.database());
    let shared =
        options.clone().env("AUDIT_LOG_FILE", log.to_str().unwrap()).env("DATABASE_PATH", database.to_str().unwrap());
    let (mut second, mut third) = (start(&shared), start(&shared));
    thread::scope(|scope| {
        for proxy in [&first, &second, &third].repeat(2) {
            scope.spawn(|| (0..CALLS).for_each(|_| drop(proxy.project())));
        }
    });
    // One ends by itself, one dies, and one goes on.
    stop(&mut second);
    third.signal(Kill::KILL);
    assert_eq!(third.wait(), None);
    first.project();
    third.restart(&shared);
    stop(&mut first);
    stop(&mut third);

    let written = events(&first);
    assert_eq!(written.iter().filter(|event| event["action"] == "project.create").count(), 6 * CALLS + 1);
    let (code, said) = verify(&log);
    assert!(code == Some(0) && said.contains("in 4 chains"), "{said}");
    let said = first.tool(&options, &["audit", "verify", "--db"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with(&format!("OK: {} events in 4 chains", written.len())), "{said}");
}

#[test]
fn a_log_that_was_moved_away_goes_on_in_a_new_file() {
    let mock = Mock::agreeable();
    let mut proxy = start(&options(&mock));
    proxy.project();
    let moved = proxy.folder().join("audit.1");
    fs::rename(audit_log(&proxy), &moved).unwrap();
    let project = proxy.project();
    stop(&mut proxy);

    let written = events(&proxy);
    assert!(written.iter().any(|event| event["project_id"] == *project.id), "{written:?}");
    for file in [&moved, &audit_log(&proxy)] {
        let (code, said) = verify(file);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn without_audit_calls_work_and_no_log_is_made() {
    let mock = Mock::agreeable();
    for (name, value) in [("AUDIT_ENABLED", "false"), ("AUDIT_LOG_FILE", "none")] {
        let proxy = start(&options(&mock).env(name, value));
        proxy.project();
        assert!(!audit_log(&proxy).exists(), "{name}");
    }
}

#[test]
fn no_event_holds_a_credential_from_wherever_it_stood() {
    let mock = Mock::agreeable();
    let mut proxy = start(&options(&mock));
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    let management = proxy.secrets()[0].clone();
    for secret in [&token, &project.key, &management] {
        for path in
            [format!("/v1/nowhere/{secret}"), format!("/manage/projects/{secret}"), format!("/v1/models?key={secret}")]
        {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nUser-Agent: agent/{secret}\r\n\
                 X-Request-ID: {secret}\r\nX-Correlation-ID: {secret}\r\n\r\n"
            );
            Client::once(proxy.addr, request.as_bytes());
            let request = request.replace(&format!("Bearer {token}"), &format!("Bearer {management}"));
            Client::once(proxy.addr, request.as_bytes());
        }
    }
    stop(&mut proxy);
    let text = fs::read_to_string(audit_log(&proxy)).unwrap();
    assert!(text.lines().count() > 6, "{text}");
    for secret in proxy.secrets() {
        assert!(!text.contains(&secret), "{secret} is in {text}");
    }
}
