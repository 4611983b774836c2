//! Memory and open files of a process, from `/proc`.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

const EVERY: Duration = Duration::from_millis(50);

/// One look.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Reading {
    /// Resident memory, KiB.
    pub(crate) memory: usize,
    pub(crate) files: usize,
}

/// Looks at one process.
#[derive(Debug)]
pub(crate) struct Gauge {
    folder: String,
}

impl Gauge {
    pub(crate) fn of(pid: u32) -> Self {
        Self { folder: format!("/proc/{pid}") }
    }

    pub(crate) fn read(&self) -> Outcome<Reading> {
        let status = fs::read_to_string(format!("{}/status", self.folder))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let memory = line.split_whitespace().next().ok_or("an empty VmRSS")?.parse()?;
        Ok(Reading { memory, files: fs::read_dir(format!("{}/fd", self.folder))?.count() })
    }

    /// The most of each within that time.
    pub(crate) fn peak_during(&self, time: Duration) -> Outcome<Reading> {
        let (end, mut peak) = (Instant::now() + time, Reading::default());
        while Instant::now() < end {
            let now = self.read()?;
            peak = Reading { memory: peak.memory.max(now.memory), files: peak.files.max(now.files) };
            thread::sleep(EVERY);
        }
        Ok(peak)
    }
}
