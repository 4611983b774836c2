//! Medians over the rounds, and ratios to the reference, as a table in Markdown.

use std::fmt;
use std::time::Duration;

use crate::load::{Load, Tally};
use crate::subject::REFERENCE;

/// One round of one column, per request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    cpu_micros: f64,
    p50_micros: f64,
    p99_micros: f64,
    per_second: f64,
}

impl Round {
    /// Sums up a round. The tally's delays get sorted.
    pub(crate) fn new(tally: &mut Tally, cpu: Duration) -> Self {
        tally.delays.sort_unstable();
        let requests = tally.requests as f64;
        Self {
            cpu_micros: micros(cpu) / requests,
            p50_micros: quantile(&tally.delays, 50),
            p99_micros: quantile(&tally.delays, 99),
            per_second: requests / tally.elapsed.as_secs_f64(),
        }
    }
}

/// The figures of one scenario.
#[derive(Debug)]
pub(crate) struct Report {
    load: Load,
    columns: Vec<(String, Vec<Round>)>,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(load: Load, names: Vec<String>) -> Self {
        Self { load, columns: names.into_iter().map(|name| (name, Vec::new())).collect() }
    }

    /// Adds a round to a column.
    pub(crate) fn add(&mut self, column: usize, round: Round) {
        if let Some((_, rounds)) = self.columns.get_mut(column) {
            rounds.push(round);
        }
    }

    fn reference(&self) -> Option<&[Round]> {
        self.columns.iter().find(|(name, _)| name == REFERENCE).map(|(_, rounds)| rounds.as_slice())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { connections, requests, scenario } = self.load;
        let delay = if scenario.is_stream() { "a chunk's delay" } else { "latency" };
        writeln!(f, "\n{}: {connections} connections, {requests} requests a round\n", scenario.title())?;
        writeln!(
            f,
            "| | CPU µs/request | (min to max) | CPU × {REFERENCE} | {delay} p50 µs | p99 µs | p99 × {REFERENCE} \
             | requests/s |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for (name, rounds) in &self.columns {
            self.row(f, name, rounds)?;
        }
        Ok(())
    }
}

impl Report {
    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, rounds: &[Round]) -> fmt::Result {
        let cpu = |round: &Round| round.cpu_micros;
        let p99 = |round: &Round| round.p99_micros;
        let ratio = |figure: fn(&Round) -> f64| match self.reference() {
            Some(reference) => format!("{:.2}", median_ratio(rounds, reference, figure)),
            None => "-".to_owned(),
        };
        let (low, high) = range(rounds, cpu);
        let cpu_cells = if high == 0.0 {
            "- | - | -".to_owned()
        } else {
            format!("{:.1} | {low:.1} to {high:.1} | {}", median(rounds, cpu), ratio(cpu))
        };
        writeln!(
            f,
            "| {name} | {cpu_cells} | {:.0} | {:.0} | {} | {:.0} |",
            median(rounds, |round| round.p50_micros),
            median(rounds, p99),
            ratio(p99),
            median(rounds, |round| round.per_second)
        )
    }
}

/// The median of the ratios within each round: what slows a whole round down cancels out.
fn median_ratio(rounds: &[Round], reference: &[Round], figure: fn(&Round) -> f64) -> f64 {
    median_of(rounds.iter().zip(reference).map(|(round, other)| figure(round) / figure(other)).collect())
}

fn median(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    median_of(rounds.iter().map(figure).collect())
}

fn median_of(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        len if len % 2 == 1 => figures[len / 2],
        len => f64::midpoint(figures[len / 2 - 1], figures[len / 2]),
    }
}

fn range(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> (f64, f64) {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    (figures.first().copied().unwrap_or_default(), figures.last().copied().unwrap_or_default())
}

/// The `percent`th percentile of sorted nanoseconds, in microseconds (nearest rank).
fn quantile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    micros(Duration::from_nanos(sorted.get(rank).copied().unwrap_or_default()))
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
