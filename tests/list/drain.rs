//! How the program stops: what runs may finish, up to a limit, and the exit code says whether it did.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal as Kill;

use super::{agreeable, start};
use crate::harness::{Broken, Client, Mock, Options, PATIENCE, Proxy, Signal, get, ok};

/// Waits until the program takes no more connections.
fn until_not_accepting(proxy: &Proxy) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(proxy.addr).is_ok() {
        assert!(Instant::now() < deadline, "it still accepts connections");
    }
}

/// An upstream that begins a stream and ends it when told, the program before it, and a client that has the beginning.
fn streaming(options: impl Fn(Options) -> Options) -> (Mock, Proxy, Client, Signal) {
    let finish = Signal::default();
    let waiting = finish.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.chunk(b"data: 1\n\n");
        waiting.wait();
        connection.chunk(b"data: 2\n\n");
        connection.send(b"0\r\n\r\n");
    });
    let proxy = start(&options(Options::towards(&mock)));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    (mock, proxy, client, finish)
}

#[test]
fn an_idle_program_ends_cleanly_on_either_signal() {
    for signal in [Kill::TERM, Kill::INT] {
        let (_mock, mut proxy, token) = agreeable();
        let mut idle = Client::connect(proxy.addr);
        idle.send(&get("/v1/models", &token));
        assert_eq!(idle.response().status(), 200);
        let begin = Instant::now();
        proxy.signal(signal);
        assert_eq!(proxy.wait(), Some(0));
        assert!(begin.elapsed() < Duration::from_secs(5), "idle connections held it up: {:?}", begin.elapsed());
        idle.expect_close();
    }
}

#[test]
fn a_stream_may_finish() {
    let (_mock, mut proxy, mut client, finish) = streaming(|options| options);
    proxy.terminate();
    until_not_accepting(&proxy);
    finish.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn an_answer_that_begins_during_the_drain_says_close() {
    let answer = Signal::default();
    let waiting = answer.clone();
    let mock = Mock::start(move |connection, _| {
        waiting.wait();
        connection.send(&ok("late"));
    });
    let mut proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    mock.request(0);
    proxy.terminate();
    until_not_accepting(&proxy);
    answer.set();
    let response = client.response();
    assert_eq!((response.text().as_str(), response.value("connection")), ("late", Some("close")));
    client.expect_close();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn a_stream_longer_than_the_shutdown_timeout_is_cut() {
    let (_mock, mut proxy, mut client, _finish) = streaming(|options| options.env("SHUTDOWN_TIMEOUT", "1s"));
    let begin = Instant::now();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(5), "{took:?}");
    let end = client.piece(1);
    assert!(matches!(end, Err(Broken::Cut | Broken::Reset)), "{end:?}");
}

#[test]
fn a_second_signal_cuts_at_once() {
    let (_mock, mut proxy, mut client, _finish) = streaming(|options| options);
    proxy.terminate();
    until_not_accepting(&proxy);
    let begin = Instant::now();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let end = client.piece(1);
    assert!(matches!(end, Err(Broken::Cut | Broken::Reset)), "{end:?}");
}

#[test]
fn under_load_every_request_that_reached_the_upstream_is_answered() {
    let mock = Mock::agreeable();
    let mut proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    let addr = proxy.addr;
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = Client::connect(addr);
                while client.try_send(&get("/v1/models", &token)).is_ok() {
                    match client.try_response(false).map(|response| response.status()) {
                        Ok(200) => answered.fetch_add(1, Ordering::SeqCst),
                        Ok(status) => return assert_eq!(status, 503),
                        Err(Broken::Cut | Broken::Reset) => return,
                        Err(broken) => panic!("{broken:?}"),
                    };
                }
            });
        }
        mock.request(200);
        proxy.terminate();
    });
    assert_eq!(proxy.wait(), Some(0));
    assert_eq!(answered.into_inner(), mock.count());
}

#[test]
fn a_request_whose_head_has_begun_is_answered_and_learns_of_the_drain() {
    let (_mock, mut proxy, mut client, finish) = streaming(|options| options);
    let mut begun: Vec<Client> = (0..2).map(|_| Client::connect(proxy.addr)).collect();
    let mut idle: Vec<Client> = (0..8).map(|_| Client::connect(proxy.addr)).collect();
    begun[0].send(b"GET /ready HTTP/1.1\r\nHost:");
    begun[1].send(b"GET /live HTTP/1.1\r\nHost:");
    // Idle connections are closed when the drain begins, on each worker: then it has begun for the others too.
    for client in &mut idle {
        client.send(b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
        assert_eq!(client.response().status(), 200);
    }
    proxy.terminate();
    idle.iter_mut().for_each(Client::expect_close);
    for (client, (status, text)) in begun.iter_mut().zip([(503, "draining"), (200, "alive")]) {
        client.send(b" p\r\n\r\n");
        let response = client.response();
        assert_eq!((response.status(), response.text().as_str()), (status, text));
        assert_eq!(response.value("connection"), Some("close"));
        client.expect_close();
    }
    finish.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn a_hangup_stops_nothing() {
    let (_mock, mut proxy, mut client, finish) = streaming(|options| options);
    proxy.signal(Kill::HUP);
    finish.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn a_probe_that_comes_while_the_program_stops_hears_that_it_does() {
    let (_mock, mut proxy, _client, finish) = streaming(|options| options);
    proxy.terminate();
    let mut heard = String::new();
    // Until the listener is gone; a probe that is accepted is answered, but for one that is on its way just then.
    while let Ok(mut probe) = TcpStream::connect(proxy.addr) {
        probe.set_read_timeout(Some(PATIENCE)).unwrap();
        if probe.write_all(b"GET /ready HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n").is_ok() {
            let _ = probe.read_to_string(&mut heard);
        }
    }
    assert!(heard.contains("HTTP/1.1 503 ") && heard.contains("\r\n\r\ndraining"), "{heard}");
    finish.set();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn an_old_client_whose_stream_is_cut_does_not_take_it_for_whole() {
    let mock = Mock::start(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.chunk(b"data: 1\n\n");
        let _ = connection.closed(PATIENCE);
    });
    let mut proxy = start(&Options::towards(&mock).env("SHUTDOWN_TIMEOUT", "500ms"));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(format!("GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n").as_bytes());
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(1));
    assert!(matches!(client.piece(1), Err(Broken::Reset)));
}
