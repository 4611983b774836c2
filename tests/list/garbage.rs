//! What is no HTTP at all does no harm: it is refused or closed, logs no error, and others are served meanwhile.

use super::agreeable;
use crate::harness::{Client, get};

/// The first bytes of a TLS 1.3 ClientHello.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03\x1f\xa0\x10\x9b";

/// Bytes without any order, the same in each run (a 64-bit xorshift).
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

/// Asserts that what came back is nothing or one clear refusal of the client.
fn assert_clear(sent: &[u8], answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    let refused = text.starts_with("HTTP/1.1 4") && text.matches("HTTP/1.1 ").count() == 1;
    assert!(answer.is_empty() || refused, "{:?} was answered with {text}", String::from_utf8_lossy(sent));
}

#[test]
fn garbage_is_refused_or_closed_and_reaches_no_upstream() {
    let (mock, proxy, token) = agreeable();
    let mut garbage: Vec<Vec<u8>> = (1..40).map(|seed| noise(seed, 512)).collect();
    garbage.extend([
        CLIENT_HELLO.to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\r\n".to_vec(),
        vec![0; 64],
    ]);
    garbage.extend([b"GET".to_vec(), b"GET /v1/models HTTP/1.1\r\nHost: p\r\n".to_vec(), Vec::new()]);
    for sent in &garbage {
        let mut client = Client::connect(proxy.addr);
        let _ = client.try_send(sent);
        client.half_close();
        assert_clear(sent, &client.until_close());
    }
    assert_eq!(mock.connections(), 0);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
}

#[test]
fn many_empty_connects_do_no_harm() {
    let (_mock, proxy, token) = agreeable();
    let files = proxy.open_files();
    for _ in 0..500 {
        drop(Client::connect(proxy.addr));
    }
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    let settled = proxy.until_open_files(files + 4);
    assert!(settled <= files + 4, "{files} files before, {settled} after");
}

#[test]
fn idle_connections_do_not_keep_others_from_being_served() {
    let (_mock, proxy, token) = agreeable();
    let _idle: Vec<Client> = (0..200).map(|_| Client::connect(proxy.addr)).collect();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
}
