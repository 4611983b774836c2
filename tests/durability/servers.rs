//! Database servers that only one test knows, and may kill.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::databases::run_sql;
use crate::harness::{Database, Engine, PATIENCE};

/// A PostgreSQL and a MariaDB that only this test knows. Commits wait for the disk.
#[derive(Debug)]
pub(super) struct PrivateServers {
    script: Child,
    variables: HashMap<String, String>,
    /// Servers that were started again.
    again: Vec<Child>,
}

/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(20);

impl PrivateServers {
    /// Starts both and waits until they answer.
    pub(super) fn start() -> Self {
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
    pub(super) fn database(&self, engine: Engine) -> Database {
        Database::on(engine, self.variables[engine.variable()].clone())
    }

    /// Kills a server as a crash does, and waits for its end.
    pub(super) fn kill(&mut self, engine: Engine) {
        let pid = fs::read_to_string(self.home(engine).join("pid")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        until(|| !runs(pid), "the killed server goes on");
    }

    /// Starts a killed server again on its files, and waits until it answers.
    pub(super) fn start_again(&mut self, engine: Engine) {
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
