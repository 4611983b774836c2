//! An upstream that fails repeatedly is left alone: what opens the breaker, what is said meanwhile, how it closes.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, Proxy, Response, Signal, ok, post};

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";

/// Options with a breaker that opens for so long.
fn opening_for(entry: Entry, time: &str) -> Options {
    Options::with(entry).env("BREAKER_OPEN_FOR", time)
}

/// An upstream that answers 503 until the switch is thrown.
fn failing() -> (Mock, Arc<AtomicBool>) {
    let works = Arc::new(AtomicBool::new(false));
    let switch = works.clone();
    let mock =
        Mock::start(
            move |connection, _| {
                if works.load(Ordering::SeqCst) { connection.send(&ok("{}")) } else { connection.send(BUSY) }
            },
        );
    (mock, switch)
}

fn ask(proxy: &Proxy, token: &str) -> Response {
    Client::once(proxy.addr, &post("/v1/responses", token, "{}"))
}

fn breakers(proxy: &Proxy) -> serde_json::Value {
    let response = Client::once(proxy.addr, b"GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
    assert_eq!((response.status(), &response.json()["status"]), (200, &"ok".into()));
    response.json()["breakers"].clone()
}

/// Asks until something else than an open breaker is the answer; the time that is told is waited for.
fn ask_when_told(proxy: &Proxy, token: &str) -> Response {
    for _ in 0..20 {
        let response = ask(proxy, token);
        // The mock's own 503 has no such field.
        let Some(wait) = response.value("retry-after-ms") else { return response };
        std::thread::sleep(Duration::from_millis(wait.parse().unwrap()));
    }
    panic!("the breaker never lets a request through");
}

#[test]
fn after_five_refused_connections_requests_are_refused_at_once() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = start(&opening_for(Entry::new("mock", &format!("http://{refusing}")), "10m"));
    let token = proxy.credential();
    for _ in 0..5 {
        assert_eq!(breakers(&proxy), serde_json::Value::Null);
        assert_refused(&ask(&proxy, &token), 502, "upstream_unreachable");
    }
    let response = ask(&proxy, &token);
    assert_refused(&response, 503, "circuit_open");
    let seconds: u64 = response.value("retry-after").unwrap().parse().unwrap();
    let millis: u64 = response.value("retry-after-ms").unwrap().parse().unwrap();
    assert!((570..=601).contains(&seconds) && millis.div_ceil(1000) == seconds, "{seconds} s, {millis} ms");
    assert_eq!(breakers(&proxy), serde_json::json!({"mock": "open"}));
}

#[test]
fn answers_of_503_pass_and_the_sixth_request_never_reaches_the_upstream() {
    let (mock, _works) = failing();
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "10m"));
    let token = proxy.credential();
    for _ in 0..5 {
        let response = ask(&proxy, &token);
        assert_eq!((response.status(), response.text().as_str()), (503, "busy"));
    }
    for _ in 0..20 {
        assert_refused(&ask(&proxy, &token), 503, "circuit_open");
    }
    assert_eq!(mock.count(), 5);
}

#[test]
fn upstreams_that_do_not_answer_in_time_are_left_alone_too() {
    let mock = Mock::start(|connection, _| {
        connection.closed(crate::harness::PATIENCE);
    });
    let entry = Entry::new("mock", &mock.base_url()).line("timeouts: {response_header: 100ms}");
    let proxy = start(&opening_for(entry, "10m"));
    let token = proxy.credential();
    for _ in 0..5 {
        assert_refused(&ask(&proxy, &token), 504, "upstream_timeout");
    }
    assert_refused(&ask(&proxy, &token), 503, "circuit_open");
    assert_eq!(mock.count(), 5);
}

#[test]
fn an_answer_between_failures_and_clients_that_leave_keep_it_closed() {
    let (mock, works) = failing();
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "10m"));
    let token = proxy.credential();
    for _ in 0..3 {
        works.store(false, Ordering::SeqCst);
        for _ in 0..4 {
            assert_eq!(ask(&proxy, &token).text(), "busy");
        }
        works.store(true, Ordering::SeqCst);
        assert_eq!(ask(&proxy, &token).status(), 200);
    }
    assert_eq!(mock.count(), 15);
}

#[test]
fn twenty_at_once_after_the_time_are_one_probe() {
    let (works, answer) = (Arc::new(AtomicBool::new(false)), Signal::default());
    let (switch, release) = (works.clone(), answer.clone());
    let mock = Mock::start(move |connection, _| {
        if works.load(Ordering::SeqCst) {
            answer.wait();
            connection.send(&ok("{}"));
        } else {
            connection.send(BUSY);
        }
    });
    // The wait until the probe is 2 s; that it is refused meanwhile, too, is for as long.
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "2s"));
    let token = proxy.credential();
    for _ in 0..5 {
        assert_eq!(ask(&proxy, &token).text(), "busy");
    }
    switch.store(true, Ordering::SeqCst);
    let refused = ask(&proxy, &token);
    assert_refused(&refused, 503, "circuit_open");
    let wait: u64 = refused.value("retry-after-ms").unwrap().parse().unwrap();
    std::thread::sleep(Duration::from_millis(wait));
    assert_eq!(breakers(&proxy), serde_json::json!({"mock": "half_open"}));
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(proxy.addr)).collect();
    for client in &mut clients {
        client.send(&post("/v1/responses", &token, "{}"));
    }
    mock.request(5);
    let refused = clients.iter_mut().filter_map(|client| {
        client.patience(Duration::from_millis(500));
        client.try_response(false).ok()
    });
    let refused: Vec<Response> = refused.collect();
    assert_eq!((refused.len(), mock.count()), (19, 6));
    for response in &refused {
        assert_refused(response, 503, "circuit_open");
    }
    release.set();
    // The probe's answer closes it: others go through again.
    assert_eq!(ask_when_told(&proxy, &token).status(), 200);
    assert_eq!(breakers(&proxy), serde_json::Value::Null);
}

#[test]
fn a_probe_that_fails_opens_it_again_and_one_that_works_closes_it() {
    let (mock, works) = failing();
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "1s"));
    let token = proxy.credential();
    for _ in 0..5 {
        assert_eq!(ask(&proxy, &token).text(), "busy");
    }
    assert_eq!(ask_when_told(&proxy, &token).text(), "busy", "the probe's answer is the upstream's");
    assert_refused(&ask(&proxy, &token), 503, "circuit_open");
    works.store(true, Ordering::SeqCst);
    assert_eq!(ask_when_told(&proxy, &token).status(), 200);
    for _ in 0..5 {
        assert_eq!(ask(&proxy, &token).status(), 200);
    }
    assert_eq!((mock.count(), breakers(&proxy)), (12, serde_json::Value::Null));
}

#[test]
fn providers_of_one_origin_are_left_alone_together_and_others_are_not() {
    let ((failing, _works), healthy) = (failing(), Mock::agreeable());
    let options = opening_for(Entry::new("mock", &failing.base_url()), "10m").env("BREAKER_FAILURES", "2");
    let proxy = start(
        &options
            .and(Entry::new("same", &format!("{}/path", failing.base_url())))
            .and(Entry::new("other", &healthy.base_url())),
    );
    let token = proxy.credential();
    for _ in 0..2 {
        assert_eq!(ask(&proxy, &token).text(), "busy");
    }
    assert_refused(&ask(&proxy, &token), 503, "circuit_open");
    assert_eq!(breakers(&proxy), serde_json::json!({"mock": "open", "same": "open"}));
}

#[test]
fn what_an_open_breaker_refuses_is_not_taken_off_the_limit() {
    let (mock, works) = failing();
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "1s").env("BREAKER_FAILURES", "1"));
    let token = proxy.token_with(&proxy.project(), &serde_json::json!({"max_requests": 3})).secret;
    assert_eq!(ask(&proxy, &token).text(), "busy");
    for _ in 0..10 {
        let _ = ask(&proxy, &token);
    }
    works.store(true, Ordering::SeqCst);
    let before = mock.count();
    assert_eq!(before, 1, "ten requests took longer than the breaker is open");
    for _ in 0..2 {
        assert_eq!(ask_when_told(&proxy, &token).status(), 200);
    }
    assert_refused(&ask(&proxy, &token), 429, "quota_exceeded");
}

#[test]
fn zero_failures_is_no_breaker() {
    let (mock, _works) = failing();
    let proxy = start(&Options::towards(&mock).env("BREAKER_FAILURES", "0"));
    let token = proxy.credential();
    for _ in 0..20 {
        assert_eq!(ask(&proxy, &token).text(), "busy");
    }
    assert_eq!(mock.count(), 20);
}

#[test]
fn that_it_opens_and_closes_is_logged_once() {
    let (mock, works) = failing();
    let proxy = start(&opening_for(Entry::new("mock", &mock.base_url()), "500ms"));
    let token = proxy.credential();
    for _ in 0..5 {
        assert_eq!(ask(&proxy, &token).text(), "busy");
    }
    assert_eq!(ask_when_told(&proxy, &token).text(), "busy");
    works.store(true, Ordering::SeqCst);
    assert_eq!(ask_when_told(&proxy, &token).status(), 200);
    let opened = "the upstream failed repeatedly: requests to it are refused for a while";
    let closed = "the upstream works again: requests go to it";
    for (message, level) in [(opened, "WARN"), (closed, "INFO")] {
        let line = proxy.until_logged(message).to_string();
        assert!(line.contains(level) && line.contains("mock"), "{line}");
        assert_eq!(proxy.logged(message), 1);
    }
}
