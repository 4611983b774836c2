//! The upstream: as cheap as an honest server can be. One thread, one event loop, one read and one write an exchange;
//! it looks at a request only as far as its end and its key. It refuses a wrong key, so that a proxy which forgets to
//! swap it fails the run.
//!
//! A thread a connection would be simpler, and wrong here: the proxy would pay for waking the thread at each of its
//! writes, on loopback as much as for the write itself.

mod connection;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use self::connection::Connection;
use crate::Outcome;
use crate::scenario::Scenario;

/// The key that a proxy has to put in place of the client's credential.
pub(crate) const KEY: &str = "sk-origin-key-0123456789ab";

const LISTENER: Token = Token(0);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the program's start: the clock of the stamps in a stream.
pub(crate) fn stamp() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A running origin. It lives until the program ends.
#[derive(Debug)]
pub(crate) struct Origin {
    addr: SocketAddr,
    /// Index in [`Scenario::ALL`]. One scenario runs at a time, so the origin need not read it from each request.
    current: Arc<AtomicUsize>,
}

impl Origin {
    /// Listens on loopback; port 0 takes any. `gap` is the pause between the chunks of a stream.
    pub(crate) fn start(port: u16, gap: Duration) -> Outcome<Self> {
        LazyLock::force(&START);
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let addr = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let current = Arc::new(AtomicUsize::new(0));
        let answers = Scenario::ALL.map(Scenario::answer).to_vec();
        let connections = BTreeMap::new();
        let event_loop = EventLoop { poll, listener, connections, current: Arc::clone(&current), answers, gap };
        thread::spawn(move || {
            if let Err(error) = event_loop.run() {
                eprintln!("overhead: the origin: {error}");
            }
        });
        Ok(Self { addr, current })
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it answers from now on.
    pub(crate) fn serve(&self, scenario: Scenario) {
        let index = Scenario::ALL.iter().position(|known| *known == scenario).unwrap_or_default();
        self.current.store(index, Ordering::SeqCst);
    }
}

struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    connections: BTreeMap<Token, Connection>,
    current: Arc<AtomicUsize>,
    answers: Vec<Vec<u8>>,
    gap: Duration,
}

impl EventLoop {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut next = LISTENER.0;
        loop {
            self.wait(&mut events)?;
            for event in &events {
                if event.token() == LISTENER {
                    self.accept(&mut next)?;
                } else {
                    self.serve(event.token());
                }
            }
            let (now, gap) = (Instant::now(), self.gap);
            self.connections.retain(|_, connection| connection.send_due(now, gap).is_ok());
        }
    }

    /// Waits for sockets, or for the next chunk that is due. The system's wait knows only milliseconds; what is left of
    /// one is slept.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let due = self.connections.values().filter_map(Connection::due).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        if let Some(left) = left {
            thread::sleep(left);
        }
        match self.poll.poll(events, left.map(|_| Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    fn accept(&mut self, next: &mut usize) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            *next += 1;
            self.poll.registry().register(&mut stream, Token(*next), Interest::READABLE | Interest::WRITABLE)?;
            self.connections.insert(Token(*next), Connection::new(stream));
        }
    }

    /// Moves one connection on. One that ends or fails is dropped: a proxy closes idle connections whenever it likes.
    fn serve(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let index = self.current.load(Ordering::Relaxed);
        let streams = Scenario::ALL[index].is_stream();
        if connection.handle_ready(&self.answers[index], streams.then_some(self.gap)).is_err() {
            self.connections.remove(&token);
        }
    }
}
