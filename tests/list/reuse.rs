//! Upstream connections: reused when they are clean, never when they are not, and retried only where that is safe.

use super::{assert_refused, start};
use crate::harness::{Client, Connection, Entry, Mock, Options, PATIENCE, Proxy, Signal, get, ok, post};

fn before(mock: &Mock) -> (Proxy, String) {
    let proxy = start(&Options::towards(mock));
    let token = proxy.credential();
    (proxy, token)
}

#[test]
fn one_upstream_connection_serves_one_request_after_another() {
    let mock = Mock::agreeable();
    let (proxy, token) = before(&mock);
    let mut client = Client::connect(proxy.addr);
    for _ in 0..10 {
        client.send(&post("/v1/responses", &token, "{}"));
        assert_eq!(client.response().status(), 200);
    }
    assert_eq!((mock.count(), mock.connections()), (10, 1));
}

#[test]
fn clients_that_come_one_after_another_share_few_upstream_connections() {
    let mock = Mock::agreeable();
    let (proxy, token) = before(&mock);
    for _ in 0..40 {
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    }
    // At most one for each worker, and one more while an exchange winds up.
    assert!(mock.connections() <= 4, "{} connections", mock.connections());
}

#[test]
fn a_connection_that_the_upstream_wants_closed_is_not_reused() {
    for response in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ] {
        let mock = Mock::answering(response);
        let (proxy, token) = before(&mock);
        let mut client = Client::connect(proxy.addr);
        for _ in 0..3 {
            client.send(&get("/v1/models", &token));
            assert_eq!(client.response().text(), "ok", "{response}");
        }
        assert_eq!(mock.connections(), 3, "{response}");
    }
}

/// Answers one request, then closes the idle connection and says so.
fn closing_idle() -> (Mock, Signal) {
    let closed = Signal::default();
    let said = closed.clone();
    let mock = Mock::raw(move |connection| {
        while connection.request().is_some() {
            connection.send(&ok("{}"));
            if connection.number == 0 {
                connection.close();
                said.set();
            }
        }
    });
    (mock, closed)
}

#[test]
fn a_post_after_the_upstream_closed_the_idle_connection_goes_to_a_fresh_one() {
    let (mock, closed) = closing_idle();
    let (proxy, token) = before(&mock);
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&post("/v1/responses", &token, "{}"));
        assert_eq!(client.response().status(), 200);
        closed.wait();
    }
    assert_eq!((mock.count(), mock.connections()), (2, 2));
}

/// Serves one request on the first connection, then closes when the next one's first byte is there.
fn closing_at_the_worst_moment(connection: &mut Connection) {
    while connection.request().is_some() {
        connection.send(&ok("{}"));
        if connection.number == 0 {
            connection.first_byte();
            return;
        }
    }
}

#[test]
fn a_get_that_meets_a_closing_connection_is_sent_once_more() {
    let mock = Mock::raw(closing_at_the_worst_moment);
    let (proxy, token) = before(&mock);
    let mut client = Client::connect(proxy.addr);
    for _ in 0..2 {
        client.send(&get("/v1/models", &token));
        assert_eq!(client.response().status(), 200);
    }
    assert_eq!(mock.connections(), 2);
}

#[test]
fn a_post_that_meets_a_closing_connection_is_never_sent_twice() {
    let mock = Mock::raw(closing_at_the_worst_moment);
    let (proxy, token) = before(&mock);
    let mut client = Client::connect(proxy.addr);
    client.send(&post("/v1/responses", &token, "{}"));
    assert_eq!(client.response().status(), 200);
    client.send(&post("/v1/responses", &token, "{}"));
    assert_refused(&client.response(), 502, "upstream_unreachable");
    assert_eq!((mock.count(), mock.connections()), (1, 1));
}

#[test]
fn a_get_is_sent_twice_at_most() {
    let mock = Mock::raw(|connection| {
        let first = connection.number == 0;
        if first && connection.request().is_some() {
            connection.send(&ok("{}"));
        }
        connection.first_byte();
        connection.close();
    });
    let (proxy, token) = before(&mock);
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    assert_eq!(client.response().status(), 200);
    client.send(&get("/v1/models", &token));
    assert_refused(&client.response(), 502, "upstream_unreachable");
    assert_eq!(mock.connections(), 2);
}

#[test]
fn a_fresh_connection_that_breaks_is_not_tried_again() {
    let mock = Mock::raw(|connection| {
        connection.first_byte();
        connection.close();
    });
    let (proxy, token) = before(&mock);
    assert_refused(&Client::once(proxy.addr, &get("/v1/models", &token)), 502, "upstream_unreachable");
    assert_eq!(mock.connections(), 1);
}

#[test]
fn an_idle_upstream_connection_is_closed_after_its_time() {
    let closed = Signal::default();
    let said = closed.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(&ok("{}"));
        if connection.closed(PATIENCE).is_some() {
            said.set();
        }
    });
    let entry = Entry::new("mock", &mock.base_url()).line("timeouts: {idle_connection: 300ms}");
    let proxy = start(&Options::with(entry));
    let token = proxy.credential();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    closed.wait();
}
