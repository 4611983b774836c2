//! Management changes count from the next request on, also on connections that are open.

use serde_json::json;

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Entry, Mock, Options, get};

#[test]
fn a_revoked_token_is_refused_on_the_next_request_of_an_open_connection() {
    let (mock, proxy, _) = agreeable();
    let token = proxy.token(&proxy.project());
    let mut clients: Vec<Client> = (0..8).map(|_| Client::connect(proxy.addr)).collect();
    for client in &mut clients {
        client.send(&get("/v1/models", &token.secret));
        assert_eq!(client.response().status(), 200);
    }
    proxy.managed("DELETE", &format!("/manage/tokens/{}", token.id), &json!({}));
    for client in &mut clients {
        client.send(&get("/v1/models", &token.secret));
        assert_refused(&client.response(), 401, "token_inactive");
    }
    assert_eq!(mock.count(), 8);
}

#[test]
fn a_project_that_is_switched_off_and_on_again_works_again() {
    let (mock, proxy, _) = agreeable();
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    let path = format!("/manage/projects/{}", project.id);
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(proxy.addr)).collect();
    for (active, status) in [(true, 200), (false, 403), (true, 200)] {
        proxy.managed("PATCH", &path, &json!({"is_active": active}));
        for client in &mut clients {
            client.send(&get("/v1/models", &token));
            assert_eq!(client.response().status(), status);
        }
    }
    assert_eq!(mock.count(), 8);
}

#[test]
fn a_rotated_key_is_used_on_the_next_request() {
    let (mock, proxy, _) = agreeable();
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(proxy.addr)).collect();
    for key in ["sk-canary-rotated-first", "sk-canary-rotated-second"] {
        proxy.guard(key);
        proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"api_key": key}));
        for client in &mut clients {
            let index = mock.count();
            client.send(&get("/v1/models", &token));
            assert_eq!(client.response().status(), 200);
            assert_eq!(mock.request(index).head.value("authorization"), Some(format!("Bearer {key}").as_str()));
        }
    }
}

#[test]
fn a_project_that_moves_to_another_provider_is_served_there() {
    let (first, second) = (Mock::agreeable(), Mock::agreeable());
    let proxy = start(&Options::towards(&first).and(Entry::new("second", &second.base_url())));
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    proxy.managed("PATCH", &format!("/manage/projects/{}", project.id), &json!({"provider": "second"}));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn the_tokens_of_a_deleted_project_stop_working() {
    let (mock, proxy, other) = agreeable();
    let project = proxy.project();
    let token = proxy.token(&project).secret;
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    proxy.managed("DELETE", &format!("/manage/projects/{}", project.id), &json!({}));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 401);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &other)).status(), 200);
    assert_eq!(mock.count(), 2);
}

#[test]
fn a_new_token_works_at_once_also_after_it_was_unknown() {
    let (_mock, proxy, _) = agreeable();
    let unknown = "sk-AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", unknown)).status(), 401);
    let token = proxy.credential();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
}

#[test]
fn a_stream_that_runs_when_its_token_is_revoked_may_end_and_the_next_is_refused() {
    let go_on = crate::harness::Signal::default();
    let waiting = go_on.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.chunk(b"data: 1\n\n");
        waiting.wait();
        connection.chunk(b"data: 2\n\n");
        connection.send(b"0\r\n\r\n");
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.token(&proxy.project());
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token.secret));
    client.head();
    client.expect_body(b"data: 1\n\n");
    proxy.managed("DELETE", &format!("/manage/tokens/{}", token.id), &json!({}));
    go_on.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
    client.send(&get("/v1/models", &token.secret));
    assert_refused(&client.response(), 401, "token_inactive");
}
