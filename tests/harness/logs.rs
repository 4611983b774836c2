//! The program's log, line by line while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use serde_json::Value;

use super::PATIENCE;

/// Lines so far, and whether the stream has ended.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

/// A log that a thread collects.
pub(crate) struct Logs {
    shared: Arc<(Mutex<Lines>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Logs {
    /// Starts to collect.
    pub(super) fn collect(stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Lines::default()), Condvar::new()));
        let into = shared.clone();
        let reader = thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                into.0.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
                into.1.notify_all();
            }
            into.0.lock().unwrap().ended = true;
            into.1.notify_all();
        });
        Self { shared, reader: Some(reader) }
    }

    /// Waits for the first line that `wanted` takes. `None` if the log ends, or the time, before it.
    pub(super) fn find<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.shared.0.lock().unwrap();
        let mut next = 0;
        loop {
            if let Some(found) = lines.lines[next..].iter().find_map(|line| wanted(line)) {
                return Some(found);
            }
            next = lines.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                return None;
            }
            lines = self.shared.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for the first line with that `message`.
    pub(super) fn message(&self, message: &str) -> Option<Value> {
        self.find(|line| serde_json::from_str::<Value>(line).ok().filter(|entry| entry["message"] == message))
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    /// All lines, once the program has ended.
    pub(super) fn finish(&mut self) -> Vec<String> {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.lines()
    }
}
