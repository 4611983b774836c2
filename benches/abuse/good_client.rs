//! The client that means well: one request after the other, in turn on a connection of its own and on one that it keeps.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::subject::Subject;

/// Between two requests.
const PACE: Duration = Duration::from_millis(5);
/// After so long it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How it was served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    pub(crate) failed: usize,
    /// A kept connection was closed while it was silent, which a client must expect of any (RFC 9112 section 9.3.1): it
    /// asked again on a new one.
    pub(crate) reconnected: usize,
    pub(crate) times: Vec<Duration>,
}

/// A few requests, so that what is made once is made.
pub(crate) fn warm_up(subject: &Subject) -> Outcome<()> {
    let request = request(subject);
    for _ in 0..20 {
        ask(&mut connect(subject.addr)?, &request)?;
    }
    Ok(())
}

/// Asks until `over`.
pub(crate) fn run(subject: &Subject, over: &AtomicBool) -> Served {
    let (request, mut served, mut kept) = (request(subject), Served::default(), None);
    while !over.load(Ordering::Relaxed) {
        for keep in [false, true] {
            let begin = Instant::now();
            let result =
                if keep { ask_kept(&mut kept, subject, &request, &mut served) } else { ask_anew(subject, &request) };
            served.times.push(begin.elapsed());
            if let Err(error) = result {
                eprintln!("a well-behaved request failed: {error}");
                served.failed += 1;
                kept = None;
            }
            thread::sleep(PACE);
        }
    }
    served.times.sort_unstable();
    served
}

fn request(subject: &Subject) -> Vec<u8> {
    format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {}\r\n\r\n", subject.token).into_bytes()
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn ask_anew(subject: &Subject, request: &[u8]) -> io::Result<()> {
    ask(&mut connect(subject.addr)?, request)
}

fn ask_kept(kept: &mut Option<TcpStream>, subject: &Subject, request: &[u8], served: &mut Served) -> io::Result<()> {
    if let Some(stream) = kept {
        if ask(stream, request).is_ok() {
            return Ok(());
        }
        served.reconnected += 1;
    }
    ask(kept.insert(connect(subject.addr)?), request)
}

/// One request, and its answer to the end of the content that the origin is known to send.
fn ask(stream: &mut TcpStream, request: &[u8]) -> io::Result<()> {
    stream.write_all(request)?;
    let (mut answer, mut room) = (Vec::new(), [0; 2048]);
    while !answer.ends_with(b"\r\n\r\n{}") {
        match stream.read(&mut room)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => answer.extend_from_slice(&room[..n]),
        }
        if answer.len() >= 12 && !answer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
    }
    Ok(())
}
