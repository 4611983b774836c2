//! SIGHUP reads the providers file anew: what it says then counts for the next request, and disturbs none that runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rustix::process::Signal as Kill;

use super::{agreeable, assert_refused, start};
use crate::harness::{Client, Mock, Options, PATIENCE, Proxy, Signal, get, ok};

/// A providers file with one provider that allows these endpoints.
fn file(name: &str, mock: &Mock, endpoints: &str) -> String {
    format!(
        "default_api: {name}\napis:\n  {name}:\n    base_url: {}\n    allowed_endpoints: [{endpoints}]\n    \
         allowed_methods: [GET, POST]\n",
        mock.base_url()
    )
}

fn status(proxy: &Proxy, path: &str, token: &str) -> u16 {
    Client::once(proxy.addr, &get(path, token)).status()
}

#[test]
fn an_endpoint_that_is_new_is_allowed_and_one_that_is_gone_is_refused() {
    let (mock, proxy, token) = agreeable();
    assert_eq!((status(&proxy, "/v1/models", &token), status(&proxy, "/v1/files", &token)), (200, 404));
    proxy.write_providers(&file("mock", &mock, "/v1/files"));
    let said = proxy.reload("providers");
    assert_eq!((said["level"].as_str(), said["message"].as_str()), (Some("INFO"), Some("reloaded")), "{said}");
    assert!(said["changes"].as_str().unwrap().contains("changed: mock"), "{said}");
    assert_eq!((status(&proxy, "/v1/models", &token), status(&proxy, "/v1/files", &token)), (404, 200));
}

#[test]
fn a_stream_goes_on_although_its_provider_is_gone() {
    let finish = Signal::default();
    let waiting = finish.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.chunk(b"data: 1\n\n");
        waiting.wait();
        connection.chunk(b"data: 2\n\n");
        connection.send(b"0\r\n\r\n");
    });
    let proxy = start(&Options::towards(&mock));
    let token = proxy.credential();
    let mut client = Client::connect(proxy.addr);
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    proxy.write_providers(&file("other", &mock, "/v1"));
    assert_eq!(proxy.reload("providers")["message"], "reloaded");
    finish.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
    // The same connection's next request is judged anew.
    client.send(&get("/v1/models", &token));
    assert_refused(&client.response(), 404, "endpoint_not_found");
}

#[test]
fn a_project_whose_provider_vanished_comes_back_with_it() {
    let (mock, proxy, token) = agreeable();
    for (name, expected) in [("mock", 200), ("other", 404), ("mock", 200)] {
        proxy.write_providers(&file(name, &mock, "/v1"));
        assert_eq!(proxy.reload("providers")["message"], "reloaded");
        let response = Client::once(proxy.addr, &get("/v1/models", &token));
        assert_eq!(response.status(), expected, "{name}");
        if expected == 404 {
            assert_refused(&response, 404, "endpoint_not_found");
        }
    }
}

#[test]
fn a_project_can_be_made_at_a_provider_that_a_reload_brought() {
    let (mock, proxy, _) = agreeable();
    let body = serde_json::json!({"name": "with the new one", "provider": "other", "api_key": "k-0123456789"});
    assert_eq!(proxy.manage("POST", "/manage/projects", Some(&body)).status(), 400);
    proxy.write_providers(&file("other", &mock, "/v1"));
    proxy.reload("providers");
    let made = proxy.managed("POST", "/manage/projects", &body);
    assert_eq!(made["provider"], "other", "{made}");
}

#[test]
fn a_broken_file_is_refused_with_its_place_and_the_old_one_stays() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock).errors_expected());
    let token = proxy.credential();
    let good = file("mock", &mock, "/v1/files");
    for (broken, place) in [
        (good.replace("allowed_methods", "colour: red\n    allowed_methods"), "line 6, column 5"),
        (good.replace("[GET, POST]", "[GET"), "line "),
        (good.replace("default_api: mock", "default_api: nobody"), "line 1, column 14"),
        (String::new(), "line 1, column 1"),
    ] {
        proxy.write_providers(&broken);
        let said = proxy.reload("providers");
        assert_eq!(said["level"], "ERROR", "{said}");
        assert!(said["message"].as_str().unwrap().contains("what was there before stays"), "{said}");
        let error = said["error"].as_str().unwrap();
        assert!(error.contains("providers.yaml") && error.contains(place) && error.contains("column"), "{error}");
        assert_eq!((status(&proxy, "/v1/models", &token), status(&proxy, "/v1/files", &token)), (200, 404));
    }
    proxy.write_providers(&good);
    assert_eq!(proxy.reload("providers")["message"], "reloaded");
    assert_eq!(status(&proxy, "/v1/files", &token), 200);
}

#[test]
fn a_default_that_the_environment_names_must_be_in_the_new_file_too() {
    let mock = Mock::agreeable();
    let options = Options::towards(&mock).env("DEFAULT_API_PROVIDER", "mock").errors_expected();
    let proxy = start(&options);
    let token = proxy.credential();
    proxy.write_providers(&file("other", &mock, "/v1"));
    let said = proxy.reload("providers");
    assert!(said["error"].as_str().unwrap().starts_with("DEFAULT_API_PROVIDER: "), "{said}");
    assert_eq!(status(&proxy, "/v1/models", &token), 200);
}

#[test]
fn under_load_fifty_reloads_fail_no_request() {
    let mock = Mock::answering(ok("{}"));
    let proxy = start(&Options::towards(&mock).alone());
    let token = proxy.credential();
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(proxy.addr);
                while !done.load(Ordering::Relaxed) {
                    client.send(&get("/v1/models", &token));
                    assert_eq!(client.response().status(), 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..50 {
            let endpoints = if round % 2 == 0 { "/v1, /v2" } else { "/v1" };
            proxy.write_providers(&file("mock", &mock, endpoints));
            let said = proxy.reload("providers");
            assert!(said["changes"].as_str().unwrap().contains("changed: mock"), "{said}");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(served.into_inner(), mock.count());
}

#[test]
fn a_burst_of_hangups_ends_with_what_the_file_says_last() {
    let (mock, mut proxy, token) = agreeable();
    for round in 0..200 {
        let text = file("mock", &mock, if round == 199 { "/v1/files" } else { "/v1/models" });
        proxy.write_providers(&text);
        proxy.signal(Kill::HUP);
    }
    // The last of them was sent when the file was written, so that a reload that follows it sees the file.
    let deadline = Instant::now() + PATIENCE;
    while status(&proxy, "/v1/files", &token) != 200 {
        assert!(Instant::now() < deadline, "the last file never counted");
    }
    assert_eq!(status(&proxy, "/v1/models", &token), 404);
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
}

#[test]
fn a_hangup_before_the_program_listens_is_no_end() {
    let mock = Mock::agreeable();
    let proxy = Proxy::hang_up_while_opening(super::super::RUNTIME, &Options::towards(&mock));
    assert_eq!(proxy.until_logged("reloaded")["part"], "providers");
    assert_eq!(status(&proxy, "/v1/models", &proxy.credential()), 200);
}
