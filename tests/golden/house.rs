//! What all scripts of a runtime share: one program, the upstream behind it, a provider for each dialect and fault.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::names::Names;
use crate::harness::{Entry, Options, Proxy};

/// The providers: one for each dialect, then OpenAI's with short deadlines, without an upstream, and with a path.
const PROVIDERS: [&str; 6] = ["openai", "anthropic", "gemini", "hasty", "gone", "prefixed"];

/// One program with all that scripts need.
pub(super) struct House {
    /// The program.
    pub(super) proxy: Proxy,
    /// What each script knows at its start: `<openai>`, `<openai-inactive>` and so on for tokens.
    pub(super) names: Names,
    /// A project's id by its provider.
    projects: BTreeMap<&'static str, String>,
    /// Connections that the program made to the upstream, in order.
    accepted: Receiver<TcpStream>,
}

impl House {
    pub(super) fn start(runtime: &'static str) -> Self {
        let (upstream, accepted) = listen();
        let proxy = Proxy::start(runtime, &options(upstream));
        let mut house = Self { proxy, names: Names::default(), projects: BTreeMap::new(), accepted };
        house.names.add("management-token", &house.proxy.secrets()[0]);
        house.names.add("version", env!("CARGO_PKG_VERSION"));
        for provider in PROVIDERS {
            house.furnish(provider);
        }
        house
    }

    /// Makes a project with a token at a provider, and an inactive project with another.
    fn furnish(&mut self, provider: &'static str) {
        let project = self.make(&json!({"name": provider, "api_key": upstream_key(provider), "provider": provider}));
        let inactive = self.make(
            &json!({"name": format!("{provider} inactive"), "api_key": upstream_key(provider), "provider": provider}),
        );
        self.names.add(&format!("{provider}-key"), &upstream_key(provider));
        let token = self.token(&project, &json!({}));
        self.names.add(provider, &token);
        let token = self.token(&inactive, &json!({}));
        self.names.add(&format!("{provider}-inactive"), &token);
        self.proxy.managed("PATCH", &format!("/manage/projects/{inactive}"), &json!({"is_active": false}));
        self.names.add(&format!("{provider}-project"), &project);
        self.projects.insert(provider, project);
    }

    fn make(&self, project: &Value) -> String {
        self.proxy.managed("POST", "/manage/projects", project)["id"].as_str().unwrap().to_owned()
    }

    fn token(&self, project: &str, members: &Value) -> String {
        let mut body = json!({"project_id": project, "duration_minutes": 60});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let secret = self.proxy.managed("POST", "/manage/tokens", &body)["token"].as_str().unwrap().to_owned();
        self.proxy.guard(&secret);
        secret
    }

    /// A new token at a provider, good for so many requests.
    pub(super) fn limited_token(&self, provider: &str, requests: u64) -> String {
        self.token(&self.projects[provider], &json!({"max_requests": requests}))
    }

    /// The next connection to the upstream, if it comes in time.
    pub(super) fn accept(&self, patience: Duration) -> Option<TcpStream> {
        self.accepted.recv_timeout(patience).ok()
    }
}

/// The upstream key of a provider's projects.
fn upstream_key(provider: &str) -> String {
    format!("sk-canary-upstream-key-of-{provider}")
}

/// An upstream: where it listens, and its connections.
fn listen() -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, accepted) = channel();
    // Ends with the process.
    thread::spawn(move || listener.incoming().map_while(Result::ok).all(|stream| sender.send(stream).is_ok()));
    (addr, accepted)
}

/// One worker, so that exchanges which follow each other share one pool.
fn options(upstream: SocketAddr) -> Options {
    // Bound and not listening any more: the port refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base_url = format!("http://{upstream}");
    Options::with(Entry::new("openai", &base_url))
        .and(Entry::new("anthropic", &base_url).dialect("anthropic"))
        .and(Entry::new("gemini", &base_url).dialect("gemini"))
        .and(Entry::new("hasty", &base_url).line("timeouts: {response_header: 300ms, stream_idle: 1s}"))
        .and(Entry::new("gone", &format!("http://{refusing}")))
        .and(Entry::new("prefixed", &format!("{base_url}/some/where")))
        .env("WORKERS", "1")
        // The scripts are independent of each other, and many end with an upstream that fails.
        .env("BREAKER_FAILURES", "0")
        .env("AUTH_FAILURE_LIMIT", "0")
        .env("MAX_REQUEST_SIZE", "1000")
}
