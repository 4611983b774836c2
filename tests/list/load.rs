//! Many, long and large: what a single exchange shows must hold for a thousand, and memory must stay where it is.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::start;
use crate::harness::{Client, Mock, Options, Proxy, Signal, get, ok, raise_file_limit};

const MIB: usize = 1 << 20;
/// The size of a large body.
const LARGE: usize = 200 * MIB;
/// What one exchange may cost, whatever its size.
const BOUND: usize = 16 * MIB;
/// After so long without progress a peer is taken to be full.
const STALLED: Duration = Duration::from_millis(500);

fn before(mock: &Mock, options: impl Fn(Options) -> Options) -> (Proxy, String) {
    let proxy = start(&options(Options::towards(mock).alone()));
    let token = proxy.credential();
    assert_eq!(Client::once(proxy.addr, b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n").status(), 200);
    (proxy, token)
}

/// An upstream that sends a large body and says when its peer takes no more.
fn large(sent: Arc<AtomicUsize>, full: Signal) -> Mock {
    Mock::start(move |connection, _| {
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes());
        let block = vec![b'x'; 64 * 1024];
        while sent.load(Ordering::SeqCst) < LARGE {
            let left = (LARGE - sent.load(Ordering::SeqCst)).min(block.len());
            match connection.send_some(&block[..left], STALLED) {
                Ok(0) => full.set(),
                Ok(count) => drop(sent.fetch_add(count, Ordering::SeqCst)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    })
}

#[test]
fn a_slow_client_slows_the_upstream_and_costs_no_memory() {
    let (sent, full) = (Arc::new(AtomicUsize::new(0)), Signal::default());
    let mock = large(sent.clone(), full.clone());
    let (proxy, token) = before(&mock, |options| options);
    let memory = proxy.memory();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    client.head();
    full.wait();
    let held = sent.load(Ordering::SeqCst);
    assert!(held < 64 * MIB, "{held} bytes were taken from the upstream for a client that reads nothing");
    let mut most = proxy.memory();
    let mut got = 0;
    while let Some(piece) = client.piece(usize::MAX).unwrap() {
        assert!(piece.iter().all(|byte| *byte == b'x'));
        if got / (16 * MIB) != (got + piece.len()) / (16 * MIB) {
            most = most.max(proxy.memory());
        }
        got += piece.len();
    }
    assert_eq!(got, LARGE);
    assert!(most < memory + BOUND, "memory grew from {memory} to {most}");
}

#[test]
fn a_slow_upstream_slows_the_client_and_costs_no_memory() {
    let go_on = Signal::default();
    let waiting = go_on.clone();
    let mock = Mock::raw(move |connection| {
        if connection.request_head().is_none() {
            return;
        }
        waiting.wait();
        let mut got = 0;
        while let Some(piece) = connection.piece(usize::MAX) {
            got += piece.len();
        }
        connection.send(&ok(&got.to_string()));
    });
    let (proxy, token) = before(&mock, |options| options.env("MAX_REQUEST_SIZE", "256MiB"));
    let memory = proxy.memory();
    let mut client = Client::connect(proxy.addr);
    let head = "POST /v1/responses HTTP/1.1\r\nHost: p\r\n";
    client.send(format!("{head}Authorization: Bearer {token}\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes());
    let block = vec![b'x'; 64 * 1024];
    let (mut sent, mut most) = (0, 0);
    while sent < LARGE {
        let count = client.send_some(&block[..block.len().min(LARGE - sent)], STALLED);
        if count == 0 {
            assert!(sent < 64 * MIB, "{sent} bytes were taken for an upstream that reads nothing");
            most = most.max(proxy.memory());
            go_on.set();
        }
        sent += count;
    }
    assert_eq!(client.response().text(), LARGE.to_string());
    assert!(most > 0, "the upstream never held the client up");
    most = most.max(proxy.memory());
    assert!(most < memory + BOUND, "memory grew from {memory} to {most}");
}

#[test]
fn a_thousand_streams_at_once_are_all_complete() {
    const STREAMS: usize = 1000;
    raise_file_limit();
    let steps: [Signal; 3] = Default::default();
    let waiting = steps.clone();
    let mock = Mock::start(move |connection, request| {
        let name = request.head.value("x-name").unwrap().to_owned();
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (number, step) in waiting.iter().enumerate() {
            connection.chunk(format!("data: {name} {number}\n\n").as_bytes());
            step.wait();
        }
        connection.chunk(format!("data: {name} [DONE]\n\n").as_bytes());
        connection.send(b"0\r\n\r\n");
    });
    let (proxy, token) = before(&mock, |options| options);
    let mut clients: Vec<Client> = (0..STREAMS).map(|_| Client::connect(proxy.addr)).collect();
    for (name, client) in clients.iter_mut().enumerate() {
        let request = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nX-Name: {name}\r\n");
        client.send(format!("{request}Authorization: Bearer {token}\r\n\r\n").as_bytes());
    }
    for client in &mut clients {
        assert_eq!(client.head().status(), 200);
    }
    for (number, step) in steps.iter().enumerate() {
        for (name, client) in clients.iter_mut().enumerate() {
            client.expect_body(format!("data: {name} {number}\n\n").as_bytes());
        }
        assert_eq!(mock.count(), STREAMS, "all of them are open at once");
        step.set();
    }
    for (name, client) in clients.iter_mut().enumerate() {
        client.expect_body(format!("data: {name} [DONE]\n\n").as_bytes());
        client.expect_end();
    }
}

#[test]
fn ten_thousand_exchanges_leave_nothing_behind() {
    let mock = Mock::agreeable();
    let (proxy, token) = before(&mock, |options| options);
    let request = get("/v1/models", &token);
    let mut client = Client::connect(proxy.addr);
    let mut exchange = |times: usize| {
        for _ in 0..times {
            client.send(&request);
            assert_eq!(client.response().status(), 200);
        }
    };
    exchange(1000);
    let (memory, files) = (proxy.memory(), proxy.open_files());
    exchange(10_000);
    let (later, open) = (proxy.memory(), proxy.open_files());
    assert!(later < memory + 4 * MIB, "memory grew from {memory} to {later}");
    assert!(open <= files + 2, "open files grew from {files} to {open}");
    assert_eq!(mock.connections(), 1);
}

#[test]
fn a_thousand_clients_that_come_and_go_leave_nothing_behind() {
    let mock = Mock::agreeable();
    let (proxy, token) = before(&mock, |options| options);
    let failures = Mutex::new(Vec::new());
    let round = |times: usize| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..times / 4 {
                        let status = Client::once(proxy.addr, &get("/v1/models", &token)).status();
                        if status != 200 {
                            failures.lock().unwrap().push(status);
                        }
                    }
                });
            }
        });
    };
    round(200);
    let (memory, files) = (proxy.memory(), proxy.open_files());
    round(1000);
    assert_eq!(*failures.lock().unwrap(), Vec::<u16>::new());
    let open = proxy.until_open_files(files + 4);
    assert!(open <= files + 4, "open files grew from {files} to {open}");
    assert!(proxy.memory() < memory + 4 * MIB, "memory grew from {memory} to {}", proxy.memory());
}
