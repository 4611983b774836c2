//! The store: shared by instances, locked by others, without its key.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{assert_refused, start};
use crate::harness::{Client, Held, Mock, Options, PATIENCE, Proxy, get};

/// Two instances on one database.
fn two(mock: &Mock) -> (Proxy, Proxy) {
    let options = Options::towards(mock).env("GRANT_MAX_AGE", "100ms");
    let first = start(&options);
    let second = start(&options.env("DATABASE_PATH", first.database().to_str().unwrap()));
    (first, second)
}

#[test]
fn a_quota_is_exact_over_two_instances() {
    let mock = Mock::agreeable();
    let (first, second) = two(&mock);
    let token = first.token_with(&first.project(), &json!({"max_requests": 50})).secret;
    let served = AtomicUsize::new(0);
    thread::scope(|scope| {
        for addr in [first.addr, second.addr].repeat(8) {
            scope.spawn({
                let (served, token) = (&served, &token);
                move || {
                    let mut client = Client::connect(addr);
                    for _ in 0..8 {
                        client.send(&get("/v1/models", token));
                        match client.response().status() {
                            200 => drop(served.fetch_add(1, Ordering::SeqCst)),
                            status => assert_eq!(status, 429),
                        }
                    }
                }
            });
        }
    });
    assert_eq!((served.into_inner(), mock.count()), (50, 50));
}

#[test]
fn what_one_instance_changes_the_other_notices_within_the_grant_age() {
    let mock = Mock::agreeable();
    let (first, second) = two(&mock);
    let token = first.token(&first.project());
    let mut client = Client::connect(second.addr);
    let mut status = || {
        client.send(&get("/v1/models", &token.secret));
        client.response().status()
    };
    assert_eq!(status(), 200);
    first.managed("DELETE", &format!("/manage/tokens/{}", token.id), &json!({}));
    let begin = Instant::now();
    while status() == 200 {
        // The age is 100 ms; the rest is for a busy machine.
        assert!(begin.elapsed() < Duration::from_secs(2), "the other instance never noticed");
    }
}

#[test]
fn while_the_store_cannot_be_written_calls_that_need_it_say_so_and_others_go_on() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).errors_expected());
    let project = proxy.project();
    let (free, limited) = (proxy.token(&project), proxy.token_with(&project, &json!({"max_requests": 9})));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &free.secret)).status(), 200);
    let held = Held::start(&proxy.database());
    let begin = Instant::now();
    let refused = Client::once(proxy.addr, &get("/v1/models", &limited.secret));
    assert_refused(&refused, 503, "store_unavailable");
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    assert!(refused.head.has("retry-after") && refused.head.has("retry-after-ms"), "{:?}", refused.head);
    let response = proxy.manage("PATCH", &format!("/manage/tokens/{}", free.id), Some(&json!({"is_active": false})));
    assert_eq!((response.status(), &response.json()["code"]), (503, &json!("store_unavailable")));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &free.secret)).status(), 200);
    drop(held);
    let begin = Instant::now();
    while Client::once(proxy.addr, &get("/v1/models", &limited.secret)).status() != 200 {
        assert!(begin.elapsed() < PATIENCE, "it did not recover");
    }
}

#[test]
fn a_database_whose_key_file_is_gone_is_not_opened() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let mut proxy = start(&options);
    proxy.credential();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    let key = fs::read_dir(proxy.folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "key"));
    fs::remove_file(key.unwrap()).unwrap();
    let exited = proxy.restart_in_vain(&options);
    assert_eq!(exited.code, Some(1), "{exited:?}");
    assert!(exited.stderr.contains("ENCRYPTION_KEY"), "it does not say what to do: {}", exited.stderr);
}

#[test]
fn a_wrong_encryption_key_is_noticed_at_the_start() {
    let mock = Mock::agreeable();
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let right = Options::towards(&mock).env("ENCRYPTION_KEY", key);
    let mut proxy = start(&right);
    proxy.guard(key);
    let token = proxy.credential();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    let wrong = Options::towards(&mock).env("ENCRYPTION_KEY", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=");
    let exited = proxy.restart_in_vain(&wrong);
    assert_eq!(exited.code, Some(1), "{exited:?}");
    assert!(exited.stderr.contains("ENCRYPTION_KEY"), "it does not say what to do: {}", exited.stderr);
    proxy.restart(&right);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
}
