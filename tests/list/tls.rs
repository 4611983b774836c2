//! Upstreams over TLS are verified against the system's roots, which `SSL_CERT_FILE` names.

use std::fs;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use tempfile::TempDir;

use super::{assert_refused, start};
use crate::harness::{Authority, Client, Entry, Mock, Options, Proxy, Response, get, ok, post};

/// An upstream with a certificate of `authority` for `name`, and a proxy before it that trusts `trusted`.
fn over_tls(authority: &Authority, name: &str, trusted: &Authority) -> (Mock, Proxy) {
    let mock = Mock::tls(authority.server(name), ok("over tls"));
    let proxy = before(&mock, trusted);
    (mock, proxy)
}

/// A proxy before a mock that speaks TLS, which trusts that authority.
fn before(mock: &Mock, trusted: &Authority) -> Proxy {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("roots.pem");
    fs::write(&file, trusted.pem()).unwrap();
    let entry = Entry::new("mock", &format!("https://{}", mock.addr));
    start(&Options::with(entry).env("SSL_CERT_FILE", file.to_str().unwrap()))
}

/// The first answer of such a pair.
fn asked(authority: &Authority, name: &str, trusted: &Authority) -> (Mock, Response) {
    let (mock, proxy) = over_tls(authority, name, trusted);
    let token = proxy.credential();
    (mock, Client::once(proxy.addr, &get("/v1/models", &token)))
}

#[test]
fn one_tls_connection_serves_one_request_after_another() {
    let authority = Authority::new();
    let (mock, proxy) = over_tls(&authority, "127.0.0.1", &authority);
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for _ in 0..5 {
        client.send(&get("/v1/models", &token));
        assert_eq!(client.response().text(), "over tls");
    }
    assert_eq!((mock.count(), mock.connections()), (5, 1));
}

#[test]
fn an_upstream_of_a_known_authority_is_talked_to() {
    let authority = Authority::new();
    let (mock, response) = asked(&authority, "127.0.0.1", &authority);
    assert_eq!((response.status(), response.text().as_str()), (200, "over tls"));
    assert_eq!(mock.only_request().head.value("host"), Some(mock.addr.to_string().as_str()));
}

#[test]
fn an_upstream_of_an_unknown_authority_gets_no_request() {
    let (mock, response) = asked(&Authority::new(), "127.0.0.1", &Authority::new());
    assert_refused(&response, 502, "upstream_unreachable");
    assert_eq!(mock.count(), 0);
}

#[test]
fn an_upstream_with_another_name_gets_no_request() {
    let authority = Authority::new();
    let (mock, response) = asked(&authority, "other.example", &authority);
    assert_refused(&response, 502, "upstream_unreachable");
    assert_eq!(mock.count(), 0);
}

/// TLS takes bytes before its socket does, so some of a request can be on neither side. Which size leaves them there
/// depends on how much the socket holds: one of many does.
#[test]
fn the_last_bytes_of_an_upload_do_not_stay_behind() {
    let authority = Authority::new();
    let (all_sent, may_read) = channel();
    let may_read = Mutex::new(may_read);
    let mock = Mock::tls_raw(authority.server("127.0.0.1"), move |connection| {
        while connection.request_head().is_some() {
            may_read.lock().unwrap().recv().unwrap();
            while connection.piece(1 << 16).is_some_and(|piece| !piece.is_empty()) {}
            connection.send(&ok("over tls"));
        }
    });
    let proxy = before(&mock, &authority);
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    for size in (1_000_000..4_500_000).step_by(45_011) {
        client.send(&post("/v1/responses", &token, &"x".repeat(size)));
        all_sent.send(()).unwrap();
        assert_eq!(client.response().text(), "over tls", "{size}");
    }
}
