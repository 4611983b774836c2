//! Database servers: the two that all tests share, and private ones that a test may kill.
//!
//! `scripts/with-databases` starts them and ends them. A test gets a database of its own by their command-line clients;
//! a test that cannot reach them fails and says how to run it, it is never passed over.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// A kind of database server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    Postgres,
    Mysql,
}

/// A database of a test's own. It is dropped with this.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) engine: Engine,
    /// Of the superuser, to a database that is always there.
    server: String,
    name: String,
}

/// A PostgreSQL and a MariaDB that only this test knows. Commits wait for the disk.
#[derive(Debug)]
pub(crate) struct PrivateServers {
    script: Child,
    variables: HashMap<String, String>,
    /// Servers that were started again.
    again: Vec<Child>,
}

impl Engine {
    /// What DB_DRIVER calls it.
    pub(crate) const fn driver(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "LLM_PROXY_TEST_POSTGRES_URL",
            Self::Mysql => "LLM_PROXY_TEST_MYSQL_URL",
        }
    }
}

impl Database {
    /// A new database on the server that all tests share.
    pub(crate) fn shared(engine: Engine) -> Self {
        let variable = engine.variable();
        let server = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run the tests by ./scripts/test, or under ./scripts/with-databases")
        });
        Self::create(engine, server)
    }

    fn create(engine: Engine, server: String) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run_sql(engine, &server, &format!("CREATE DATABASE {name}")).unwrap();
        Self { engine, server, name }
    }

    /// Its URL, with a user and a password.
    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Runs a statement: what the server's client prints, or its complaint.
    pub(crate) fn sql(&self, statement: &str) -> Result<String, String> {
        run_sql(self.engine, &self.url(), statement)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let force = if self.engine == Engine::Postgres { " WITH (FORCE)" } else { "" };
        // The server may be down, if the test failed.
        let _ = run_sql(self.engine, &self.server, &format!("DROP DATABASE {}{force}", self.name));
    }
}

/// Runs a statement by the server's own client.
fn run_sql(engine: Engine, url: &str, statement: &str) -> Result<String, String> {
    let mut command = match engine {
        Engine::Postgres => {
            let mut command = Command::new("psql");
            command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url]);
            command
        }
        Engine::Mysql => mariadb(url, statement),
    };
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// MariaDB's client takes no URL.
fn mariadb(url: &str, statement: &str) -> Command {
    let parts = url.strip_prefix("mysql://").and_then(|rest| {
        let (user, rest) = rest.split_once(':')?;
        let (password, rest) = rest.split_once('@')?;
        let (host, rest) = rest.split_once(':')?;
        let (port, name) = rest.split_once('/')?;
        Some([user, password, host, port, name])
    });
    let [user, password, host, port, name] = parts.expect("a URL as scripts/with-databases makes it");
    let mut command = Command::new("mariadb");
    command.env("MYSQL_PWD", password);
    command.args(["--no-defaults", "-N", "-B", "-h", host, "-P", port, "-u", user, "-e", statement, name]);
    command
}

/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(20);

impl PrivateServers {
    /// Starts both and waits until they answer.
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/with-databases");
        let mut script = Command::new(script)
            .args(["--private", "--durable", "sh", "-c", "env | grep ^LLM_PROXY_TEST_; echo up; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(script.stdout.take().unwrap()).lines().map_while(Result::ok);
        let lines: Vec<String> = lines.take_while(|line| line != "up").collect();
        let variables: HashMap<String, String> = lines
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert!(variables.contains_key("LLM_PROXY_TEST_DATABASES"), "scripts/with-databases started nothing");
        Self { script, variables, again: Vec::new() }
    }

    /// A new database on one of them.
    pub(crate) fn database(&self, engine: Engine) -> Database {
        Database::create(engine, self.variables[engine.variable()].clone())
    }

    /// Kills a server as a crash does, and waits for its end.
    pub(crate) fn kill(&mut self, engine: Engine) {
        let pid = fs::read_to_string(self.home(engine).join("pid")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        until(|| !runs(pid), "the killed server goes on");
    }

    /// Starts a killed server again on its files, and waits until it answers.
    pub(crate) fn start_again(&mut self, engine: Engine) {
        let url = self.variables[engine.variable()].clone();
        let program = self.home(engine).join("start");
        let mut child = None;
        let answers = || {
            // To PostgreSQL a zombie is a server that runs.
            self.again.iter_mut().for_each(|child| drop(child.try_wait()));
            // PostgreSQL refuses to start as long as a child of the killed one has not noticed its death.
            let ended = child.as_mut().is_none_or(|child: &mut Child| child.try_wait().unwrap().is_some());
            if ended {
                child = Some(Command::new(&program).process_group(0).spawn().unwrap());
            }
            run_sql(engine, &url, "SELECT 1").is_ok()
        };
        until(answers, "the server does not start again");
        self.again.extend(child);
    }

    fn home(&self, engine: Engine) -> PathBuf {
        Path::new(&self.variables["LLM_PROXY_TEST_DATABASES"]).join(engine.driver())
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
        self.again.iter_mut().for_each(|child| drop(child.wait()));
    }
}

/// Whether a process is there, and no zombie.
fn runs(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Looks until something is so.
fn until(mut so: impl FnMut() -> bool, otherwise: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        thread::sleep(PAUSE);
    }
}
