//! The columns of the table: no proxy, a mere forwarder, nginx, ours, and proxies that someone else started. Those that are started here
//! end with the run.

pub(crate) mod floor;
mod nginx;
mod ours;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::options::Options;
use crate::origin;
use crate::process;
use crate::scenario::Scenario;
use crate::workdir::WorkDir;

/// The column that the ratios refer to.
pub(crate) const REFERENCE: &str = "nginx";

/// For a start, and for an end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something to send requests to.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The column's name.
    pub(crate) name: String,
    /// Its processes; none for the origin itself.
    pub(crate) processes: Vec<u32>,
    /// What clients present as bearer.
    pub(crate) credential: String,
    plain: SocketAddr,
    streaming: SocketAddr,
    /// Kept for its end.
    _guard: Option<Guard>,
}

impl Subject {
    /// Where requests of that kind go.
    pub(crate) const fn addr_for(&self, scenario: Scenario) -> SocketAddr {
        if scenario.is_stream() { self.streaming } else { self.plain }
    }
}

/// A process that ends when this is dropped.
#[derive(Debug)]
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Asked, not killed, for nginx's master takes its worker along only then; killed if that does not help.
        let _ = process::terminate(&self.0);
        if wait_for("the process's end", || self.0.try_wait().ok().flatten()).is_err() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Starts all columns that the options ask for, the bare origin and the floor first.
pub(crate) fn start_all(options: &Options, origin: SocketAddr, workdir: &WorkDir) -> Outcome<Vec<Subject>> {
    let mut subjects = vec![foreign("direct", origin, Vec::new(), origin::KEY), floor::start(origin)?];
    if let Some(binary) = &options.nginx {
        subjects.push(nginx::start(binary, origin, &workdir.folder(REFERENCE)?)?);
    }
    if let Some(binary) = &options.ours {
        for runtime in &options.runtimes {
            let name = if options.runtimes.len() == 1 { "ours".to_owned() } else { format!("ours/{runtime}") };
            subjects.push(ours::start(binary, &name, runtime, origin, &workdir.folder(runtime)?)?);
        }
    }
    for other in &options.also {
        subjects.push(foreign(&other.name, other.addr, vec![other.pid], &other.token));
    }
    Ok(subjects)
}

fn foreign(name: &str, addr: SocketAddr, processes: Vec<u32>, credential: &str) -> Subject {
    Subject {
        name: name.to_owned(),
        processes,
        credential: credential.to_owned(),
        plain: addr,
        streaming: addr,
        _guard: None,
    }
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until `ready` has an answer, and fails with `what` if it never has.
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> Outcome<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return Ok(value);
        }
        if Instant::now() > deadline {
            return Err(format!("{what} did not happen within {PATIENCE:?}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until somebody listens there.
fn wait_for_port(what: &str, addr: SocketAddr) -> Outcome<()> {
    wait_for(&format!("the start of {what}"), || TcpStream::connect(addr).ok()).map(drop)
}
