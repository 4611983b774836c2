//! What keeps the program from starting, or from being ready, and that it says so in words that help.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::super::RUNTIME;
use super::{assert_refused, start, start_in_vain};
use crate::harness::{Client, Entry, Held, Mock, Options, PATIENCE, Proxy, Response, get};

const WAITS: &str = "not ready: the database cannot be reached; trying again until it can";
const READY: &str = "the database is open now: the program is ready";

/// A folder of the test's own with a database in it that is held, and options that name it.
fn held(mock: &Mock) -> (TempDir, Held, Options) {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("held.db");
    let held = Held::start(&database);
    (folder, held, Options::towards(mock).env("DATABASE_PATH", database.to_str().unwrap()).errors_expected())
}

fn probe(proxy: &Proxy, path: &str) -> Response {
    Client::once(proxy.addr, format!("GET {path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n").as_bytes())
}

#[test]
fn a_taken_address_is_said_in_one_clear_line() {
    let mock = Mock::agreeable();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let exited = start_in_vain(&Options::towards(&mock).env("LISTEN_ADDR", &addr));
    assert_eq!(exited.code, Some(1), "{exited:?}");
    let said = exited.stderr.lines().filter(|line| line.to_lowercase().contains("address already in use")).count();
    assert_eq!(said, 1, "{}", exited.stderr);
    assert!(exited.stderr.contains(&addr), "{}", exited.stderr);
}

#[test]
fn a_setting_that_does_not_parse_is_named_and_the_program_does_not_start() {
    let mock = Mock::agreeable();
    for (name, value) in [
        ("MANAGEMENT_TOKEN", "short"),
        ("LISTEN_ADDR", "nonsense"),
        ("REQUEST_TIMEOUT", "soon"),
        ("MAX_REQUEST_SIZE", "much"),
        ("GRANT_MAX_AGE", "-1s"),
        ("WORKERS", "few"),
        ("RUNTIME", "none"),
        ("LOG_LEVEL", "loud"),
        ("DB_DRIVER", "paper"),
    ] {
        let exited = start_in_vain(&Options::towards(&mock).env(name, value));
        assert!(exited.code.is_some_and(|code| code != 0), "{name}: {exited:?}");
        assert!(exited.stderr.contains(name), "{name} is not named: {}", exited.stderr);
    }
}

#[test]
fn a_broken_providers_file_is_refused_with_its_place() {
    let mock = Mock::agreeable();
    let base = Entry::new("mock", &mock.base_url());
    for line in ["timeouts: {response_header: soon}", "colour: red", "auth: cookie", "max_request_size: many"] {
        let exited = start_in_vain(&Options::with(base.clone().line(line)));
        assert!(exited.code.is_some_and(|code| code != 0), "{line}: {exited:?}");
        assert!(
            exited.stderr.contains("providers.yaml") && exited.stderr.contains("line 6"),
            "{line}: {}",
            exited.stderr
        );
    }
}

#[test]
fn while_the_database_is_locked_the_program_listens_and_waits_then_it_becomes_ready_by_itself() {
    let mock = Mock::agreeable();
    let (_folder, held, options) = held(&mock);
    let proxy = Proxy::start_unready(RUNTIME, &options);
    assert_eq!(probe(&proxy, "/live").status(), 200);
    let ready = probe(&proxy, "/ready");
    assert_eq!((ready.status(), ready.text().as_str()), (503, "starting"));
    let health = probe(&proxy, "/health");
    assert_eq!((health.status(), &health.json()["status"]), (503, &json!("degraded")));
    assert_eq!(health.json()["components"]["store"]["status"], "down");
    assert_refused(
        &Client::once(proxy.addr, &get("/v1/models", "sk-AAECAwQFBgcICQoLDA0ODw")),
        503,
        "store_unavailable",
    );
    let managed = proxy.manage("GET", "/manage/projects", None);
    assert_eq!((managed.status(), &managed.json()["code"]), (503, &json!("store_unavailable")));
    let said = proxy.until_logged(WAITS).to_string();
    assert!(said.contains("held.db") && said.contains("locked"), "it does not say what and why: {said}");
    drop(held);
    proxy.until_logged(READY);
    let ready = probe(&proxy, "/ready");
    assert_eq!((ready.status(), ready.text().as_str(), proxy.logged(WAITS)), (200, "ready", 1));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &proxy.credential())).status(), 200);
    assert_eq!(probe(&proxy, "/health").status(), 200);
}

#[test]
fn a_program_that_waits_for_its_database_can_be_stopped_like_any_other() {
    let mock = Mock::agreeable();
    let (_folder, _held, options) = held(&mock);
    let mut proxy = Proxy::start_unready(RUNTIME, &options);
    let begin = Instant::now();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[test]
fn a_stop_before_it_listens_is_a_clean_one_too() {
    let mock = Mock::agreeable();
    let (_folder, _held, options) = held(&mock);
    let exited = Proxy::stop_while_opening(RUNTIME, &options);
    assert_eq!(exited.code, Some(0), "{exited:?}");
    assert!(!exited.stderr.contains("listening"), "{}", exited.stderr);
}

#[test]
fn a_database_that_turns_out_to_be_of_no_use_ends_the_program_in_order() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock).errors_expected();
    let mut proxy = start(&options);
    proxy.credential();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    let held = Held::start(&proxy.database());
    proxy.restart_unready(&options);
    assert_eq!(probe(&proxy, "/ready").text(), "starting");
    fs::remove_file(proxy.folder().join("proxy.db.key")).unwrap();
    drop(held);
    let exited = proxy.exited();
    assert_eq!(exited.code, Some(1), "{exited:?}");
    let said: Vec<&str> = exited.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(said.len() == 1 && said[0].contains("ENCRYPTION_KEY"), "{}", exited.stderr);
    assert!(exited.stderr.contains("\"stopped\""), "it did not stop in order: {}", exited.stderr);
}

#[test]
fn what_waiting_cannot_mend_ends_the_program_before_it_listens() {
    let mock = Mock::agreeable();
    let folder = TempDir::new().unwrap();
    let (damaged, no_folder) = (folder.path().join("damaged.db"), folder.path().join("damaged.db/proxy.db"));
    fs::write(&damaged, [b'x'; 4096]).unwrap();
    for path in [damaged, no_folder] {
        let begin = Instant::now();
        let exited = start_in_vain(&Options::towards(&mock).env("DATABASE_PATH", path.to_str().unwrap()));
        assert_eq!(exited.code, Some(1), "{exited:?}");
        assert!(exited.stderr.contains("damaged.db") && !exited.stderr.contains("listening"), "{}", exited.stderr);
        assert!(begin.elapsed() < PATIENCE, "it waited in vain");
    }
}
