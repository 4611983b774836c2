//! The table.

use std::fmt;
use std::time::Duration;

use crate::gauge::Reading;
use crate::good_client::Served;

/// Its head.
pub(crate) const HEAD: &str = "\
| attack | runtime | connections | RSS MiB before / peak / after | open files before / peak / after | well-behaved: asked / failed / reconnected | ms p50 / p99 / max |
| --- | --- | --- | --- | --- | --- | --- |
";

/// One attack on one runtime.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) attack: &'static str,
    pub(crate) runtime: &'static str,
    pub(crate) connections: usize,
    pub(crate) before: Reading,
    pub(crate) peak: Reading,
    pub(crate) after: Reading,
    pub(crate) served: Served,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attack, runtime, connections, before, peak, after, served } = self;
        let [memory, most, left] = [before, peak, after].map(|reading| reading.memory as f64 / 1024.0);
        let at = |percent: usize| {
            let index = (served.times.len() * percent / 100).min(served.times.len().saturating_sub(1));
            served.times.get(index).map_or(0.0, Duration::as_secs_f64) * 1000.0
        };
        writeln!(
            f,
            "| {attack} | {runtime} | {connections} | {memory:.1} / {most:.1} / {left:.1} | {} / {} / {} | {} / {} / {} | {:.1} / {:.1} / {:.1} |",
            before.files,
            peak.files,
            after.files,
            served.times.len(),
            served.failed,
            served.reconnected,
            at(50),
            at(99),
            at(100)
        )
    }
}
