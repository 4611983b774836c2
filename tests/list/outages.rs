//! The store goes away while the program runs, and comes back: what is answered meanwhile, from which grants, and what the
//! log says.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{assert_refused, start};
use crate::harness::{Client, Held, Mock, Options, PATIENCE, Proxy, Response, get};

const BEGINS: &str = "the store fails: calls that need it are refused";
const ENDS: &str = "the store works again";

/// How long any answer may take: what is promised, and a moment for a busy machine.
const SOON: Duration = Duration::from_millis(5500);

/// A token's string that nobody was given.
const UNKNOWN: &str = "sk-AAECAwQFBgcICQoLDA0ODw";

fn ask(proxy: &Proxy, token: &str) -> Response {
    soon(|| Client::once(proxy.addr, &get("/v1/models", token)))
}

fn health(proxy: &Proxy) -> Response {
    soon(|| Client::once(proxy.addr, b"GET /health HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"))
}

fn soon(call: impl FnOnce() -> Response) -> Response {
    let begin = Instant::now();
    let response = call();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    response
}

/// Asks until the grant that is kept is too old and the store is needed.
fn until_the_store_is_needed(proxy: &Proxy, token: &str) -> Response {
    let begin = Instant::now();
    loop {
        let response = ask(proxy, token);
        if response.status() != 200 {
            return response;
        }
        assert!(begin.elapsed() < PATIENCE, "an old grant is used");
    }
}

#[test]
fn while_the_store_cannot_be_reached_everything_says_so_soon_and_works_again_by_itself() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).env("GRANT_MAX_AGE", "100ms").errors_expected());
    let token = proxy.credential();
    assert_eq!(ask(&proxy, &token).status(), 200);
    let held = Held::wholly(&proxy.database());
    assert_refused(&until_the_store_is_needed(&proxy, &token), 503, "store_unavailable");
    thread::scope(|scope| {
        scope.spawn(|| assert_refused(&ask(&proxy, &token), 503, "store_unavailable"));
        scope.spawn(|| assert_refused(&ask(&proxy, UNKNOWN), 503, "store_unavailable"));
        scope.spawn(|| {
            let health = health(&proxy);
            assert_eq!((health.status(), &health.json()["status"]), (503, &json!("degraded")));
        });
        scope.spawn(|| {
            let managed = soon(|| proxy.manage("GET", "/manage/projects", None));
            assert_eq!((managed.status(), &managed.json()["code"]), (503, &json!("store_unavailable")));
        });
    });
    assert_eq!((proxy.logged(BEGINS), proxy.logged(ENDS)), (1, 0));
    drop(held);
    let end = proxy.until_logged(ENDS);
    assert!(end["took"].is_string() && end["failed"].as_u64() >= Some(2), "{end}");
    assert_eq!((ask(&proxy, &token).status(), health(&proxy).status()), (200, 200));
    assert_refused(&ask(&proxy, UNKNOWN), 401, "invalid_token");
    assert_eq!((proxy.logged(BEGINS), proxy.logged(ENDS)), (1, 1));
}

#[test]
fn within_the_grace_known_grants_serve_and_nothing_else_does() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock).env("GRANT_MAX_AGE", "100ms").env("STORE_OUTAGE_GRACE", "10m");
    let proxy = start(&options.errors_expected());
    let project = proxy.project();
    let (known, limited) = (proxy.token(&project), proxy.token_with(&project, &json!({"max_requests": 9})));
    let unused = proxy.token(&project);
    assert_eq!((ask(&proxy, &known.secret).status(), ask(&proxy, &limited.secret).status()), (200, 200));
    let held = Held::wholly(&proxy.database());
    proxy.until_logged(BEGINS);
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(ask(&proxy, &known.secret).status(), 200);
    }
    assert!(begin.elapsed() < SOON, "each request waits for the store: {:?}", begin.elapsed());
    thread::scope(|scope| {
        for token in [&limited.secret, &unused.secret, UNKNOWN] {
            let proxy = &proxy;
            scope.spawn(move || assert_refused(&ask(proxy, token), 503, "store_unavailable"));
        }
    });
    drop(held);
    proxy.until_logged(ENDS);
    proxy.managed("DELETE", &format!("/manage/tokens/{}", known.id), &json!({}));
    assert_eq!(ask(&proxy, &known.secret).status(), 401);
    assert_eq!((proxy.logged(BEGINS), proxy.logged(ENDS)), (1, 1));
}

#[test]
fn when_the_grace_is_over_known_grants_are_refused_too() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock).env("GRANT_MAX_AGE", "100ms").env("STORE_OUTAGE_GRACE", "8s");
    let proxy = start(&options.errors_expected());
    let token = proxy.credential();
    assert_eq!(ask(&proxy, &token).status(), 200);
    let begin = Instant::now();
    let _held = Held::wholly(&proxy.database());
    assert_refused(&until_the_store_is_needed(&proxy, &token), 503, "store_unavailable");
    assert!(begin.elapsed() > Duration::from_secs(5), "the grace was too short: {:?}", begin.elapsed());
}
