//! A client that makes one call after the other and keeps its ledger; and all of them together, settled against what
//! the program shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use serde_json::Value;

use super::ledger::{Call, Fate, Fields, Ledger, Shown};
use super::random::Random;
use super::step::Step;
use crate::harness::{Client, MANAGEMENT_TOKEN, Proxy, Response};

/// What a 503 says about the change that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// There must be none.
    Never,
    /// It was not made.
    NotMade,
    /// Nobody knows: the connection to the database broke.
    Unknown,
}

/// Numbers for names, unique in the process.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A client and its book.
#[derive(Debug)]
pub(super) struct Worker {
    ledger: Ledger,
    random: Random,
    refusal: Refusal,
}

impl Worker {
    /// One call: how it ended. A client that gets no answer has lost its connection.
    pub(super) fn call(&mut self, client: &mut Client) -> Fate {
        let name = unique();
        let step = Step::choose(&self.ledger, &mut self.random, name);
        let request_id = format!("durability-{}-{name}", std::process::id());
        let (method, path, body) = step.request();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n\
             X-Request-ID: {request_id}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = client.try_send(request.as_bytes()).ok().and_then(|()| client.try_response(false).ok());
        let Some(response) = answer else {
            self.ledger.uncertain(&step, request_id, Fate::Unanswered);
            return Fate::Unanswered;
        };
        self.answered(&step, request_id, &response)
    }

    fn answered(&mut self, step: &Step, request_id: String, response: &Response) -> Fate {
        if (200..300).contains(&response.status()) {
            let body = if response.body.is_empty() { Value::Null } else { response.json() };
            self.ledger.acknowledged(step, request_id, &body);
            return Fate::Acknowledged;
        }
        assert_eq!(response.status(), 503, "{step:?}: {response:?}");
        let code = response.json()["code"].clone();
        assert!(code == "store_unavailable" || code == "audit_unavailable", "{step:?}: {}", response.text());
        match self.refusal {
            Refusal::Never => panic!("{request_id} {step:?} was refused: {}", response.text()),
            Refusal::NotMade => self.ledger.refused(step, request_id),
            Refusal::Unknown => self.ledger.uncertain(step, request_id, Fate::Refused),
        }
        Fate::Refused
    }
}

/// Clients that never share a project.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// Things of the test's own.
    others: Vec<String>,
}

impl Workers {
    pub(super) fn new(count: usize, refusal: Refusal, random: &mut Random) -> Self {
        let worker = |_| Worker { ledger: Ledger::default(), random: random.split(), refusal };
        Self { workers: (0..count).map(worker).collect(), others: Vec::new() }
    }

    /// These projects and tokens are not theirs.
    pub(super) fn leave_out(&mut self, ids: impl IntoIterator<Item = String>) {
        self.others.extend(ids);
    }

    /// All make calls, each on a connection of its own, to `proxies` in turn, until it breaks or `enough` is set. Each
    /// call's end is sent. Meanwhile `conduct` runs; calls end after it at the latest.
    pub(super) fn stream<T>(&mut self, proxies: &[&Proxy], ended: &Sender<Fate>, conduct: impl FnOnce() -> T) -> T {
        // Connected before the first call: the conductor may kill the program at any moment after that.
        let clients: Vec<Client> =
            (0..self.workers.len()).map(|i| Client::connect(proxies[i % proxies.len()].addr)).collect();
        let enough = &AtomicBool::new(false);
        thread::scope(|scope| {
            for (worker, mut client) in self.workers.iter_mut().zip(clients) {
                let ended = ended.clone();
                scope.spawn(move || {
                    while !enough.load(Ordering::Relaxed) {
                        let fate = worker.call(&mut client);
                        // Nobody may listen any more.
                        let _ = ended.send(fate);
                        if fate == Fate::Unanswered {
                            break;
                        }
                    }
                });
            }
            let _stop = Stop(enough);
            conduct()
        })
    }

    /// One client alone makes calls, until `done` says so of one's end.
    pub(super) fn alone(&mut self, proxy: &Proxy, mut done: impl FnMut(Fate) -> bool) {
        let mut client = Client::connect(proxy.addr);
        while !done(self.workers[0].call(&mut client)) {}
    }

    /// Compares all ledgers with what the program shows; gives the calls since the last time.
    pub(super) fn settle(&mut self, proxy: &Proxy) -> Vec<Call> {
        let mut shown = Shown { projects: list(proxy, "projects"), tokens: list(proxy, "tokens") };
        for id in &self.others {
            assert!(shown.projects.remove(id).or_else(|| shown.tokens.remove(id)).is_some(), "{id} is gone");
        }
        self.workers.iter_mut().for_each(|worker| worker.ledger.settle(&mut shown));
        assert!(shown.projects.is_empty() && shown.tokens.is_empty(), "nobody asked for {shown:?}");
        self.workers.iter_mut().flat_map(|worker| worker.ledger.take_calls()).collect()
    }
}

/// Tells the clients to stop, also when the conductor panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All of a collection, by ids.
fn list(proxy: &Proxy, collection: &str) -> BTreeMap<String, Fields> {
    let response = proxy.manage("GET", &format!("/manage/{collection}"), None);
    assert_eq!(response.status(), 200, "{response:?}");
    let Value::Array(items) = response.json() else { panic!("no array: {response:?}") };
    items
        .into_iter()
        .map(|item| {
            let Value::Object(fields) = item else { panic!("no object: {item}") };
            (fields["id"].as_str().unwrap().to_owned(), fields)
        })
        .collect()
}
