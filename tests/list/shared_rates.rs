//! Rates that two instances count in one Redis, and what becomes of them while it is not there.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{assert_refused, start};
use crate::harness::{Client, Mock, Options, PATIENCE, Proxy, Redis, Response, get, shared_redis};

const DOWN: &str = "Redis cannot be used: until it can, each instance counts rates for itself";
const DOWN_FOR_ALL: &str = "Redis cannot be used: until it can, requests with a limited rate are refused";
const AGAIN: &str = "Redis can be used again: rates are shared";

/// How long an answer may take while Redis does not answer, on a busy machine.
const SOON: Duration = Duration::from_millis(1500);

/// Counting in Redis, apart from all other tests.
fn sharing(mock: &Mock) -> Options {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test:{}:{number}:{}:", std::process::id(), super::super::RUNTIME);
    Options::towards(mock)
        .env("DISTRIBUTED_RATE_LIMIT_ENABLED", "true")
        .env("DISTRIBUTED_RATE_LIMIT_PREFIX", &prefix)
        .env("DISTRIBUTED_RATE_LIMIT_KEY_SECRET", "canary-key-secret")
        .env("DISTRIBUTED_RATE_LIMIT_MAX", "0")
}

/// So many an hour for a token, which is none back during a test.
fn hourly(options: Options, requests: &str) -> Options {
    options.env("DISTRIBUTED_RATE_LIMIT_MAX", requests).env("DISTRIBUTED_RATE_LIMIT_WINDOW", "1h")
}

/// Two instances on one database.
fn two(options: &Options) -> [Proxy; 2] {
    let first = start(options);
    let second = start(&options.clone().env("DATABASE_PATH", first.database().to_str().unwrap()));
    for proxy in [&first, &second] {
        proxy.guard("canary-redis-password");
        proxy.guard("canary-key-secret");
    }
    [first, second]
}

/// So many requests, each from a client of its own, all at once. Says how many were served; all others were over the rate.
fn flood(proxies: &[Proxy], token: &str, requests: usize) -> usize {
    let served = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for proxy in proxies.iter().cycle().take(requests) {
            scope.spawn(move || {
                let response = ask(proxy, token);
                if response.status() == 200 {
                    served.fetch_add(1, Ordering::SeqCst);
                } else {
                    assert_refused(&response, 429, "rate_limit_exceeded");
                }
            });
        }
    });
    served.load(Ordering::SeqCst)
}

fn ask(proxy: &Proxy, token: &str) -> Response {
    Client::once(proxy.addr, &get("/v1/models", token))
}

fn health(proxy: &Proxy) -> Response {
    Client::once(proxy.addr, b"GET /health HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
}

/// Waits until `/health` says so.
fn until_health(proxy: &Proxy, status: u16) -> Response {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = health(proxy);
        if health.status() == status {
            return health;
        }
        assert!(Instant::now() < deadline, "{}", health.text());
    }
}

#[test]
fn of_a_hundred_requests_at_once_on_two_instances_a_token_of_thirty_a_minute_has_thirty() {
    let mock = Mock::agreeable();
    let proxies = two(&sharing(&mock).env("REDIS_ADDR", &shared_redis(false)));
    let token = proxies[0].token_with(&proxies[0].project(), &json!({"requests_per_minute": 30}));
    let began = Instant::now();
    let served = flood(&proxies, &token.secret, 100);
    // One comes back every two seconds.
    let refilled = usize::try_from(began.elapsed().as_secs() / 2).unwrap();
    assert!((30..=30 + refilled).contains(&served), "{served} in {:?}", began.elapsed());
    assert_eq!(mock.count(), served);
}

#[test]
fn a_token_without_a_rate_has_that_of_all_such_tokens() {
    let mock = Mock::agreeable();
    let proxies = two(&hourly(sharing(&mock), "5").env("REDIS_ADDR", &shared_redis(false)));
    let (first, second) = (proxies[0].credential(), proxies[0].credential());
    assert_eq!((flood(&proxies, &first, 20), flood(&proxies, &second, 20)), (5, 5));
    assert_eq!(mock.count(), 10);
}

#[test]
fn over_tls_with_roots_of_ones_own_rates_are_shared_too() {
    let mock = Mock::agreeable();
    let roots = std::env::var("LLM_PROXY_TEST_TLS_CA").unwrap();
    let options = hourly(sharing(&mock), "5").env("REDIS_ADDR", &shared_redis(true)).env("SSL_CERT_FILE", &roots);
    let proxies = two(&options);
    assert_eq!(flood(&proxies, &proxies[0].credential(), 20), 5);
    assert_eq!(health(&proxies[0]).status(), 200);
}

#[test]
fn the_rate_of_an_address_is_shared() {
    let mock = Mock::agreeable();
    let proxies = two(&sharing(&mock).env("REDIS_ADDR", &shared_redis(false)).env("IP_RATE_LIMIT", "20"));
    let began = Instant::now();
    let token = proxies[0].credential();
    // A project and a token were made, which counts too.
    let served = flood(&proxies, &token, 40);
    let refilled = usize::try_from(began.elapsed().as_secs() / 3).unwrap();
    assert!((18..=18 + refilled).contains(&served), "{served} in {:?}", began.elapsed());
}

#[test]
fn when_redis_is_killed_each_instance_counts_for_itself_until_it_is_back() {
    let mock = Mock::agreeable();
    let mut redis = Redis::start();
    let proxies = two(&redis.on(hourly(sharing(&mock), "5")).errors_expected());
    let [before, meanwhile, after] = [0; 3].map(|_| proxies[0].credential());
    assert_eq!(flood(&proxies, &before, 20), 5);

    redis.kill();
    assert_eq!(flood(&proxies, &meanwhile, 20), 10);
    for proxy in &proxies {
        let health = until_health(proxy, 503).json();
        assert_eq!(health["status"], "degraded", "{health}");
        assert_eq!(health["components"]["redis"]["status"], "down", "{health}");
        assert_eq!(health["components"]["store"]["status"], "up", "{health}");
    }

    redis.start_again();
    for proxy in &proxies {
        let health = until_health(proxy, 200).json();
        assert!(health["components"].is_null(), "{health}");
        proxy.until_logged(AGAIN);
        assert_eq!((proxy.logged(DOWN), proxy.logged(AGAIN)), (1, 1));
    }
    assert_eq!(flood(&proxies, &after, 20), 5);
}

#[test]
fn without_fallback_requests_with_a_limited_rate_are_refused_while_redis_is_not_there() {
    let mock = Mock::agreeable();
    let mut redis = Redis::start();
    let options = redis.on(sharing(&mock)).env("DISTRIBUTED_RATE_LIMIT_FALLBACK", "false").errors_expected();
    let proxy = start(&options);
    let limited = proxy.token_with(&proxy.project(), &json!({"requests_per_minute": 1000}));
    let unlimited = proxy.credential();
    assert_eq!(ask(&proxy, &limited.secret).status(), 200);
    redis.kill();
    for _ in 0..20 {
        assert_refused(&ask(&proxy, &limited.secret), 503, "store_unavailable");
    }
    assert_eq!(ask(&proxy, &unlimited).status(), 200);
    redis.start_again();
    until_health(&proxy, 200);
    assert_eq!(ask(&proxy, &limited.secret).status(), 200);
    assert_eq!((proxy.logged(DOWN_FOR_ALL), proxy.logged(AGAIN)), (1, 1));
}

#[test]
fn a_redis_that_hangs_delays_nobody_for_long_and_afterwards_nobody() {
    let mock = Mock::agreeable();
    let redis = Redis::start();
    let proxy = start(&redis.on(hourly(sharing(&mock), "1000")).errors_expected());
    let token = proxy.credential();
    assert_eq!(ask(&proxy, &token).status(), 200);
    redis.signal(Signal::STOP);
    let begin = Instant::now();
    assert_eq!(ask(&proxy, &token).status(), 200);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    proxy.until_logged(DOWN);
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(ask(&proxy, &token).status(), 200);
    }
    assert!(begin.elapsed() < SOON, "each waits: {:?}", begin.elapsed());
    redis.signal(Signal::CONT);
    proxy.until_logged(AGAIN);
    assert_eq!(proxy.logged(DOWN), 1);
}

#[test]
fn a_redis_that_is_not_there_at_the_start_is_used_once_it_is() {
    let mock = Mock::agreeable();
    let mut redis = Redis::absent();
    let proxies = two(&redis.on(hourly(sharing(&mock), "5")).errors_expected());
    let (before, after) = (proxies[0].credential(), proxies[0].credential());
    for proxy in &proxies {
        assert_eq!((health(proxy).status(), proxy.logged(DOWN)), (503, 1));
    }
    assert_eq!(flood(&proxies, &before, 20), 10);
    redis.start_again();
    proxies.iter().for_each(|proxy| drop(until_health(proxy, 200)));
    assert_eq!(flood(&proxies, &after, 20), 5);
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let mock = Mock::agreeable();
    let redis = Redis::start();
    let options = redis.on(sharing(&mock)).env("REDIS_PASSWORD", "canary-wrong-password").errors_expected();
    let proxy = start(&options);
    proxy.guard("canary-wrong-password");
    let line = proxy.until_logged(DOWN);
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("assword"), "{line}");
    assert!(line["redis"].as_str().unwrap().starts_with("redis://127.0.0.1:"), "{line}");
    assert_eq!(health(&proxy).json()["components"]["redis"]["status"], "down");
}

#[test]
fn where_nothing_is_shared_nobody_connects_to_redis() {
    let mock = Mock::agreeable();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = start(&Options::towards(&mock).env("REDIS_ADDR", &listener.local_addr().unwrap().to_string()));
    assert_eq!(ask(&proxy, &proxy.credential()).status(), 200);
    assert_eq!(health(&proxy).status(), 200);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody connected");
}
