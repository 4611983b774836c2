//! The attacks. Each runs in a thread until it is over, and says how many connections it made.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::Outcome;

/// What is attacked, and how long.
pub(crate) struct Target<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) token: &'a str,
    pub(crate) over: &'a AtomicBool,
}

/// One kind of abuse.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// MAX_CONNECTIONS of the program.
    pub(crate) max_connections: &'static str,
    /// Its limit of open files, where it is a lower one than this system's.
    pub(crate) open_files: Option<u32>,
    pub(crate) run: fn(&Target<'_>) -> Outcome<usize>,
}

/// All of them.
pub(crate) const ATTACKS: [Attack; 9] = [
    Attack { name: "none", max_connections: "2000", open_files: None, run: nothing },
    Attack { name: "silent connections", max_connections: "2000", open_files: None, run: silent },
    Attack {
        name: "silent connections, open files run out",
        max_connections: "100000",
        open_files: Some(1024),
        run: silent,
    },
    Attack { name: "heads byte by byte", max_connections: "2000", open_files: None, run: dripping_heads },
    Attack { name: "kept connections, silent", max_connections: "2000", open_files: None, run: kept },
    Attack { name: "open and reset", max_connections: "2000", open_files: None, run: resets },
    Attack { name: "streams never read", max_connections: "2000", open_files: None, run: unread_streams },
    Attack { name: "pipelined, answers never read", max_connections: "2000", open_files: None, run: pipelined },
    Attack { name: "content in chunks of one byte", max_connections: "2000", open_files: None, run: tiny_chunks },
];

/// More than MAX_CONNECTIONS, and fewer than this process may have open.
const FLOOD: usize = 5000;
const PART_OF_A_HEAD: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: p\r\nX-Slow: ";
const LIVE: &[u8] = b"GET /live HTTP/1.1\r\nHost: p\r\n\r\n";

impl Target<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A connection that has said `first`, which it may not live to do.
    fn connect(&self, first: &[u8]) -> Outcome<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.addr, Duration::from_secs(30))?;
        let _ = stream.write_all(first);
        Ok(stream)
    }

    fn request(&self, method: &str, path: &str, fields: &str) -> Vec<u8> {
        format!("{method} {path} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {}\r\n{fields}\r\n", self.token)
            .into_bytes()
    }

    /// Keeps up to [`FLOOD`] connections open; one that the program closes is made anew, as a flood does. `each` is done to
    /// every connection in turn and says whether it lives.
    fn flood(&self, first: &[u8], mut each: impl FnMut(&mut TcpStream) -> bool) -> Outcome<usize> {
        let (mut open, mut made) = (Vec::new(), 0);
        while !self.is_over() {
            while open.len() < FLOOD && !self.is_over() {
                open.push(self.connect(first)?);
                made += 1;
            }
            open.retain_mut(&mut each);
            thread::sleep(Duration::from_millis(100));
        }
        Ok(made)
    }
}

/// Whether the program has not closed it, as far as can be seen without waiting.
fn lives(stream: &mut TcpStream) -> bool {
    let mut room = [0; 512];
    let _ = stream.set_nonblocking(true);
    let read = stream.read(&mut room);
    let _ = stream.set_nonblocking(false);
    match read {
        Ok(n) => n > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn nothing(target: &Target<'_>) -> Outcome<usize> {
    while !target.is_over() {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(0)
}

fn silent(target: &Target<'_>) -> Outcome<usize> {
    target.flood(b"", lives)
}

/// Slow loris.
fn dripping_heads(target: &Target<'_>) -> Outcome<usize> {
    target.flood(PART_OF_A_HEAD, |stream| lives(stream) && stream.write_all(b"x").is_ok())
}

fn kept(target: &Target<'_>) -> Outcome<usize> {
    target.flood(LIVE, lives)
}

fn resets(target: &Target<'_>) -> Outcome<usize> {
    let mut made = 0;
    while !target.is_over() {
        let first = if made % 2 == 0 { b"" } else { PART_OF_A_HEAD };
        let stream = target.connect(first)?;
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        made += 1;
    }
    Ok(made)
}

/// Legitimate requests whose answers are endless, by clients that read nothing.
fn unread_streams(target: &Target<'_>) -> Outcome<usize> {
    let request = target.request("GET", "/v1/responses", "");
    let streams = (0..200).map(|_| target.connect(&request)).collect::<Outcome<Vec<_>>>()?;
    nothing(target)?;
    Ok(streams.len())
}

fn pipelined(target: &Target<'_>) -> Outcome<usize> {
    let requests = LIVE.repeat(1000);
    let mut streams = (0..200).map(|_| target.connect(b"")).collect::<Outcome<Vec<_>>>()?;
    for stream in &streams {
        stream.set_nonblocking(true)?;
    }
    while !target.is_over() {
        for stream in &mut streams {
            // What is not taken is cut off in the middle of a request at worst.
            let _ = stream.write(&requests);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(streams.len())
}

fn tiny_chunks(target: &Target<'_>) -> Outcome<usize> {
    let mut request = target.request("POST", "/v1/models", "Transfer-Encoding: chunked\r\n");
    request.extend(b"1\r\nx\r\n".repeat(1 << 20));
    request.extend(b"0\r\n\r\n");
    let mut made = 0;
    while !target.is_over() {
        let mut stream = target.connect(&request)?;
        let _ = stream.read(&mut [0; 512]);
        made += 1;
    }
    Ok(made)
}
