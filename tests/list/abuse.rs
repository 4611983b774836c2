//! Clients that mean harm, a few hundred of each kind, beside one that means well: it is served all the while, and
//! afterwards memory and open files are about what they were. `benches/abuse` measures the same with thousands.

use std::time::{Duration, Instant};

use super::{assert_refused, start};
use crate::harness::{Client, Mock, Options, Proxy, Signal, get, ok, raise_file_limit};

const MIB: usize = 1 << 20;
/// What all of an attack may leave in memory: allocators keep some of what was used.
const LEFT: usize = 24 * MIB;
/// What the well-behaved client waits for at most. Far above what it takes; far below what an attacker could hold.
const AT_MOST: Duration = Duration::from_secs(4);

/// The program as it was before an attack.
struct Scene {
    mock: Mock,
    proxy: Proxy,
    token: String,
    kept: Client,
    memory: usize,
    files: usize,
}

impl Scene {
    fn new(options: impl Fn(Options) -> Options) -> Self {
        raise_file_limit();
        let mock = Mock::agreeable();
        let proxy = start(&options(Options::towards(&mock).alone()));
        let token = proxy.credential();
        let mut kept = Client::connect(proxy.addr);
        for _ in 0..20 {
            kept.send(&get("/v1/models", &token));
            assert_eq!(kept.response().status(), 200);
        }
        let (memory, files) = (proxy.memory(), proxy.open_files());
        Self { mock, proxy, token, kept, memory, files }
    }

    fn attackers(&self, count: usize, first: &[u8]) -> Vec<Client> {
        let connect = |_| {
            let mut client = Client::connect(self.proxy.addr);
            // It may be closed again before it says a word.
            let _ = client.try_send(first);
            client
        };
        (0..count).map(connect).collect()
    }

    /// Requests on a new connection and on the kept one: all are answered, none takes long.
    fn is_well_behaved_served(&mut self, times: usize) {
        let request = get("/v1/models", &self.token);
        for _ in 0..times {
            for new in [true, false] {
                let begin = Instant::now();
                let status = if new {
                    Client::once(self.proxy.addr, &request).status()
                } else {
                    self.kept.send(&request);
                    self.kept.response().status()
                };
                assert_eq!(status, 200, "on a new connection: {new}");
                assert!(begin.elapsed() < AT_MOST, "it took {:?}; on a new connection: {new}", begin.elapsed());
            }
        }
    }

    /// Nothing of the attack is left.
    fn is_as_before(&mut self) {
        let open = self.proxy.until_open_files(self.files + 4);
        assert!(open <= self.files + 4, "open files grew from {} to {open}", self.files);
        let memory = self.proxy.memory();
        assert!(memory < self.memory + LEFT, "memory grew from {} to {memory}", self.memory);
        self.is_well_behaved_served(1);
    }
}

const PART_OF_A_HEAD: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: p\r\nX-Slow: ";

#[test]
fn silent_connections_make_room_for_others() {
    let mut scene = Scene::new(|options| options.env("MAX_CONNECTIONS", "100"));
    let silent = scene.attackers(300, b"");
    scene.is_well_behaved_served(20);
    drop(silent);
    scene.is_as_before();
}

#[test]
fn heads_that_drip_in_make_room_for_others() {
    let mut scene = Scene::new(|options| options.env("MAX_CONNECTIONS", "100"));
    let mut dripping = scene.attackers(300, PART_OF_A_HEAD);
    for _ in 0..10 {
        for client in &mut dripping {
            let _ = client.try_send(b"x");
        }
        scene.is_well_behaved_served(2);
    }
    drop(dripping);
    scene.is_as_before();
}

#[test]
fn kept_connections_make_room_for_others_and_the_one_silent_longest_goes() {
    let scene = Scene::new(|options| options.env("MAX_CONNECTIONS", "8"));
    let mut kept = Vec::new();
    for _ in 0..7 {
        let mut client = Client::connect(scene.proxy.addr);
        client.send(b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
        assert_eq!(client.response().status(), 200);
        kept.push(client);
    }
    assert_eq!(Client::once(scene.proxy.addr, &get("/v1/models", &scene.token)).status(), 200);
    let Scene { kept: mut oldest, proxy: _proxy, .. } = scene;
    oldest.expect_close();
    for client in &mut kept {
        client.send(b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
        assert_eq!(client.response().status(), 200);
    }
}

#[test]
fn a_request_under_way_makes_no_room() {
    let release = Signal::default();
    let waiting = release.clone();
    let mock = Mock::start(move |connection, _| {
        waiting.wait();
        connection.send(&ok("{}"));
    });
    let proxy = start(&Options::towards(&mock).env("MAX_CONNECTIONS", "5"));
    let token = proxy.credential();
    let mut held: Vec<Client> = (0..5).map(|_| Client::connect(proxy.addr)).collect();
    for (index, client) in held.iter_mut().enumerate() {
        client.send(&get("/v1/models", &token));
        mock.request(index);
    }
    let mut newcomer = Client::connect(proxy.addr);
    newcomer.send(b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n");
    newcomer.patience(Duration::from_millis(500));
    assert!(newcomer.try_response(false).is_err(), "a sixth connection was served");
    release.set();
    for client in &mut held {
        assert_eq!(client.response().status(), 200);
    }
    newcomer.patience(crate::harness::PATIENCE);
    assert_eq!(newcomer.response().status(), 200);
}

#[test]
fn open_files_that_run_out_make_idle_connections_go() {
    let mut scene = Scene::new(|options| options.env("MAX_CONNECTIONS", "10000").open_files(160));
    let silent = scene.attackers(600, b"");
    scene.is_well_behaved_served(10);
    let peak = scene.proxy.open_files();
    assert!(peak <= 160, "{peak} open files");
    assert!(peak > 100, "only {peak} open files: the limit was never near");
    let lines = scene.proxy.logged("open files run out: idle connections make room");
    assert!((1..60).contains(&lines), "{lines} lines tell of it");
    drop(silent);
    scene.is_as_before();
}

#[test]
fn five_hundred_heads_that_drip_in_are_given_ten_seconds() {
    let mut scene = Scene::new(|options| options);
    let begin = Instant::now();
    let mut dripping = scene.attackers(500, PART_OF_A_HEAD);
    while begin.elapsed() < Duration::from_secs(9) {
        for client in &mut dripping {
            let _ = client.try_send(b"x");
        }
        scene.is_well_behaved_served(5);
        std::thread::sleep(Duration::from_millis(500));
    }
    for client in &mut dripping {
        assert_refused(&client.response(), 408, "request_timeout");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    let reached = scene.mock.requests().iter().filter(|request| request.head.has("x-slow")).count();
    assert_eq!(reached, 0, "a part of a head reached the upstream");
    drop(dripping);
    scene.is_as_before();
}

#[test]
fn much_content_in_chunks_of_one_byte_costs_little() {
    // Enough to show a cost that grows faster than the content.
    const TINY: usize = 128 * 1024;
    let mut scene = Scene::new(|options| options);
    let head = "POST /v1/responses HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n";
    let mut request = format!("{head}Authorization: Bearer {}\r\n\r\n", scene.token).into_bytes();
    request.extend(b"1\r\nx\r\n".repeat(TINY));
    request.extend(b"0\r\n\r\n");
    let before = scene.proxy.memory();
    let begin = Instant::now();
    assert_eq!(Client::once(scene.proxy.addr, &request).status(), 200);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    assert_eq!(scene.mock.requests().last().unwrap().body.len(), TINY);
    let after = scene.proxy.memory();
    assert!(after < before + 16 * MIB, "memory grew from {before} to {after}");
    scene.is_as_before();
}

#[test]
fn chunk_extensions_without_end_are_refused() {
    let mut scene = Scene::new(|options| options);
    let head = "POST /v1/responses HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n";
    let start = format!("{head}Authorization: Bearer {}\r\n\r\n1;", scene.token);
    for mut client in scene.attackers(20, start.as_bytes()) {
        let _ = client.try_send(&b"x".repeat(MIB));
        assert_refused(&client.response(), 400, "bad_request");
    }
    scene.is_as_before();
}

#[test]
fn pipelined_requests_whose_answers_are_not_read_wait_in_the_system() {
    let mut scene = Scene::new(|options| options);
    let requests = b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n".repeat(1000);
    let mut clients = scene.attackers(20, b"");
    for client in &mut clients {
        let mut sent = 0;
        while sent < 16 * MIB {
            match client.send_some(&requests, Duration::from_millis(100)) {
                0 => break,
                some => sent += some,
            }
        }
        assert!(sent < 16 * MIB, "all {sent} bytes were taken from a client that reads nothing");
    }
    let memory = scene.proxy.memory();
    assert!(memory < scene.memory + LEFT, "memory grew from {} to {memory}", scene.memory);
    scene.is_well_behaved_served(10);
    drop(clients);
    scene.is_as_before();
}

#[test]
fn connections_that_are_reset_at_once_leave_nothing() {
    let mut scene = Scene::new(|options| options.env("MAX_CONNECTIONS", "100"));
    for round in 0..20 {
        let first: &[u8] = if round % 2 == 0 { b"" } else { PART_OF_A_HEAD };
        scene.attackers(100, first).into_iter().for_each(Client::reset);
        scene.is_well_behaved_served(1);
    }
    scene.is_as_before();
}
