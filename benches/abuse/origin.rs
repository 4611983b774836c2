//! An upstream: `{}` to all, but an endless stream of events to `/v1/responses`. Content is read and thrown away.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::Outcome;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Starts it; it lives as long as this program.
pub(crate) fn start() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Small stacks: a flood may bring many.
            let started = thread::Builder::new().stack_size(128 * 1024).spawn(move || serve(stream));
            drop(started);
        }
    });
    Ok(addr)
}

fn serve(mut stream: TcpStream) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    while let Some((streams, chunked)) = read_head(&mut reader) {
        if chunked && !skip_content(&mut reader) {
            return;
        }
        if !streams {
            if stream.write_all(ANSWER).is_err() {
                return;
            }
            continue;
        }
        let event = format!("2000\r\ndata: {}\n\n\r\n", "x".repeat(0x2000 - 8));
        let _ = stream.write_all(STREAM);
        while stream.write_all(event.as_bytes()).is_ok() {}
        return;
    }
}

/// Whether a stream is wanted, and whether content follows; `None` at the end.
fn read_head(reader: &mut impl BufRead) -> Option<(bool, bool)> {
    let (mut streams, mut chunked, mut line) = (false, false, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        streams |= line.starts_with("GET /v1/responses");
        chunked |= line.to_ascii_lowercase().starts_with("transfer-encoding:");
        if line == "\r\n" {
            return Some((streams, chunked));
        }
    }
}

/// Reads chunked content to its last chunk. Good enough for what the attacks send: content without line ends.
fn skip_content(reader: &mut impl BufRead) -> bool {
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(n) if n > 0 && line != b"0\r\n" => {}
            Ok(n) if n > 0 => return reader.read_until(b'\n', &mut line).is_ok(),
            _ => return false,
        }
    }
}
