//! Exchanges as lists of what each side says, for tests that play them in many ways.

use crate::auth::Grant;
use crate::testing::{
    MANAGEMENT_TOKEN, Pair, Split, get, grant, ok, post, provider, request, rules_for, switching, websocket,
};

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Say {
    Client(String),
    Upstream(String),
    ClientEnds,
    ClientBreaks,
    UpstreamEnds,
    UpstreamBreaks,
    Seconds(u64),
    Drain,
}

use Say::{Client, ClientBreaks, ClientEnds, Drain, Seconds, Upstream, UpstreamBreaks, UpstreamEnds};

/// One exchange or several on one connection.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    /// Idle connections in the pool.
    pub(super) idle: usize,
    /// Requests that the token has left, if it is limited.
    pub(super) left: Option<u64>,
    /// The most content that a request may have.
    pub(super) limit: u64,
    pub(super) says: Vec<Say>,
}

impl Script {
    fn new(name: &'static str, says: Vec<Say>) -> Self {
        Self { name, idle: 0, left: None, limit: 1024, says }
    }

    fn idle(self, idle: usize) -> Self {
        Self { idle, ..self }
    }

    fn left(self, left: u64) -> Self {
        Self { left: Some(left), ..self }
    }

    fn limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// A pair for it.
    pub(super) fn pair(&self) -> Pair {
        let mut provider = provider();
        provider.max_request_default = self.limit;
        let grant = Grant { max_requests: self.left, ..grant() };
        let mut pair = Pair::with(rules_for(provider), Some(grant));
        (pair.idle, pair.store.left) = (self.idle, self.left.unwrap_or_default());
        pair
    }

    /// Plays it, with the bytes of the say number `at` cut by `split`, or those of all where `at` is `None`.
    pub(super) fn play(&self, pair: &mut Pair, at: Option<usize>, split: Split) {
        for (index, say) in self.says.iter().enumerate() {
            pair.split = if at.is_none_or(|at| at == index) { split } else { Split::Whole };
            match say {
                Client(bytes) => {
                    pair.client(bytes);
                }
                Upstream(bytes) => {
                    pair.upstream(bytes);
                }
                ClientEnds => pair.client_ends(),
                ClientBreaks => pair.client_breaks(),
                UpstreamEnds => pair.upstream_ends(),
                UpstreamBreaks => pair.upstream_breaks(),
                Seconds(seconds) => {
                    pair.advance(std::time::Duration::from_secs(*seconds));
                }
                Drain => pair.drain_starts(),
            }
        }
    }
}

fn c(bytes: impl Into<String>) -> Say {
    Client(bytes.into())
}

fn u(bytes: impl Into<String>) -> Say {
    Upstream(bytes.into())
}

/// A response in chunks, with whatever follows the data chunks.
fn chunks(end: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n!\r\n{end}")
}

fn old(bytes: &str) -> String {
    bytes.replace("HTTP/1.1", "HTTP/1.0")
}

fn live() -> String {
    "GET /live HTTP/1.1\r\nHost: p\r\n\r\n".to_owned()
}

fn manage(line: &str, fields: &str, content: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{fields}\r\n{content}")
}

fn chunked_post(content: &str) -> String {
    request("POST /v1/x", "Transfer-Encoding: chunked\r\n", content)
}

/// All of them.
pub(super) fn all() -> Vec<Script> {
    let mut scripts = answers();
    scripts.extend(requests());
    scripts.extend(endings());
    scripts.extend(our_own());
    scripts.extend(tunnels());
    scripts
}

fn tunnels() -> Vec<Script> {
    let tunnel = |name, rest: Vec<Say>| {
        let mut says = vec![c(websocket("/v1/x")), u(switching("Content-Length: 0\r\n") + "first")];
        says.extend(rest);
        Script::new(name, says)
    };
    let chat = || vec![c("GET / HTTP/1.1\r\n\r\n"), u("HTTP/1.1 200 OK\r\n\r\n"), c("0\r\n\r\n"), u("\0\u{1}")];
    let then = |last: Vec<Say>| chat().into_iter().chain(last).collect::<Vec<_>>();
    vec![
        tunnel("tunnel that the upstream ends", then(vec![UpstreamEnds])),
        tunnel("tunnel that the upstream breaks", then(vec![UpstreamBreaks])),
        tunnel("tunnel that the client ends", then(vec![ClientEnds, u("last"), Seconds(2)])),
        tunnel("tunnel that the client breaks", then(vec![ClientBreaks])),
        tunnel("tunnel that is idle", then(vec![Seconds(120)])),
        tunnel("tunnel whose token expires", then(vec![Seconds(60), c("a"), Seconds(3600)])),
        tunnel("tunnel while the program stops", then(vec![Drain, c("b"), u("c"), UpstreamEnds])),
        Script::new("tunnel on a reused connection", vec![c(websocket("/v1/x")), u(switching("")), UpstreamEnds])
            .idle(1),
        Script::new("upgrade tried again", vec![c(websocket("/v1/x")), UpstreamEnds, u(switching("")), UpstreamEnds])
            .idle(1),
        Script::new("limited tunnel", vec![c(websocket("/v1/x")), u(switching("")), c("a"), UpstreamEnds]).left(1),
        Script::new("upgrade refused", vec![c(websocket("/v1/x") + &get("/v1/y")), u(ok("no")), u(ok("b"))]),
        Script::new("bytes before the 101", vec![c(websocket("/v1/x") + "early"), u(switching("")), UpstreamEnds]),
        Script::new(
            "switch to something else",
            vec![c(websocket("/v1/x")), u(switching("").replace("websocket", "h2c"))],
        ),
    ]
}

fn answers() -> Vec<Script> {
    let answer = |name, bytes: String| Script::new(name, vec![c(get("/v1/x")), u(bytes)]);
    let head = request("HEAD /v1/x", "", "");
    let until_close = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
    vec![
        answer("length", ok("hello")),
        answer("length zero", ok("")),
        answer("chunked", chunks("0\r\n\r\n")),
        answer("chunked with trailers", chunks("0\r\nX-Sum: 1\r\nHost: no\r\n\r\n")),
        answer("no content", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".into()),
        answer("not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n".into()),
        answer("interim", "HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 \r\n\r\n".to_owned() + &ok("a")),
        answer("switching", "HTTP/1.1 101 Switching\r\nUpgrade: a\r\n\r\n".into()),
        answer("not http", "SSH-2.0-server\r\n".into()),
        answer("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na".into()),
        answer("bad chunk", chunks("zz\r\n")),
        answer("close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab".into()),
        answer(
            "stream",
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n".into(),
        ),
        Script::new("until close", vec![c(get("/v1/x")), u(until_close), UpstreamEnds, c(get("/v1/y")), u(ok("b"))]),
        Script::new("until reset", vec![c(get("/v1/x")), u(until_close), UpstreamBreaks]),
        Script::new(
            "head",
            vec![c(head.clone()), u("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), c(get("/v1/y")), u(ok("b"))],
        ),
        Script::new(
            "head pipelined",
            vec![c(head + &live()), u("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")],
        ),
        Script::new("old client, chunks", vec![c(old(&get("/v1/x"))), u(chunks("0\r\nX: y\r\n\r\n"))]),
        Script::new("old client, length", vec![c(old(&get("/v1/x"))), u(ok("hello"))]),
        Script::new("old upstream", vec![c(get("/v1/x")), u("HTTP/1.0 200 OK\r\n\r\nhello"), UpstreamEnds]),
    ]
}

fn requests() -> Vec<Script> {
    let expect = request("POST /v1/x", "Content-Length: 3\r\nExpect: 100-continue\r\n", "");
    vec![
        Script::new("post", vec![c(post("/v1/x", "hello")), u(ok("a"))]),
        Script::new(
            "chunked post",
            vec![c(chunked_post("3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Sum: 1\r\nTE: no\r\n\r\n")), u(ok("a"))],
        ),
        Script::new("empty chunked post", vec![c(chunked_post("0\r\n\r\n")), u(ok("a"))]),
        Script::new("pipelined", vec![c(get("/v1/a") + &post("/v1/b", "bb") + &live()), u(ok("a")), u(ok("b"))]),
        Script::new("after a refusal", vec![c(get("/no") + &get("/v1/b")), u(ok("b"))]),
        Script::new("malformed behind a good one", vec![c(get("/v1/a") + "BAD \r\n\r\n" + &live()), u(ok("a"))]),
        Script::new("empty lines between", vec![c("\r\n".to_owned() + &live() + "\r\n\r\n" + &live())]),
        Script::new("expect", vec![c(expect.clone()), u("HTTP/1.1 100 Continue\r\n\r\n"), c("abc"), u(ok("a"))]),
        Script::new(
            "expect refused",
            vec![c(expect), u("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"), c("abc"), ClientEnds],
        ),
        Script::new(
            "early answer",
            vec![c(request("POST /v1/x", "Content-Length: 9\r\n", "abc")), u(ok("no")), c("def"), Seconds(3)],
        ),
        Script::new("too long", vec![c(post("/v1/x", "hello"))]).limit(4),
        Script::new("too long in chunks", vec![c(chunked_post("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))]).limit(4),
        Script::new("bad chunk", vec![c(chunked_post("3\r\nabc\r\nzz\r\n")), u(ok("a"))]),
        Script::new(
            "no token",
            vec![c("GET /v1/x HTTP/1.1\r\nHost: p\r\n\r\n".to_owned() + &get("/v1/y")), u(ok("b"))],
        ),
        Script::new(
            "no token, with content",
            vec![c("POST /v1/x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nhello".to_owned() + &live())],
        ),
        Script::new("close", vec![c(request("GET /v1/x", "Connection: close\r\n", "") + &live()), u(ok("a"))]),
        Script::new("limited", vec![c(get("/v1/a") + &get("/v1/b")), u(ok("a"))]).left(1),
        Script::new("two credentials", vec![c(request("GET /v1/x", "api-key: other\r\n", ""))]),
    ]
}

fn endings() -> Vec<Script> {
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    vec![
        Script::new("get tried again", vec![c(get("/v1/x")), UpstreamEnds, u(ok("a"))]).idle(1),
        Script::new("get tried twice in vain", vec![c(get("/v1/x")), UpstreamEnds, UpstreamBreaks]).idle(1),
        Script::new("post not tried again", vec![c(post("/v1/x", "abc")), UpstreamEnds]).idle(1),
        Script::new("reused and kept", vec![c(get("/v1/x")), u(ok("a")), c(get("/v1/y")), u(ok("b"))]).idle(1),
        Script::new("cut head", vec![c(get("/v1/x")), u("HTTP/1.1 200 OK\r\nX"), UpstreamEnds, c(live())]),
        Script::new("cut chunks", vec![c(get("/v1/x")), u(begun), UpstreamEnds]),
        Script::new(
            "cut length",
            vec![c(get("/v1/x")), u("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), UpstreamBreaks],
        ),
        Script::new("cut for an old client", vec![c(old(&get("/v1/x"))), u(begun), UpstreamBreaks]),
        Script::new("client ends", vec![c(get("/v1/x")), u(begun), ClientEnds]),
        Script::new("client breaks", vec![c(request("POST /v1/x", "Content-Length: 9\r\n", "abc")), ClientBreaks]),
        Script::new("client ends in a head", vec![c("GET /v1/x HTT"), ClientEnds]),
        Script::new("slow head", vec![c("GET /v1/x HTTP/1.1\r\nHo"), Seconds(10)]),
        Script::new("slow content", vec![c(request("POST /v1/x", "Content-Length: 9\r\n", "abc")), Seconds(30)]),
        Script::new("slow answer", vec![c(get("/v1/x")), Seconds(60), c(live())]),
        Script::new("drained", vec![c(get("/v1/x") + &live()), Drain, u(ok("a"))]),
    ]
}

fn our_own() -> Vec<Script> {
    let length = "Content-Length: 29\r\n";
    let project = r#"{"name":"a","api_key":"sk-k"}"#;
    let split = format!("a\r\n{}\r\n13\r\n{}\r\n0\r\n\r\n", &project[..10], &project[10..]);
    vec![
        Script::new("probes", vec![c(live() + "GET /ready HTTP/1.1\r\nHost: p\r\n\r\nHEAD /health HTTP/1.0\r\n\r\n")]),
        Script::new("call", vec![c(manage("POST /manage/projects", length, project) + &live())]),
        Script::new("chunked call", vec![c(manage("POST /manage/projects", "Transfer-Encoding: chunked\r\n", &split))]),
        Script::new("bad call", vec![c(manage("POST /manage/projects", "Content-Length: 2\r\n", "{}"))]),
        Script::new(
            "call without the credential",
            vec![c("POST /manage/tokens HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}")],
        ),
        Script::new(
            "call that expects",
            vec![c(manage("POST /manage/projects", &format!("{length}Expect: 100-continue\r\n"), "")), c(project)],
        ),
    ]
}

#[test]
fn there_are_enough_and_each_ends_what_it_begins() {
    let scripts = all();
    assert!(scripts.len() >= 40, "{}", scripts.len());
    for script in scripts {
        let mut pair = script.pair();
        script.play(&mut pair, None, Split::Whole);
        assert!(!pair.ended.is_empty() || !pair.client_log.is_empty(), "{}", script.name);
        assert!(!pair.uses.iter().any(|each| each.end.is_none()), "{}", script.name);
    }
}
