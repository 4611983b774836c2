//! Foreign programs that tests drive: the SDKs' interpreters and SQLite's shell, from where `./scripts/test` put them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

/// Where `scripts/install-test-tools` puts them.
fn tools() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("test-tools")
}

fn run(mut command: Command) -> Value {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. Run ./scripts/test"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout:?} {stderr}"))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

/// The interpreter of the tests' own Python environment.
fn interpreter() -> PathBuf {
    let path = tools().join("python/bin/python");
    assert!(path.exists(), "{} is missing: the tools are not installed. Run ./scripts/test", path.display());
    path
}

/// Runs a Python script of `tests/sdk`: the JSON that it prints.
pub(crate) fn python(name: &str, arguments: &[&str]) -> Value {
    python_with(name, arguments, &[])
}

/// The same with an environment.
pub(crate) fn python_with(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    let mut command = Command::new(interpreter());
    command.arg("-I").arg(script(name)).args(arguments).env_clear().envs(environment.iter().copied());
    run(command)
}

/// Runs a Node script of `tests/sdk`: the JSON that it prints.
pub(crate) fn node(name: &str, arguments: &[&str]) -> Value {
    let modules = tools().join("node/node_modules");
    assert!(modules.exists(), "{} is missing: the tools are not installed. Run ./scripts/test", modules.display());
    let mut command = Command::new("node");
    command.arg(script(name)).arg(modules).args(arguments);
    run(command)
}

/// Runs one statement on a SQLite database and gives the number of rows that it changed.
pub(crate) fn sqlite(database: &Path, statement: &str, parameters: &[&str]) -> u64 {
    let mut command = Command::new(interpreter());
    command.arg("-I").arg(script("sqlite.py")).arg("run").arg(database).arg(statement).args(parameters);
    run(command).as_u64().unwrap()
}

/// The rows that one statement gives on a SQLite database: arrays in an array.
pub(crate) fn sqlite_rows(database: &Path, statement: &str) -> Value {
    let mut command = Command::new(interpreter());
    command.arg("-I").arg(script("sqlite.py")).arg("ask").arg(database).arg(statement);
    run(command)
}

/// A SQLite database that is kept from everyone else until this is dropped.
pub(crate) struct Held(Child);

impl Held {
    /// Nobody else can write. One that is not there yet is made, and nobody can read it either.
    pub(crate) fn start(database: &Path) -> Self {
        Self::with("hold", database)
    }

    /// Nobody else can read or write. The database is open in a program, and has a write-ahead log.
    pub(crate) fn wholly(database: &Path) -> Self {
        Self::with("exclude", database)
    }

    fn with(mode: &str, database: &Path) -> Self {
        let mut command = Command::new(interpreter());
        command.arg("-I").arg(script("sqlite.py")).arg(mode).arg(database);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Self(child)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A Python script of `tests/sdk` that serves until this is dropped.
pub(crate) struct Served {
    child: Child,
    /// The base URL of what it serves.
    pub(crate) base_url: String,
}

impl Served {
    /// Starts it, and waits until it says its port.
    pub(crate) fn start(name: &str) -> Self {
        let mut command = Command::new(interpreter());
        command.arg("-I").arg(script(name)).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        Self { child, base_url: format!("http://127.0.0.1:{}", said.trim().parse::<u16>().unwrap()) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process, and those it starts from now on, open as many files as the system allows.
pub(crate) fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
