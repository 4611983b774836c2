//! A session that is driven by arbitrary bytes: they say what the client and the upstream send, who goes away, what
//! the store answers, how time passes and how much a socket takes.

use std::time::Duration;

use crate::connection::SessionInput;
use crate::exchange::Misuse;
use crate::inspect::{Glob, ParamRules, Policy};
use crate::quota::{Holds, RateLimit};
use crate::reject::UpstreamFault;
use crate::settings::Provider;
use crate::testing::{
    KEY, MANAGEMENT_TOKEN, Pair, Split, check, get, grant, ok, post, provider, request, rules, rules_for, settle,
    switching, websocket,
};

/// Any conversation between any client, upstream, store and clock.
///
/// # Panics
/// If a law is broken: see [`check`](crate::testing::check); also if the machine panics, never comes to rest, or takes
/// an input that does not fit; or if anybody hears anything else from a session whose messages go through its driver.
pub fn exchange(data: &[u8]) {
    let (direct, relayed) = (converse(data, |pair| pair), converse(data, Pair::relayed));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&relayed.client_log), text(&direct.client_log), "the client hears something else");
    assert_eq!(relayed.uses, direct.uses, "an upstream hears something else");
    let outcomes =
        |pair: &Pair| pair.ended.iter().map(|ended| (ended.outcome, ended.status, ended.code)).collect::<Vec<_>>();
    assert_eq!(outcomes(&relayed), outcomes(&direct));
}

fn converse(data: &[u8], drive: impl FnOnce(Pair) -> Pair) -> Pair {
    let mut bytes = Operations(data);
    let kind = bytes.next();
    let (limited, rated) = (kind.is_multiple_of(4), kind % 8 > 5);
    let grant =
        crate::auth::Grant { max_requests: limited.then_some(9), requests_per_minute: rated.then_some(2), ..grant() };
    let mut rules = if kind / 4 % 4 == 3 { rules_for(listing()) } else { rules() };
    rules.rates.everyone = RateLimit::per_minute(if kind % 16 > 12 { 4 } else { 0 });
    rules.rates.failures = RateLimit::per_minute(if kind % 32 > 20 { 1 } else { 0 });
    rules.head_limits.bytes = 4096;
    rules.holds = Holds::new(40_000, 50_000);
    let holds = rules.holds.clone();
    let mut pair = drive(Pair::with(rules, Some(grant)));
    pair.store.left = 3;
    while !bytes.0.is_empty() {
        step(&mut pair, &mut bytes);
    }
    settle(&mut pair);
    check(&pair);
    assert_eq!(holds.held(), 0, "content is held for ever");
    pair
}

/// A provider that has a list.
fn listing() -> Provider {
    let models = vec![Glob::new("g*")];
    let params = ParamRules::new(vec![("model".to_owned(), models)]);
    Provider { inspection: Policy { params, uninspected: Vec::new() }, ..provider() }
}

/// What is left of the fuzzer's bytes.
struct Operations<'a>(&'a [u8]);

impl Operations<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A piece of a message, or so many of the fuzzer's own bytes.
    fn said(&mut self, pieces: &[String]) -> Vec<u8> {
        let which = usize::from(self.next());
        if let Some(piece) = pieces.get(which % 64) {
            return piece.clone().into_bytes();
        }
        let (own, rest) = self.0.split_at((which % 64).min(self.0.len()));
        self.0 = rest;
        own.to_vec()
    }
}

fn step(pair: &mut Pair, bytes: &mut Operations<'_>) {
    match bytes.next() % 24 {
        0..=6 => {
            pair.client(bytes.said(&client_pieces()));
        }
        7..=13 => {
            pair.upstream(bytes.said(&upstream_pieces()));
        }
        14 => leave(pair, bytes.next()),
        15 => link(pair, bytes.next()),
        16 | 17 => {
            pair.store.is_down = bytes.next() % 8 == 1;
            pair.answer_store();
        }
        18 => {
            let seconds = [0, 1, 2, 5, 9, 10, 30, 60, 120];
            pair.advance(Duration::from_secs(seconds[usize::from(bytes.next()) % seconds.len()]));
        }
        19 if bytes.next().is_multiple_of(4) => pair.drain_starts(),
        20 => misuse(pair, bytes.next()),
        _ => turn(pair, bytes.next()),
    }
}

fn leave(pair: &mut Pair, how: u8) {
    match how % 8 {
        0 => pair.client_ends(),
        1 => pair.client_breaks(),
        2 => pair.upstream_write_fails(),
        3 | 4 => pair.upstream_breaks(),
        _ => pair.upstream_ends(),
    }
}

fn link(pair: &mut Pair, how: u8) {
    if !pair.is_connecting() {
        pair.connects = how.is_multiple_of(2);
    } else if how.is_multiple_of(4) {
        pair.refuse_connection(UpstreamFault::Unreachable);
    } else {
        pair.connect(how % 4 == 1);
    }
}

/// Turns a knob.
fn turn(pair: &mut Pair, how: u8) {
    let sizes = [1, 2, 7, 100, usize::MAX];
    let size = sizes[usize::from(how / 8) % sizes.len()];
    match how % 8 {
        0 => pair.client_reads = !pair.client_reads,
        1 => pair.upstream_reads = !pair.upstream_reads,
        2 => pair.store_answers = !pair.store_answers,
        3 | 4 => pair.write_size = size,
        5 | 6 => pair.split = Split::Every(size),
        _ => pair.idle = usize::from(how / 8) % 3,
    }
    pair.drain();
}

/// An input that does not fit is refused, and changes nothing.
fn misuse(pair: &mut Pair, which: u8) {
    let too_much = pair.session.client_out().len() + 1 + usize::from(which);
    let misused = match which % 6 {
        0 => pair.misuse(SessionInput::ClientWrote(too_much)),
        1 if pair.session.is_connected() => {
            pair.misuse(SessionInput::UpstreamWrote(pair.session.upstream_out().len() + 1 + usize::from(which)))
        }
        1 => pair.misuse(SessionInput::UpstreamEnded),
        2 if !pair.session.is_connected() => pair.misuse(SessionInput::UpstreamRead(1)),
        3 if !pair.is_connecting() => pair.misuse(SessionInput::Connected { reused: false }),
        4 if !pair.is_connecting() => pair.misuse(SessionInput::ConnectFailed(UpstreamFault::Unreachable)),
        _ => return pair.answer_wrongly(),
    };
    assert!([Misuse::WroteTooMuch, Misuse::NoUpstream].contains(&misused));
}

fn client_pieces() -> Vec<String> {
    let manage = |line: &str, rest: &str| {
        format!("{line} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n{rest}")
    };
    let (chunked, json) = ("Transfer-Encoding: chunked\r\n", "Content-Type: application/json\r\n");
    vec![
        get("/v1/x"),
        post("/v1/x", "hello"),
        request("POST /v1/x", "Content-Length: 9\r\n", "abc"),
        "def".to_owned(),
        request("POST /v1/x", chunked, ""),
        request("PUT /v1/x", chunked, "0\r\n\r\n"),
        "3\r\nabc\r\n".to_owned(),
        "0\r\n\r\n".to_owned(),
        "0\r\nX-Sum: 1\r\nTE: x\r\n\r\n".to_owned(),
        request("HEAD /v1/x", "", ""),
        get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"),
        request("GET /v1/x", "Connection: keep-alive\r\n", "").replace("HTTP/1.1", "HTTP/1.0"),
        request("GET /v1/x", "Connection: close, x-a\r\nX-A: b\r\n", ""),
        request("POST /v1/x", "Content-Length: 3\r\nExpect: 100-continue\r\n", ""),
        "GET /live HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(),
        "GET /health HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(),
        manage("GET /manage/tokens", "\r\n"),
        manage("POST /manage/projects", "Content-Length: 29\r\n\r\n{\"name\":\"a\",\"api_key\":\"sk-k\"}"),
        manage("POST /manage/projects", "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"),
        "POST /v1/x HTTP/1.1\r\nHost: p\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        get("/no"),
        "BAD\r\n\r\n".to_owned(),
        "\r\n".to_owned(),
        "GET /v1/x HTTP/1.1\r\nHo".to_owned(),
        request("POST /v1/x", "Content-Length: 90000\r\n", ""),
        "a".repeat(30_000),
        request("POST /v1/x", "Content-Length: 2000000\r\n", ""),
        request("POST /v1/x", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        "GET /manage/audit HTTP/1.1\r\nHost: p\r\n\r\n".to_owned(),
        manage("POST /manage/tokens", "Transfer-Encoding: chunked\r\n\r\n"),
        manage("DELETE /manage/nothing", "\r\n"),
        websocket("/v1/x"),
        request("POST /v1/x", &format!("{json}Content-Length: 13\r\n"), "{\"model\":"),
        "\"g\"}".to_owned(),
        request("POST /v1/x", &format!("{json}{chunked}"), "9\r\n{\"model\":\r\n"),
        "4\r\n\"g\"}\r\n0\r\nX-Sum: 1\r\n\r\n".to_owned(),
        "5\r\n\"o3\"}\r\n0\r\n\r\n".to_owned(),
        request("POST /v1/x", &format!("{json}Content-Length: 39013\r\nExpect: 100-continue\r\n"), "{\"model\":"),
        " ".repeat(39_000),
    ]
}

fn upstream_pieces() -> Vec<String> {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    vec![
        ok("a"),
        ok(""),
        head("Content-Length: 9\r\n"),
        "abc".to_owned(),
        head("Transfer-Encoding: chunked\r\n"),
        "3\r\nabc\r\n".to_owned(),
        "0\r\n\r\n".to_owned(),
        "0\r\nX-Sum: 1\r\nHost: x\r\n\r\n".to_owned(),
        "zz\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n".to_owned(),
        head(""),
        "HTTP/1.0 200 OK\r\n\r\nabc".to_owned(),
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na".to_owned(),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n".to_owned(),
        head("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"),
        head("Connection: close\r\nContent-Length: 1\r\n") + "a",
        "a".repeat(70_000),
        head("Content-Length: 90000\r\n"),
        "HTTP/1.1 2".to_owned(),
        head("Content-Length: 1\r\nContent-Length: 1\r\n"),
        format!(
            "HTTP/1.1 401 {KEY}\r\nX: {KEY}\r\nContent-Length: 2\r\nConnection: date, content-length\r\nDate: x\r\n\r\nno"
        ),
        "1\r\na\r\n".repeat(3000),
        "HTTP/1.1 205 Reset Content\r\n\r\n".to_owned(),
        switching(""),
    ]
}
