//! CPU time of processes, user and system together, as the scheduler counts it: nanoseconds, not the 10 ms ticks of
//! `/proc/PID/stat`. Linux only.

use std::fs;
use std::io;
use std::time::Duration;

use crate::Outcome;

/// What the processes and all their living threads have spent on a CPU so far. Threads that have ended are not counted:
/// a proxy that starts a thread per request would look better than it is.
pub(crate) fn busy(processes: &[u32]) -> Outcome<Duration> {
    let mut nanos = 0;
    for pid in processes {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            nanos += on_cpu(&task?.path().join("schedstat")).map_err(|error| format!("CPU time of {pid}: {error}"))?;
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// The process and those that it started, at any depth.
pub(crate) fn family(pid: u32) -> Outcome<Vec<u32>> {
    let parents = parents()?;
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    Ok(family)
}

fn on_cpu(path: &std::path::Path) -> io::Result<u64> {
    match fs::read_to_string(path) {
        Ok(text) => text.split(' ').next().and_then(|first| first.parse().ok()).ok_or_else(|| io::Error::other(text)),
        // The thread ended between the listing and the look.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Every process with its parent.
fn parents() -> io::Result<Vec<(u32, u32)>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name, in parentheses, may hold anything; the state and the parent come after it (proc_pid_stat(5)).
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        pairs.extend(parent.map(|parent| (pid, parent)));
    }
    Ok(pairs)
}
