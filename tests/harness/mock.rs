//! A scripted upstream on threads and plain sockets: it records every byte and misbehaves exactly as told.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::PATIENCE;
use super::http::{Broken, Head, Incoming, Shared, Wire};

/// What a connection's thread runs.
type Script = dyn Fn(&mut Connection) + Send + Sync;

/// A request as the upstream got it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// Which connection it came on, from 0 in the order of acceptance.
    pub(crate) connection: usize,
    /// Its head.
    pub(crate) head: Head,
    /// Its content, chunks joined.
    pub(crate) body: Vec<u8>,
    /// Its trailer fields.
    pub(crate) trailers: Vec<(String, String)>,
}

/// What the upstream saw, shared by its threads.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Recorded>>,
    changed: Condvar,
    accepted: AtomicUsize,
    streams: Mutex<Vec<Weak<TcpStream>>>,
    stopped: AtomicBool,
}

/// A running upstream. It ends with its last test: on drop all its connections are shut.
pub(crate) struct Mock {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    seen: Arc<Seen>,
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// A response of status 200 with a length.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

impl Mock {
    /// Answers each request with the same bytes.
    pub(crate) fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(move |connection, _| connection.send(&response))
    }

    /// Answers `{}` to all.
    pub(crate) fn agreeable() -> Self {
        Self::answering(ok("{}"))
    }

    /// Runs `script` for each request that arrived completely.
    pub(crate) fn start(script: impl Fn(&mut Connection, &Recorded) + Send + Sync + 'static) -> Self {
        Self::raw(move |connection| {
            while let Some(request) = connection.request() {
                script(connection, &request);
            }
        })
    }

    /// Runs `script` for each connection; it closes when the script returns.
    pub(crate) fn raw(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(script))
    }

    /// Like [`Self::answering`], over TLS.
    pub(crate) fn tls(config: Arc<ServerConfig>, response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::tls_raw(config, move |connection| {
            while connection.request().is_some() {
                connection.send(&response);
            }
        })
    }

    /// Like [`Self::raw`], over TLS.
    pub(crate) fn tls_raw(config: Arc<ServerConfig>, script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listen(Some(config), Arc::new(script))
    }

    fn listen(tls: Option<Arc<ServerConfig>>, script: Arc<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if tls.is_some() {
            // Little room, as behind a slow network: whoever sends much has a full socket to the end.
            set_socket_recv_buffer_size(&listener, 4096).unwrap();
        }
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        thread::spawn(move || accept(&listener, tls.as_ref(), &script, &shared));
        Self { addr, seen }
    }

    /// Its base URL.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// All requests so far, those included that the script has not answered.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// How many requests arrived completely.
    pub(crate) fn count(&self) -> usize {
        self.seen.requests.lock().unwrap().len()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// Waits for request number `index`, from 0.
    pub(crate) fn request(&self, index: usize) -> Recorded {
        let requests = self.seen.requests.lock().unwrap();
        let (requests, _) =
            self.seen.changed.wait_timeout_while(requests, PATIENCE, |list| list.len() <= index).unwrap();
        requests.get(index).unwrap_or_else(|| panic!("request {index} never reached the upstream")).clone()
    }

    /// The only request that came.
    pub(crate) fn only_request(&self) -> Recorded {
        let request = self.request(0);
        assert_eq!(self.count(), 1, "more than one request reached the upstream");
        request
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.seen.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.addr);
        for stream in self.seen.streams.lock().unwrap().drain(..).filter_map(|stream| stream.upgrade()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, script: &Arc<Script>, seen: &Arc<Seen>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        if seen.stopped.load(Ordering::SeqCst) {
            return;
        }
        let stream = Arc::new(stream);
        stream.set_nodelay(true).unwrap();
        seen.streams.lock().unwrap().push(Arc::downgrade(&stream));
        let number = seen.accepted.fetch_add(1, Ordering::SeqCst);
        let wire: Box<dyn Wire> = match tls {
            None => Box::new(Shared(stream.clone())),
            Some(config) => {
                Box::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), Shared(stream.clone())))
            }
        };
        let mut connection = Connection { number, stream, incoming: Incoming::new(wire), seen: seen.clone() };
        let script = script.clone();
        // Small stacks: a test has a thousand of these.
        thread::Builder::new().stack_size(256 * 1024).spawn(move || script(&mut connection)).unwrap();
    }
}

/// One connection from the program, in the hands of a script.
pub(crate) struct Connection {
    /// From 0 in the order of acceptance.
    pub(crate) number: usize,
    stream: Arc<TcpStream>,
    incoming: Incoming,
    seen: Arc<Seen>,
}

impl Connection {
    /// Reads and records the next request. `None` if the peer closed, also in the middle of one.
    pub(crate) fn request(&mut self) -> Option<Recorded> {
        let head = self.request_head()?;
        let body = self.incoming.rest().ok()?;
        let trailers = std::mem::take(&mut self.incoming.trailers);
        let request = Recorded { connection: self.number, head, body, trailers };
        self.seen.requests.lock().unwrap().push(request.clone());
        self.seen.changed.notify_all();
        Some(request)
    }

    /// Reads the next request's head only; nothing is recorded. A client that waits for it is told to continue, as
    /// RFC 9110 section 10.1.1 wants it.
    pub(crate) fn request_head(&mut self) -> Option<Head> {
        match self.incoming.head(false, false) {
            Ok(head) => {
                if head.as_ref().is_some_and(|head| head.has("expect")) {
                    self.send(b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                head
            }
            Err(Broken::Malformed(what)) => panic!("the program sent the upstream what is not HTTP: {what}"),
            Err(_) => None,
        }
    }

    /// Grants a WebSocket: from here on [`Self::piece`] gives all that comes.
    pub(crate) fn switch(&mut self) {
        self.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        self.incoming.tunnel();
    }

    /// The next piece of the request's body; `None` at its end or when the peer closed.
    pub(crate) fn piece(&mut self, limit: usize) -> Option<Vec<u8>> {
        self.incoming.piece(limit).ok().flatten()
    }

    /// Whether the request that came last is the first of the whole upstream.
    pub(crate) fn is_first_request(&self) -> bool {
        self.seen.requests.lock().unwrap().len() == 1
    }

    /// Waits for a byte of the next request without taking it. `false` if the peer closed.
    pub(crate) fn first_byte(&mut self) -> bool {
        !self.incoming.unread().is_empty() || self.incoming.fill().unwrap_or(false)
    }

    /// Sends bytes; a peer that is gone is not an error here, the test sees it elsewhere.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.try_send(bytes);
    }

    /// Sends bytes; `false` if the peer is gone.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.incoming.wire.write_all(bytes).and_then(|()| self.incoming.wire.flush()).is_ok()
    }

    /// Sends as much of the bytes as the peer takes; 0 if it takes none for `limit`, an error if it is gone.
    pub(crate) fn send_some(&mut self, bytes: &[u8], limit: Duration) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(limit))?;
        match self.incoming.wire.write(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(0),
            other => other,
        }
    }

    /// Sends one chunk of a chunked body.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.send(&chunk);
    }

    /// Closes both sides.
    pub(crate) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Closes by a reset, once the script returns.
    pub(crate) fn reset(&self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }

    /// Waits until the peer closes: the instant, or `None` if it did not in `limit`.
    pub(crate) fn closed(&mut self, limit: Duration) -> Option<Instant> {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        loop {
            match self.incoming.fill() {
                Ok(true) => {}
                Ok(false) | Err(Broken::Reset) => return Some(Instant::now()),
                Err(_) => return None,
            }
        }
    }
}
