//! How many system calls a request costs, by name: the figure that explains most of a proxy's CPU time and that no noise
//! touches. `strace` counts; times under it mean nothing and are not shown.

use std::fmt;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::load::Load;
use crate::process;
use crate::scenario::Scenario;
use crate::subject::Subject;
use crate::workdir::WorkDir;

/// How many requests are counted over.
pub(crate) const fn requests_of(scenario: Scenario) -> usize {
    if scenario.is_stream() { 80 } else { 1000 }
}

/// Calls per request, most frequent first.
#[derive(Debug)]
pub(crate) struct Calls {
    per_request: Vec<(String, f64)>,
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, calls) in &self.per_request {
            writeln!(f, "  {calls:8.3}  {name}")?;
        }
        Ok(())
    }
}

/// Runs `load` on the subject with all its threads watched.
pub(crate) fn count(subject: &Subject, load: Load, workdir: &WorkDir) -> Outcome<Calls> {
    let file = workdir.path().join("strace.txt");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(&file).stdin(Stdio::null()).stderr(Stdio::null());
    for pid in &subject.processes {
        command.args(["-p", &pid.to_string()]);
    }
    let mut strace = command.spawn().map_err(|error| format!("strace: {error}"))?;
    for pid in &subject.processes {
        wait_until_traced(*pid, &mut strace)?;
    }
    let tally = load.run(subject);
    process::interrupt(&strace)?;
    strace.wait()?;
    Ok(parse(&fs::read_to_string(&file)?, tally?.requests))
}

/// The kernel says who traces a thread (proc_pid_status(5)).
fn wait_until_traced(pid: u32, strace: &mut Child) -> Outcome<()> {
    let status = format!("/proc/{pid}/status");
    while fs::read_to_string(&status)?.lines().any(|line| line == "TracerPid:\t0") {
        if strace.try_wait()?.is_some() {
            return Err("strace may not trace the proxy".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn parse(table: &str, requests: usize) -> Calls {
    let rows = table.lines().filter_map(|line| {
        let (calls, name) = line.trim().split_once(' ')?;
        Some((name.trim().to_owned(), calls.parse::<f64>().ok()? / requests as f64))
    });
    let mut per_request: Vec<_> = rows.collect();
    per_request.sort_by(|left, right| right.1.total_cmp(&left.1));
    Calls { per_request }
}
