//! No secret is found where none belongs: logs at any level, errors, the database, the files' modes.
//!
//! The harness looks through the whole log of every proxy of every test; these tests give it the most to look at.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::start;
use crate::harness::{Client, Entry, Mock, Options, Proxy, get, post};

/// Goes through as many paths of the program as there are; gives all answers that are not the one that shows a token.
fn wander(proxy: &Proxy, mock: &Mock) -> Vec<String> {
    let project = proxy.project();
    let token = proxy.token_with(&project, &json!({"max_requests": 3}));
    let secret = token.secret.clone();
    let manage = |method: &str, path: String| proxy.manage(method, &path, Some(&json!({"nonsense": secret}))).text();
    let mut answers = vec![
        Client::once(proxy.addr, &post("/v1/responses", &secret, &json!({"key": project.key}).to_string())).text(),
        Client::once(proxy.addr, &get("/v1/nowhere", &secret)).text(),
        Client::once(proxy.addr, &get("/v1/models%00", &secret)).text(),
        Client::once(proxy.addr, &get("/v1/models?key=x", &format!("{secret}x"))).text(),
        manage("POST", "/manage/tokens".into()),
        manage("PATCH", format!("/manage/tokens/{}", token.id)),
        manage("PATCH", format!("/manage/projects/{}", project.id)),
        proxy.manage("GET", "/manage/tokens", None).text(),
        proxy.manage("GET", "/manage/projects", None).text(),
        proxy.manage("GET", &format!("/manage/tokens/{}", token.id), None).text(),
        proxy.manage_with("GET", "/manage/projects", "Authorization: Bearer wrong\r\n", "").text(),
    ];
    for malformed in ["X : y", "Content-Length: x", "Authorization: Bearer other"] {
        let request = format!("GET / HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {secret}\r\n{malformed}\r\n\r\n");
        answers.push(Client::once(proxy.addr, request.as_bytes()).text());
    }
    for _ in 0..4 {
        answers.push(Client::once(proxy.addr, &get("/v1/models", &secret)).text());
    }
    assert!(mock.count() >= 3, "{}", mock.count());
    let broken = proxy.token(&proxy.project_at(&json!("broken"))).secret;
    answers.push(Client::once(proxy.addr, &get("/v1/models", &broken)).text());
    answers.push(proxy.manage("DELETE", &format!("/manage/projects/{}", project.id), None).text());
    answers.push(Client::once(proxy.addr, &get("/v1/models", &secret)).text());
    answers
}

fn wandered(level: &str) -> (Mock, Proxy, Vec<String>) {
    let mock = Mock::agreeable();
    let broken = Entry::new("broken", "http://127.0.0.1:1");
    let proxy = start(&Options::towards(&mock).and(broken).env("LOG_LEVEL", level));
    let answers = wander(&proxy, &mock);
    (mock, proxy, answers)
}

/// All files of the folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_secret_is_logged_at_the_most_talkative_level() {
    let (_mock, mut proxy, _) = wandered("trace");
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    assert!(!proxy.log_lines().is_empty());
    // The log itself is looked through when the proxy goes out of scope.
}

#[test]
fn no_answer_shows_a_secret() {
    let (_mock, proxy, answers) = wandered("info");
    for answer in &answers {
        for secret in proxy.secrets() {
            assert!(!answer.contains(&secret), "{secret} is in {answer}");
        }
    }
}

#[test]
fn no_file_of_the_program_holds_a_key_or_a_token() {
    let (_mock, proxy, _) = wandered("info");
    let kept = proxy.project();
    proxy.token(&kept);
    let mut looked_at = 0;
    for file in files(proxy.folder()) {
        let bytes = fs::read(&file).unwrap();
        for secret in proxy.secrets() {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret}", file.display());
        }
        looked_at += usize::from(file.ends_with("proxy.db")) + usize::from(file.ends_with("data/audit.log"));
    }
    assert_eq!(looked_at, 2, "database and audit log were not among the files");
}

#[test]
fn files_that_hold_data_are_for_their_owner_only() {
    let (_mock, proxy, _) = wandered("info");
    for file in files(proxy.folder()) {
        if !file.ends_with("providers.yaml") {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", file.display());
        }
    }
}

#[test]
fn the_key_of_a_deleted_project_is_erased() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let mut proxy = start(&options);
    let project = proxy.project();
    let sealed = |proxy: &Proxy| {
        let bytes = fs::read(proxy.database()).unwrap();
        bytes.windows(7).filter(|window| window == b"enc:v1:").count()
    };
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    let with_project = sealed(&proxy);
    proxy.restart(&options);
    proxy.managed("DELETE", &format!("/manage/projects/{}", project.id), &json!({}));
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    assert!(sealed(&proxy) < with_project, "the sealed key is still in the database");
}
