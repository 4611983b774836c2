//! The load: one thread, one event loop, a fixed number of connections. Each asks its share of a round one request after
//! another, and every latency is kept. An answer that is not what the origin said ends the run.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Outcome;
use crate::answer_reader::AnswerReader;
use crate::scenario::Scenario;
use crate::subject::Subject;

/// Longer than any answer here may take: a hung proxy ends the run.
const PATIENCE: Duration = Duration::from_secs(30);

/// One round's work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) scenario: Scenario,
}

/// What a round showed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many requests were answered.
    pub(crate) requests: usize,
    /// Nanoseconds each: of a whole exchange, or, in a stream, of a chunk from the origin's write to the client's read.
    pub(crate) delays: Vec<u64>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

/// One connection at work.
struct Client {
    stream: TcpStream,
    reader: AnswerReader,
    left: usize,
    asked: Instant,
}

impl Load {
    /// The same with a tenth of the requests, to warm up.
    pub(crate) fn tenth(self) -> Self {
        Self { requests: (self.requests / 10).max(self.connections), ..self }
    }

    /// Asks all requests of the subject. Connections are made before the clock starts.
    pub(crate) fn run(self, subject: &Subject) -> Outcome<Tally> {
        let addr = subject.addr_for(self.scenario);
        let request = self.scenario.request(&addr.to_string(), &subject.credential);
        self.ask(addr, &request).map_err(|error| format!("{}: {error}", subject.name).into())
    }

    fn ask(self, addr: SocketAddr, request: &[u8]) -> io::Result<Tally> {
        let mut poll = Poll::new()?;
        let mut clients = self.connect(addr, &poll)?;
        let share = self.requests.div_ceil(self.connections);
        let mut tally = Tally { requests: share * self.connections, ..Tally::default() };
        let start = Instant::now();
        for client in &mut clients {
            client.left = share;
            client.ask(request)?;
        }
        let mut events = Events::with_capacity(self.connections);
        while clients.iter().any(|client| client.left > 0) {
            poll.poll(&mut events, Some(PATIENCE))?;
            if events.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            for event in &events {
                if let Some(client) = clients.get_mut(event.token().0).filter(|client| client.left > 0) {
                    client.handle_readable(request, &mut tally.delays)?;
                }
            }
        }
        tally.elapsed = start.elapsed();
        Ok(tally)
    }

    fn connect(self, addr: SocketAddr, poll: &Poll) -> io::Result<Vec<Client>> {
        let connect = |number| {
            let stream = std::net::TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            Ok(Client { stream, reader: AnswerReader::new(self.scenario), left: 0, asked: Instant::now() })
        };
        (0..self.connections).map(connect).collect()
    }
}

impl Client {
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.asked = Instant::now();
        // A fresh socket, or one whose peer has just answered, has room for a request this small.
        match self.stream.write(request)? {
            taken if taken == request.len() => Ok(()),
            _ => Err(io::Error::other("the request did not fit the socket")),
        }
    }

    /// Reads what is there; when the answer is complete, asks again.
    fn handle_readable(&mut self, request: &[u8], delays: &mut Vec<u64>) -> io::Result<()> {
        if !self.reader.read(&mut self.stream, delays)? {
            return Ok(());
        }
        if !self.reader.is_stream() {
            delays.push(u64::try_from(self.asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        self.left -= 1;
        if self.left > 0 { self.ask(request) } else { Ok(()) }
    }
}
