//! The life of the program from outside: what keeps it from starting is one line and exit code 1, and its end has an order.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{start, start_in_vain};
use crate::harness::{Client, Held, Mock, Options, PATIENCE, Proxy, Signal, Token, get, ok, sqlite_rows};

/// The audit log's last action.
fn last_action(proxy: &Proxy) -> String {
    let text = fs::read_to_string(proxy.folder().join("data/audit.log")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["action"].as_str().unwrap().to_owned()
}

/// What the database says of a token: how many requests were made, how many are leased.
fn row(database: &Path, token: &Token) -> (u64, u64) {
    let counts = "SELECT request_count, leased_count";
    let rows = sqlite_rows(database, &format!("{counts} FROM tokens WHERE id = '{}'", token.id));
    (rows[0][0].as_u64().unwrap(), rows[0][1].as_u64().unwrap())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
    }
}

/// An upstream that answers when it is told, the program before it, a limited token, and a client whose request is there.
fn running(options: impl Fn(Options) -> Options) -> (Mock, Proxy, Token, Client, Signal) {
    let answer = Signal::default();
    let waiting = answer.clone();
    let mock = Mock::start(move |connection, _| {
        waiting.wait();
        connection.send(&ok("late"));
    });
    let proxy = start(&options(Options::towards(&mock)));
    let token = proxy.token_with(&proxy.project(), &json!({"max_requests": 100}));
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token.secret));
    mock.request(0);
    (mock, proxy, token, client, answer)
}

#[test]
fn the_stop_has_an_order() {
    let (_mock, mut proxy, token, mut client, answer) = running(|options| options.errors_expected());
    let held = Held::start(&proxy.database());
    proxy.terminate();

    // Not ready, for those who come yet; then nobody can.
    let mut heard = Vec::new();
    until("it accepts for ever", || {
        let Ok(tcp) = std::net::TcpStream::connect(proxy.addr) else { return true };
        heard.push(probed(tcp));
        false
    });
    assert!(
        heard.iter().any(|said| said.starts_with("HTTP/1.1 503 ") && said.ends_with("\r\n\r\ndraining")),
        "{heard:?}"
    );
    assert!(proxy.threads().iter().any(|name| name.starts_with("worker-")), "workers wait for the exchange");

    // The exchange that runs is finished, and its connection with it.
    answer.set();
    let response = client.response();
    assert_eq!((response.text().as_str(), response.value("connection")), ("late", Some("close")));
    client.expect_close();

    // Then the counts are written, before the audit log ends: as long as they cannot be, it does not.
    until("its workers stay", || !proxy.threads().iter().any(|name| name.starts_with("worker-")));
    assert_ne!(last_action(&proxy), "server.stop", "the audit log ended before the counts were written");
    drop(held);
    assert_eq!(proxy.wait(), Some(0));
    assert_eq!(row(&proxy.database(), &token), (1, 0), "one request was made, and no lease is left");
    assert_eq!(last_action(&proxy), "server.stop");
    let said: Vec<String> = proxy.log_lines();
    assert!(said.last().unwrap().contains("\"stopped\""), "{said:?}");
}

/// What a probe hears on that connection.
fn probed(mut tcp: std::net::TcpStream) -> String {
    use std::io::{Read as _, Write as _};
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = String::new();
    if tcp.write_all(b"GET /ready HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n").is_ok() {
        let _ = tcp.read_to_string(&mut heard);
    }
    heard
}

#[test]
fn what_is_cut_is_counted_and_the_audit_log_ends_all_the_same() {
    let (_mock, mut proxy, token, mut client, _answer) = running(|options| options.env("SHUTDOWN_TIMEOUT", "300ms"));
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    client.expect_close();
    assert_eq!(row(&proxy.database(), &token), (1, 0));
    assert_eq!(last_action(&proxy), "server.stop");
}

#[test]
fn a_second_signal_while_the_counts_are_written_ends_it_at_once() {
    let (_mock, mut proxy, _token, mut client, answer) = running(|options| options.errors_expected());
    let _held = Held::start(&proxy.database());
    proxy.terminate();
    answer.set();
    assert_eq!(client.response().text(), "late");
    until("its workers stay", || !proxy.threads().iter().any(|name| name.starts_with("worker-")));
    let begin = Instant::now();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

/// What keeps the program from starting, with what the one line must say.
fn mistakes(folder: &Path, taken: &TcpListener) -> Vec<(&'static str, String, Vec<&'static str>)> {
    let unreadable = folder.join("unreadable.yaml");
    fs::create_dir(&unreadable).unwrap();
    let closed = folder.join("closed");
    fs::write(&closed, "a file, no folder").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o400)).unwrap();
    let below = closed.join("audit.log").to_str().unwrap().to_owned();
    vec![
        ("LISTEN_ADDR", taken.local_addr().unwrap().to_string(), vec!["address already in use", "LISTEN_ADDR"]),
        ("AUDIT_LOG_FILE", below, vec!["AUDIT_LOG_FILE", "closed"]),
        ("LLM_PROXY_EVENT_BUS", "carrier-pigeon".into(), vec!["LLM_PROXY_EVENT_BUS", "in-memory", "redis-streams"]),
        ("ENCRYPTION_KEY", "c2hvcnQ=".into(), vec!["ENCRYPTION_KEY", "32 bytes"]),
        ("API_CONFIG_PATH", unreadable.to_str().unwrap().into(), vec!["unreadable.yaml", "cannot be read"]),
        ("API_CONFIG_PATH", "/nowhere/providers.yaml".into(), vec!["/nowhere/providers.yaml", "API_CONFIG_PATH"]),
        ("DEFAULT_API_PROVIDER", "nobody".into(), vec!["DEFAULT_API_PROVIDER", "mock"]),
        ("SHUTDOWN_TIMEOUT", "soon".into(), vec!["SHUTDOWN_TIMEOUT", "30s"]),
        ("MANAGEMENT_TOKEN", "short".into(), vec!["MANAGEMENT_TOKEN", "16"]),
        ("TLS_CERT_FILE", "/nowhere/chain.pem".into(), vec!["TLS_KEY_FILE", "TLS_CERT_FILE"]),
    ]
}

#[test]
fn each_mistake_at_the_start_is_one_line_and_exit_code_1() {
    let mock = Mock::agreeable();
    let (folder, taken) = (TempDir::new().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    for (name, value, words) in mistakes(folder.path(), &taken) {
        let exited = start_in_vain(&Options::towards(&mock).env(name, &value));
        assert_eq!(exited.code, Some(1), "{name}: {exited:?}");
        let said: Vec<&str> = exited.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(said.len(), 1, "{name}: {}", exited.stderr);
        for word in words {
            assert!(said[0].contains(word), "{name}: {word:?} is not in {:?}", said[0]);
        }
        assert!(!exited.stderr.contains("panicked") && !exited.stderr.contains("\"listening\""), "{}", exited.stderr);
    }
}
