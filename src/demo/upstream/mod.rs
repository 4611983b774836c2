//! The built-in mock upstream: a small HTTP/1.1 server that speaks like OpenAI and, for messages, like Anthropic.
//!
//! It answers what it is asked in the right shape, word by word where a stream is wanted, and says in each answer that no
//! model was asked. It listens on loopback only and lets in only who presents its key, which is how the demo shows that
//! the proxy swaps the client's token for it. It runs on threads of its own and knows nothing of the proxy's runtimes, so
//! that both see the same upstream. It never keeps anything of a request.
//!
//! A request goes through the files in this order: `connection` (bytes to a request), `routes` (which answer), `answer`
//! (what to say), `openai` or `anthropic` (in which shape), `reply` (back to bytes).

mod answer;
mod anthropic;
mod connection;
mod openai;
mod openai_responses;
mod reply;
mod routes;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The only key that is let in. It is no secret: it opens nothing but this server, on this machine, while the demo runs.
const KEY: &str = "sk-demo-upstream-key-that-clients-never-see";

/// Connections at a time; further ones are answered 503.
const MAX_CONNECTIONS: usize = 64;

/// Between two words of a streamed answer: about the speed of a hosted model.
const WORD_PAUSE: Duration = Duration::from_millis(60);

/// A running mock upstream. It stops accepting when this is dropped; exchanges under way are finished.
#[derive(Debug)]
pub(crate) struct DemoUpstream {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl DemoUpstream {
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the system gives no socket or no thread.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with_pause(WORD_PAUSE)
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The upstream key that the demo's project has to hold.
    pub(crate) const fn expected_key() -> &'static str {
        KEY
    }

    fn start_with_pause(pause: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let server = Server { stopping: Arc::clone(&stopping), open: Arc::new(AtomicUsize::new(0)), pause };
        let acceptor =
            thread::Builder::new().name("demo-upstream".to_owned()).spawn(move || server.accept(&listener))?;
        Ok(Self { addr, stopping, acceptor: Some(acceptor) })
    }
}

impl Drop for DemoUpstream {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection: give it one.
        let woken = TcpStream::connect(self.addr).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            // It ends by itself, and has nothing to say.
            let _ = acceptor.join();
        }
    }
}

struct Server {
    stopping: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    pause: Duration,
}

impl Server {
    fn accept(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            // A client that is gone before it is accepted is no reason to stop.
            let Ok(stream) = stream else { continue };
            match Slot::take(&self.open) {
                Some(slot) => self.serve(stream, slot),
                None => connection::refuse(stream),
            }
        }
    }

    fn serve(&self, stream: TcpStream, slot: Slot) {
        let pause = self.pause;
        let serve = move || {
            let _slot = slot;
            // Nobody is left to tell when a connection breaks.
            let _ = connection::serve(stream, pause);
        };
        // Without a thread the connection is closed: the system has no room for more.
        let _ = thread::Builder::new().name("demo-upstream".to_owned()).spawn(serve);
    }
}

/// One of the [`MAX_CONNECTIONS`] places; dropping it gives it back.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let free = |count| (count < MAX_CONNECTIONS).then_some(count + 1);
        open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free).is_ok().then(|| Self(Arc::clone(open)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
