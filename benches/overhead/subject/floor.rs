//! The least that any proxy on this machine can cost: a process with one event loop that passes bytes on and looks at
//! none. Each client connection has an upstream connection of its own. What a proxy takes beyond this column is its own
//! work; the rest is the kernel's.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::{Guard, Subject};
use crate::Outcome;
use crate::origin;
use crate::socket::Socket;

/// The argument that turns this program into the forwarder; the upstream's address follows it.
pub(crate) const ARGUMENT: &str = "--forward-to";

const NAME: &str = "floor";
const LISTENER: Token = Token(0);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Starts this program once more, as the forwarder.
pub(super) fn start(upstream: SocketAddr) -> Outcome<Subject> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([ARGUMENT, &upstream.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let (pid, output) = (child.id(), child.stdout.take());
    let guard = Guard(child);
    let mut line = String::new();
    BufReader::new(output.ok_or("the forwarder has no output")?).read_line(&mut line)?;
    let addr = line.trim().parse()?;
    let credential = origin::KEY.to_owned();
    Ok(Subject {
        name: NAME.to_owned(),
        processes: vec![pid],
        credential,
        plain: addr,
        streaming: addr,
        _guard: Some(guard),
    })
}

/// Is the forwarder, until it is stopped. Says on standard output where it listens.
pub(crate) fn run(upstream: SocketAddr) -> Outcome<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", listener.local_addr()?);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(256);
    let mut buffer = vec![0; 64 * 1024];
    let mut pairs: Vec<Option<[Socket; 2]>> = Vec::new();
    loop {
        match poll.poll(&mut events, None) {
            // A tracer that comes or goes interrupts the wait.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((client, _)) = listener.accept() {
                    pairs.push(Some(pair(client, upstream, &poll, pairs.len())?));
                }
                continue;
            }
            let (index, from) = place(event.token());
            let Some(slot) = pairs.get_mut(index) else { continue };
            // A pair whose one side has ended goes away whole.
            if slot.as_mut().is_some_and(|pair| pass(pair, from, &mut buffer).is_err()) {
                *slot = None;
            }
        }
    }
}

/// Joins a client with an upstream connection of its own. Its tokens come after those of the `index` pairs before it.
fn pair(mut client: TcpStream, upstream: SocketAddr, poll: &Poll, index: usize) -> Outcome<[Socket; 2]> {
    let stream = std::net::TcpStream::connect(upstream)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    for (side, socket) in [&mut client, &mut stream].into_iter().enumerate() {
        socket.set_nodelay(true)?;
        poll.registry().register(socket, Token(1 + 2 * index + side), BOTH)?;
    }
    Ok([Socket::new(client), Socket::new(stream)])
}

/// Which pair and which side of it a token stands for.
const fn place(token: Token) -> (usize, usize) {
    ((token.0 - 1) / 2, (token.0 - 1) % 2)
}

/// Passes on what the side `from` has, and sends it what waits for it.
fn pass(pair: &mut [Socket; 2], from: usize, buffer: &mut [u8]) -> io::Result<()> {
    pair[from].send(&[])?;
    loop {
        let got = pair[from].read(buffer)?;
        pair[1 - from].send(&buffer[..got])?;
        // A short read has emptied the socket: the next bytes bring a new event.
        if got < buffer.len() {
            return Ok(());
        }
    }
}
