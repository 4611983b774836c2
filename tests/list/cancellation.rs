//! A client that goes away takes the upstream request with it, at once.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::start;
use crate::harness::{Client, Mock, Options, PATIENCE, Signal, get, post};

/// How soon the upstream must see it.
const AT_ONCE: Duration = Duration::from_millis(200);

/// An upstream that sends `begin` and then waits for its connection's end, which it reports.
fn unfinished(begin: &'static [u8]) -> (Mock, Receiver<Option<Instant>>) {
    let (report, reports) = channel();
    let report = Mutex::new(report);
    let mock = Mock::start(move |connection, _| {
        connection.send(begin);
        let closed = connection.closed(PATIENCE);
        let _ = report.lock().unwrap().send(closed);
    });
    (mock, reports)
}

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                        9\r\ndata: 1\n\n\r\n";

/// Asks an upstream that begins so, goes away in the given way, and says how long the upstream's connection lived on.
fn lived_on(begin: &'static [u8], go_away: impl Fn(Client) -> Option<Client>) -> Duration {
    let (mock, reports) = unfinished(begin);
    let proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&post("/v1/responses", &token, "{}"));
    mock.request(0);
    if !begin.is_empty() {
        client.head();
        client.expect_body(b"data: 1\n\n");
    }
    let gone = Instant::now();
    let _kept = go_away(client);
    let closed = reports.recv_timeout(PATIENCE).unwrap().expect("the upstream's connection stayed open");
    closed.saturating_duration_since(gone)
}

fn close(client: Client) -> Option<Client> {
    drop(client);
    None
}

fn half_close(client: Client) -> Option<Client> {
    client.half_close();
    Some(client)
}

#[test]
fn a_client_that_closes_during_a_stream_cancels_it() {
    let lived = lived_on(STREAM, close);
    assert!(lived < AT_ONCE, "{lived:?}");
}

#[test]
fn a_client_that_half_closes_during_a_stream_cancels_it() {
    let lived = lived_on(STREAM, half_close);
    assert!(lived < AT_ONCE, "{lived:?}");
}

#[test]
fn a_client_that_closes_before_the_head_cancels_the_request() {
    let lived = lived_on(b"", close);
    assert!(lived < AT_ONCE, "{lived:?}");
}

#[test]
fn a_client_that_half_closes_before_the_head_cancels_the_request() {
    let lived = lived_on(b"", half_close);
    assert!(lived < AT_ONCE, "{lived:?}");
}

#[test]
fn a_client_that_closes_with_a_pipelined_request_behind_cancels_both() {
    let (mock, reports) = unfinished(STREAM);
    let proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let mut requests = post("/v1/responses", &token, "{}");
    requests.extend(get("/v1/models", &token));
    client.send(&requests);
    mock.request(0);
    client.head();
    let gone = Instant::now();
    drop(client);
    let closed = reports.recv_timeout(PATIENCE).unwrap().expect("the upstream's connection stayed open");
    assert!(closed.saturating_duration_since(gone) < AT_ONCE);
    assert_eq!(mock.count(), 1, "the request behind was still sent");
}

#[test]
fn a_client_that_goes_away_while_it_sends_leaves_no_complete_request() {
    let (report, reports) = channel();
    let report = Mutex::new(report);
    let mock = Mock::raw(move |connection| {
        if connection.request_head().is_some() {
            while connection.piece(1024).is_some() {}
            let _ = report.lock().unwrap().send(connection.closed(PATIENCE));
        }
    });
    let proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    let head = "POST /v1/responses HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n";
    client.send(format!("{head}Authorization: Bearer {token}\r\n\r\n5\r\nhello\r\n").as_bytes());
    drop(client);
    // If the request never reached the upstream, that is as good.
    if let Ok(closed) = reports.recv_timeout(Duration::from_secs(2)) {
        assert!(closed.is_some());
    }
    assert_eq!(mock.count(), 0);
}

#[test]
fn after_a_client_is_gone_the_next_one_is_served_on_a_clean_connection() {
    let (mock, reports) = unfinished(STREAM);
    let proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    for number in 0..5 {
        let mut client = Client::connect(proxy.addr);
        client.send(&get("/v1/models", &token));
        assert_eq!(client.head().status(), 200);
        client.expect_body(b"data: 1\n\n");
        drop(client);
        assert!(reports.recv_timeout(PATIENCE).unwrap().is_some());
        assert_eq!(mock.request(number).connection, number, "a connection in the middle of an answer was reused");
    }
}

#[test]
fn a_client_that_leaves_while_its_upload_waits_is_noticed() {
    let (begun, begins) = channel();
    let (begun, over) = (Mutex::new(begun), Signal::default());
    let until_over = over.clone();
    let mock = Mock::raw(move |connection| {
        // Reads the head and nothing else, so that all buffers on the way fill up.
        if connection.request_head().is_some() {
            let _ = begun.lock().unwrap().send(());
            until_over.wait();
        }
    });
    let proxy = start(&Options::towards(&mock).env("MAX_REQUEST_SIZE", "1GiB").alone());
    let token = proxy.credential();
    // The first look-up opens a connection to the database, which stays.
    assert_eq!(Client::once(proxy.addr, &get("/v1/nowhere", &token)).status(), 404);
    let before = proxy.open_files();
    let mut client = Client::connect(proxy.addr);
    let size = 64 << 20;
    let head = format!("POST /v1/responses HTTP/1.1\r\nHost: p\r\nContent-Length: {size}\r\n");
    client.send(format!("{head}Authorization: Bearer {token}\r\n\r\n").as_bytes());
    begins.recv_timeout(PATIENCE).unwrap();
    let sent = client.send_some(&vec![b'x'; size], Duration::from_secs(2));
    assert!(sent < size, "nothing on the way was full");
    let gone = Instant::now();
    // An orderly close would queue behind the bytes that nobody takes, and be known to nobody either.
    client.reset();
    let left = proxy.until_open_files(before);
    assert!(left <= before, "{left} files are open, {before} were before");
    assert!(gone.elapsed() < Duration::from_secs(5), "{:?}", gone.elapsed());
    over.set();
}
