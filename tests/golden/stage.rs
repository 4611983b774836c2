//! Where a script is played: one thread holds both ends, so what happens has one order. Each step waits for the bytes
//! or the end that it is about; nothing waits for time to pass.

use std::net::TcpStream;
use std::time::Duration;

use super::house::House;
use super::names::Names;
use super::tape::{End, Tape, Wanted};
use super::transcript::Transcript;

/// How long a step waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection and its place in the transcript.
struct Peer {
    name: String,
    /// `None` when it has ended.
    tape: Option<Tape>,
    half_closed: bool,
}

/// A script that is being played.
pub(super) struct Stage<'a> {
    house: &'a House,
    names: Names,
    transcript: Transcript,
    clients: Vec<Peer>,
    upstreams: Vec<Peer>,
    /// A step waited in vain: those that follow do nothing.
    stuck: bool,
}

/// Which of the two sides a step is about: always the connection that came last.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Upstream,
}

impl<'a> Stage<'a> {
    pub(super) fn new(house: &'a House, name: &str) -> Self {
        let (names, transcript) = (house.names.clone(), Transcript::new(name));
        Self { house, names, transcript, clients: Vec::new(), upstreams: Vec::new(), stuck: false }
    }

    /// From now on `<limited>` is a token at that provider that is good for so many requests.
    pub(super) fn limit(&mut self, provider: &str, requests: u64) {
        self.names.add("limited", &self.house.limited_token(provider, requests));
    }

    /// A client connects. Only for those after the first.
    pub(super) fn client_connects(&mut self) {
        let stream = TcpStream::connect(self.house.proxy.addr).unwrap();
        let name = format!("client {}", self.clients.len() + 1);
        self.clients.push(Peer { name, tape: Some(Tape::new(stream, PATIENCE)), half_closed: false });
    }

    /// The client sends, and connects before if it is the first.
    pub(super) fn client_sends(&mut self, text: impl AsRef<[u8]>) {
        if self.clients.is_empty() {
            self.client_connects();
        }
        self.send(Side::Client, text.as_ref());
    }

    /// The client sends a request of JSON with its length.
    pub(super) fn client_calls(&mut self, method_and_path: &str, fields: &str, body: &str) {
        let length = self.names.values(body.as_bytes()).len();
        self.client_sends(format!(
            "{method_and_path} HTTP/1.1\r\nHost: proxy.example\r\n{fields}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ));
    }

    /// The client gets a whole response, and interim ones before it.
    pub(super) fn client_receives(&mut self) {
        while self.read(Side::Client, Wanted::Response).is_some_and(|bytes| bytes.starts_with(b"HTTP/1.1 1")) {}
    }

    /// The client gets a head: an interim one, the answer to `HEAD`, or one whose body is for later steps.
    pub(super) fn client_receives_head(&mut self) {
        self.read(Side::Client, Wanted::Head);
    }

    /// The client gets bytes up to and with these of a body, and the head before it if it has not got that yet.
    pub(super) fn client_receives_until(&mut self, end: impl AsRef<[u8]>) {
        self.read(Side::Client, Wanted::Until(end.as_ref()));
    }

    /// The client gets all bytes up to the connection's end.
    pub(super) fn client_sees_the_end(&mut self) {
        self.read(Side::Client, Wanted::End);
    }

    /// The client shuts its sending side.
    pub(super) fn client_half_closes(&mut self) {
        self.end(Side::Client, "shuts its sending side");
    }

    /// The client closes.
    pub(super) fn client_closes(&mut self) {
        self.end(Side::Client, "closes");
    }

    /// The client resets its connection.
    pub(super) fn client_resets(&mut self) {
        self.end(Side::Client, "resets");
    }

    /// A connection is made to the upstream. Only where another one is open already.
    pub(super) fn upstream_accepts(&mut self) {
        if self.stuck {
            return;
        }
        let name = format!("upstream {}", self.upstreams.len() + 1);
        match self.house.accept(PATIENCE) {
            Some(stream) => {
                self.upstreams.push(Peer { name, tape: Some(Tape::new(stream, PATIENCE)), half_closed: false });
            }
            None => {
                self.transcript.event(&format!("{name} is waited for in vain"));
                self.stuck = true;
            }
        }
    }

    fn upstream_accepts_if_none_is_open(&mut self) {
        if self.upstreams.last().is_none_or(|peer| peer.tape.is_none()) {
            self.upstream_accepts();
        }
    }

    /// The upstream gets a whole request.
    pub(super) fn upstream_receives(&mut self) {
        self.upstream_accepts_if_none_is_open();
        self.read(Side::Upstream, Wanted::Request);
    }

    /// The upstream gets bytes up to and with these of a body, and the head before it if it has not got that yet.
    pub(super) fn upstream_receives_until(&mut self, end: impl AsRef<[u8]>) {
        self.upstream_accepts_if_none_is_open();
        self.read(Side::Upstream, Wanted::Until(end.as_ref()));
    }

    /// The upstream gets a request's head alone.
    pub(super) fn upstream_receives_head(&mut self) {
        self.upstream_accepts_if_none_is_open();
        self.read(Side::Upstream, Wanted::Head);
    }

    /// The upstream gets all bytes up to the connection's end.
    pub(super) fn upstream_sees_the_end(&mut self) {
        self.upstream_accepts_if_none_is_open();
        self.read(Side::Upstream, Wanted::End);
    }

    /// The upstream sends.
    pub(super) fn upstream_sends(&mut self, text: impl AsRef<[u8]>) {
        self.send(Side::Upstream, text.as_ref());
    }

    /// The upstream closes.
    pub(super) fn upstream_closes(&mut self) {
        self.end(Side::Upstream, "closes");
    }

    /// The upstream resets its connection.
    pub(super) fn upstream_resets(&mut self) {
        self.end(Side::Upstream, "resets");
    }

    /// A whole exchange: request, the same at the upstream, response, the same at the client.
    pub(super) fn exchange(&mut self, request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) {
        self.client_sends(request);
        self.upstream_receives();
        self.upstream_sends(response);
        self.client_receives();
    }

    /// A request that the program answers itself, with the connection's end after it.
    pub(super) fn refused_for_good(&mut self, request: impl AsRef<[u8]>) {
        self.client_sends(request);
        self.client_receives();
        self.client_sees_the_end();
    }

    /// A request that the program answers itself; the connection goes on.
    pub(super) fn answered(&mut self, request: impl AsRef<[u8]>) {
        self.client_sends(request);
        self.client_receives();
    }

    fn peer(&mut self, side: Side) -> Option<&mut Peer> {
        let peers = match side {
            Side::Client => &mut self.clients,
            Side::Upstream => &mut self.upstreams,
        };
        peers.last_mut().filter(|peer| peer.tape.is_some() && !self.stuck)
    }

    fn send(&mut self, side: Side, text: &[u8]) {
        let bytes = self.names.say(text);
        let Some(peer) = self.peer(side) else { return };
        let sent = peer.tape.as_mut().is_some_and(|tape| tape.send(&bytes));
        let what = format!("{} {}", peer.name, if sent { "sends" } else { "sends in vain" });
        self.transcript.bytes(&what, text);
    }

    /// Reads and writes down what came. The bytes, if the connection did not end before what is wanted.
    fn read(&mut self, side: Side, wanted: Wanted<'_>) -> Option<Vec<u8>> {
        let peer = self.peer(side)?;
        let name = peer.name.clone();
        let (bytes, end) = peer.tape.as_mut()?.read(wanted);
        if end.is_some() {
            peer.tape = None;
        }
        self.note(&name, &bytes, end);
        self.stuck |= end == Some(End::Silent);
        end.is_none().then_some(bytes)
    }

    fn note(&mut self, name: &str, bytes: &[u8], end: Option<End>) {
        if !bytes.is_empty() {
            let shown = self.names.names_in_message(bytes);
            self.transcript.bytes(&format!("{name} receives"), &shown);
        }
        match end {
            Some(End::Closed) => self.transcript.event(&format!("{name} sees the program close")),
            Some(End::Reset) => self.transcript.event(&format!("{name} sees the program reset")),
            Some(End::Silent) => self.transcript.event(&format!("{name} waits in vain")),
            None => {}
        }
    }

    fn end(&mut self, side: Side, how: &str) {
        let Some(peer) = self.peer(side) else { return };
        let what = format!("{} {how}", peer.name);
        match (how, peer.tape.take()) {
            ("resets", Some(tape)) => tape.reset(),
            ("closes", Some(tape)) => tape.close(),
            (_, Some(tape)) => {
                tape.half_close();
                peer.half_closed = true;
                peer.tape = Some(tape);
            }
            (_, None) => {}
        }
        self.transcript.event(&what);
    }

    /// Ends the play: says which connections are still open, and gives the transcript.
    pub(super) fn finish(mut self) -> String {
        if !self.stuck {
            for mut client in std::mem::take(&mut self.clients) {
                self.finish_client(&mut client);
            }
            for mut upstream in std::mem::take(&mut self.upstreams) {
                self.finish_upstream(&mut upstream);
            }
        }
        while self.house.accept(Duration::ZERO).is_some() {
            self.transcript.event("there is one more connection to the upstream");
        }
        self.transcript.text()
    }

    /// A client's connection is open if it serves one more request.
    fn finish_client(&mut self, peer: &mut Peer) {
        let Some(tape) = &mut peer.tape else { return };
        if !peer.half_closed {
            tape.send(b"GET /live HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
            let (bytes, end) = tape.read(Wanted::Response);
            if end.is_none() && bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && bytes.ends_with(b"\r\n\r\nalive") {
                return self.transcript.event(&format!("{} stays open", peer.name));
            }
            // Whether it answers or closes first may be a race: a script must wait for an end that it knows of.
            self.transcript.event(&format!("{} is probed in vain", peer.name));
            return self.note(&peer.name, &bytes, end);
        }
        let (bytes, end) = tape.read(Wanted::End);
        self.note(&peer.name, &bytes, end);
    }

    /// An upstream's connection is open if nothing came on it. All that the program does to it after the client has
    /// seen the end of an exchange has been waited for by a step, or it is seen here.
    fn finish_upstream(&mut self, peer: &mut Peer) {
        let Some(tape) = &mut peer.tape else { return };
        match tape.read_now() {
            (bytes, None) if bytes.is_empty() => self.transcript.event(&format!("{} stays open", peer.name)),
            (bytes, end) => self.note(&peer.name, &bytes, end),
        }
    }
}
