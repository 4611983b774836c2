//! Redis servers: the one that all tests share, and those that a test starts for itself, so that it may kill them.
//!
//! `scripts/with-databases` starts the shared one. A test that cannot reach it fails and says how to run it, it is never
//! passed over.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::PATIENCE;
use super::options::Options;

/// The password of a test's own server.
const PASSWORD: &str = "canary-redis-password";

/// A server of the test's own. It keeps nothing when it ends.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

/// The address of the server that all tests share; over TLS if asked for.
pub(crate) fn shared_redis(tls: bool) -> String {
    let variable = if tls { "LLM_PROXY_TEST_REDISS_URL" } else { "LLM_PROXY_TEST_REDIS_URL" };
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests by ./scripts/test, or under ./scripts/with-databases")
    })
}

impl Redis {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        let mut redis = Self::absent();
        redis.start_again();
        redis
    }

    /// One that is not there yet.
    pub(crate) fn absent() -> Self {
        Self { port: free_port(), folder: TempDir::new().unwrap(), child: None }
    }

    /// Lets the program use it.
    pub(crate) fn on(&self, options: Options) -> Options {
        options.env("REDIS_ADDR", &format!("127.0.0.1:{}", self.port)).env("REDIS_PASSWORD", PASSWORD)
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        let mut child = Command::new("redis-server")
            .arg("-")
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is missing: run ./scripts/install-test-tools");
        let configuration =
            format!("bind 127.0.0.1\nport {}\nrequirepass {PASSWORD}\nsave \"\"\nappendonly no\n", self.port);
        child.stdin.take().unwrap().write_all(configuration.as_bytes()).unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "the Redis does not start");
            std::thread::yield_now();
        }
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it in the middle of whatever it does (`Signal::STOP`), or lets it go on (`Signal::CONT`).
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on, below those that the system gives to sockets without a port: so nobody gets it by
/// chance while the server is down.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(12_000 + number % 10_000).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
