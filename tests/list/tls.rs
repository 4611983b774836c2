//! Upstreams over TLS are verified against the system's roots, which `SSL_CERT_FILE` names.

use std::fs;

use tempfile::TempDir;

use super::{assert_refused, start};
use crate::harness::{Authority, Client, Entry, Mock, Options, Proxy, Response, get, ok};

/// An upstream with a certificate of `authority` for `name`, and a proxy before it that trusts `trusted`.
fn over_tls(authority: &Authority, name: &str, trusted: &Authority) -> (Mock, Proxy) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("roots.pem");
    fs::write(&file, trusted.pem()).unwrap();
    let mock = Mock::tls(authority.server(name), ok("over tls"));
    let entry = Entry::new("mock", &format!("https://{}", mock.addr));
    let proxy = start(&Options::with(entry).env("SSL_CERT_FILE", file.to_str().unwrap()));
    (mock, proxy)
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
