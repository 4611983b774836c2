//! The program as a process: started in a folder of its own, watched, and ended with the test.
//!
//! Every test gets three checks for free when its proxy ends: each log line is one JSON object, none is at level ERROR
//! (no client and no upstream can cause one; a test whose store fails says so), and none holds a secret that the
//! harness gave out.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal as Kill, kill_process};
use rustls::ClientConfig;
use serde_json::Value;
use tempfile::TempDir;

use super::PATIENCE;
use super::client::Client;
use super::logs::Logs;
use super::options::Options;
use super::turn::Turn;

/// The operator's secret in all tests.
pub(crate) const MANAGEMENT_TOKEN: &str = "canary-management-token-0123456789";

/// A running proxy.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    runtime: &'static str,
    child: Child,
    folder: TempDir,
    logs: Logs,
    /// The log of the processes before the last restart.
    past: Vec<String>,
    secrets: Mutex<Vec<String>>,
    errors_expected: bool,
    tls: Option<Arc<ClientConfig>>,
    _turn: Turn,
}

/// What is left of a proxy that did not start.
#[derive(Debug)]
pub(crate) struct Exited {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it said on standard error.
    pub(crate) stderr: String,
}

/// The server with the options' settings and no other environment.
fn command(runtime: &str, options: &Options, folder: &Path) -> Command {
    let mut command = program(runtime, options, folder);
    command.arg("server").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The program, by a shell that limits its open files first and becomes it, where they are to be limited.
fn limited(open_files: Option<u32>) -> Command {
    let program = env!("CARGO_BIN_EXE_llm-proxy");
    let Some(limit) = open_files else { return Command::new(program) };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\""), program]);
    command
}

/// The program with the options' settings and no other environment.
fn program(runtime: &str, options: &Options, folder: &Path) -> Command {
    let providers = folder.join("providers.yaml");
    std::fs::write(&providers, options.providers_file()).unwrap();
    let mut command = limited(options.open_files);
    command
        .current_dir(folder)
        .env_clear()
        .env("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("DATABASE_PATH", folder.join("proxy.db"))
        .env("API_CONFIG_PATH", providers)
        .env("RUNTIME", runtime)
        .env("LOG_FORMAT", "json")
        .env("WORKERS", "2")
        .envs(options.env.iter().map(|(name, value)| (name, value)));
    command
}

/// What the program says when its database can be used at last.
const READY: &str = "the database is open now: the program is ready";

/// Starts the program and waits until it is ready: the process, its log, and where it listens.
fn launch(runtime: &str, options: &Options, folder: &Path) -> (Child, Logs, SocketAddr) {
    let launched = launch_unready(runtime, options, folder);
    let listening = launched.1.message("listening").unwrap();
    // With a database that another test's instance keeps busy it may be a moment later.
    if listening["ready"] == false {
        assert!(launched.1.message(READY).is_some(), "it never became ready: {:?}", launched.1.lines());
    }
    launched
}

/// Starts the program and waits until it listens.
fn launch_unready(runtime: &str, options: &Options, folder: &Path) -> (Child, Logs, SocketAddr) {
    let mut child = command(runtime, options, folder).spawn().unwrap();
    let mut logs = Logs::collect(child.stderr.take().unwrap());
    let Some(listening) = logs.message("listening") else {
        let _ = child.kill();
        let status = child.wait();
        panic!("the program did not start ({status:?}):\n{}", logs.finish().join("\n"));
    };
    let addr = listening["addr"].as_str().unwrap().parse().unwrap();
    (child, logs, addr)
}

/// Starts the program and sends it SIGHUP before it listens.
fn launch_hung_up(runtime: &str, options: &Options, folder: &Path) -> (Child, Logs, SocketAddr) {
    let mut child = command(runtime, options, folder).spawn().unwrap();
    let logs = Logs::collect(child.stderr.take().unwrap());
    let deadline = Instant::now() + PATIENCE;
    // Its signals are caught by the time that it has this thread.
    while !threads_of(&child).iter().any(|name| name == "reload") {
        assert!(Instant::now() < deadline, "it never began to start");
        thread::sleep(PAUSE);
    }
    kill_process(Pid::from_child(&child), Kill::HUP).unwrap();
    let listening = logs.message("listening").expect("it listens all the same");
    (child, logs, listening["addr"].as_str().unwrap().parse().unwrap())
}

type Launch = fn(&str, &Options, &Path) -> (Child, Logs, SocketAddr);

/// Starts the program, which is expected to give up.
fn launch_in_vain(runtime: &str, options: &Options, folder: &Path) -> Exited {
    let mut child = command(runtime, options, folder).spawn().unwrap();
    let mut logs = Logs::collect(child.stderr.take().unwrap());
    let code = wait(&mut child);
    if code.is_none() {
        let _ = child.kill();
    }
    Exited { code, stderr: logs.finish().join("\n") }
}

impl Proxy {
    /// Starts the program and waits until it is ready.
    pub(crate) fn start(runtime: &'static str, options: &Options) -> Self {
        Self::start_by(launch, runtime, options)
    }

    /// Starts the program on a database that is held; it listens, and is not ready.
    pub(crate) fn start_unready(runtime: &'static str, options: &Options) -> Self {
        Self::start_by(launch_unready, runtime, options)
    }

    /// Starts the program and sends it SIGHUP before it listens.
    pub(crate) fn hang_up_while_opening(runtime: &'static str, options: &Options) -> Self {
        Self::start_by(launch_hung_up, runtime, options)
    }

    fn start_by(launch: Launch, runtime: &'static str, options: &Options) -> Self {
        let turn = Turn::take(options.alone);
        let folder = TempDir::new().unwrap();
        let (child, logs, addr) = launch(runtime, options, folder.path());
        let secrets = Mutex::new(vec![MANAGEMENT_TOKEN.to_owned()]);
        let (errors_expected, tls) = (options.errors_expected, options.tls.clone());
        Self { addr, runtime, child, folder, logs, past: Vec::new(), secrets, errors_expected, tls, _turn: turn }
    }

    /// Starts it again on the same files, after it has ended; killed first if it has not.
    pub(crate) fn restart(&mut self, options: &Options) {
        self.restart_by(launch, options);
    }

    /// The same on a database that is held.
    pub(crate) fn restart_unready(&mut self, options: &Options) {
        self.restart_by(launch_unready, options);
    }

    fn restart_by(&mut self, launch: Launch, options: &Options) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.past.extend(self.logs.finish());
        self.errors_expected |= options.errors_expected;
        (self.child, self.logs, self.addr) = launch(self.runtime, options, self.folder.path());
    }

    /// Starts the program on a database that is held, and asks it to stop before it listens.
    pub(crate) fn stop_while_opening(runtime: &str, options: &Options) -> Exited {
        let _turn = Turn::take(options.alone);
        let folder = TempDir::new().unwrap();
        let mut child = command(runtime, options, folder.path()).spawn().unwrap();
        let mut logs = Logs::collect(child.stderr.take().unwrap());
        let deadline = Instant::now() + PATIENCE;
        // Its signals are caught by the time that it has this thread.
        while !threads_of(&child).iter().any(|name| name == "storage") {
            assert!(Instant::now() < deadline, "it never began to open its database");
            thread::sleep(PAUSE);
        }
        kill_process(Pid::from_child(&child), Kill::TERM).unwrap();
        let code = wait(&mut child);
        let _ = child.kill();
        Exited { code, stderr: logs.finish().join("\n") }
    }

    /// Waits for its end by itself; its log is left to the caller.
    pub(crate) fn exited(&mut self) -> Exited {
        let code = self.wait();
        let _ = self.child.kill();
        let lines = self.logs.finish();
        self.logs = Logs::collect(std::io::empty());
        Exited { code, stderr: lines.join("\n") }
    }

    /// Waits for a line of the log with that message.
    pub(crate) fn until_logged(&self, message: &str) -> Value {
        self.logs.message(message).unwrap_or_else(|| panic!("it never said {message:?}"))
    }

    /// How many lines of the log so far have that message.
    pub(crate) fn logged(&self, message: &str) -> usize {
        let has = |line: &String| serde_json::from_str::<Value>(line).is_ok_and(|entry| entry["message"] == message);
        self.log_lines().iter().filter(|line| has(line)).count()
    }

    /// Starts the program, which is expected to give up.
    pub(crate) fn start_in_vain(runtime: &str, options: &Options) -> Exited {
        let _turn = Turn::take(options.alone);
        launch_in_vain(runtime, options, TempDir::new().unwrap().path())
    }

    /// Starts it again on the same files, as they are now; it is expected to give up.
    pub(crate) fn restart_in_vain(&mut self, options: &Options) -> Exited {
        launch_in_vain(self.runtime, options, self.folder.path())
    }

    /// Runs another command of the program with the same settings and files: what it left.
    pub(crate) fn tool(&self, options: &Options, arguments: &[&str]) -> Output {
        let mut command = program(self.runtime, options, self.folder.path());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (ended, end) = channel();
        thread::spawn(move || ended.send(child.wait_with_output()));
        let output = end.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = kill_process(pid, Kill::KILL);
            panic!("{arguments:?} does not end");
        });
        output.unwrap()
    }

    /// Remembers a secret that must never be logged.
    pub(crate) fn guard(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// All secrets given out so far.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    /// The folder that holds its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("proxy.db")
    }

    /// Its log so far.
    pub(crate) fn log_lines(&self) -> Vec<String> {
        self.logs.lines()
    }

    /// A client's connection to it, over TLS if it speaks that.
    pub(crate) fn client(&self) -> Client {
        match &self.tls {
            None => Client::connect(self.addr),
            Some(config) => Client::tls(self.addr, config).unwrap().0,
        }
    }

    /// Replaces its providers file, in one piece.
    pub(crate) fn write_providers(&self, text: &str) {
        let (new, path) = (self.folder.path().join("providers.new"), self.folder.path().join("providers.yaml"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// Asks it to read its files anew: what it says then about that part.
    pub(crate) fn reload(&self, part: &str) -> Value {
        let of_part = |line: &str| serde_json::from_str::<Value>(line).ok().filter(|entry| entry["part"] == part);
        let seen = Cell::new(self.log_lines().iter().filter(|line| of_part(line).is_some()).count());
        self.signal(Kill::HUP);
        let said = self.logs.find(|line| match (of_part(line), seen.get()) {
            (Some(entry), 0) => Some(entry),
            (Some(_), left) => {
                seen.set(left - 1);
                None
            }
            (None, _) => None,
        });
        said.unwrap_or_else(|| panic!("it never said anything about {part}"))
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal(Kill::TERM);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Kill) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: the exit code, or `None` if it was killed or goes on.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait(&mut self.child)
    }

    /// Its resident memory, bytes.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }

    /// The names of its threads; the system keeps 15 letters of each.
    pub(crate) fn threads(&self) -> Vec<String> {
        threads_of(&self.child)
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Waits until it has at most `limit` files open; gives how many it has.
    pub(crate) fn until_open_files(&self, limit: usize) -> usize {
        let deadline = Instant::now() + PATIENCE;
        while self.open_files() > limit && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        self.open_files()
    }

    fn check_log(&self, lines: &[String]) {
        let secrets = self.secrets.lock().unwrap();
        for line in lines {
            let leaked = secrets.iter().find(|secret| line.contains(secret.as_str()));
            assert!(leaked.is_none(), "the log holds the secret {leaked:?}: {line}");
            let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON in the log: {line}"));
            assert!(self.errors_expected || entry["level"] != "ERROR", "an error in the log: {line}");
        }
    }
}

fn threads_of(child: &Child) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    // One that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// Between two looks at a process. What is looked at (its end, its files) has no event to wait for with a deadline.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits for a process with a deadline.
fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(PAUSE);
    }
    None
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut lines = std::mem::take(&mut self.past);
        lines.extend(self.logs.finish());
        if thread::panicking() {
            eprintln!("--- the program's log ---\n{}", lines.join("\n"));
        } else {
            self.check_log(&lines);
        }
    }
}
