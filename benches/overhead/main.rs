//! What a proxy costs: CPU time per request, latency and throughput of ours beside nginx and beside no proxy at all,
//! in one run, on one machine, against one origin. `docs/benchmarks.md` says how to read the figures.
//!
//! It starts everything itself on loopback and stops it again. It never judges: it prints figures and ratios, and fails
//! only when something did not work (a wrong answer is an error, not a fast request).

mod answer_reader;
mod cpu;
mod load;
mod management;
mod options;
mod origin;
mod process;
mod report;
mod scenario;
mod socket;
mod subject;
mod syscalls;
mod workdir;

use std::error::Error;
use std::process::ExitCode;

use crate::load::Load;
use crate::options::Options;
use crate::origin::Origin;
use crate::report::{Report, Round};
use crate::scenario::Scenario;
use crate::subject::{Subject, floor};
use crate::workdir::WorkDir;

/// What most of this program returns: a failure is only ever printed.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    if let Some(upstream) = std::env::args().skip_while(|arg| arg != floor::ARGUMENT).nth(1) {
        return exit(upstream.parse().map_err(Into::into).and_then(floor::run));
    }
    match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => exit(run(&options)),
        Ok(None) => {
            print!("{}", options::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("overhead: {error}\n\n{}", options::USAGE);
            ExitCode::from(64)
        }
    }
}

fn exit(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overhead: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Outcome<()> {
    let workdir = WorkDir::create()?;
    let origin = Origin::start(options.origin_port, options.effective_gap())?;
    let subjects = subject::start_all(options, origin.addr(), &workdir)?;
    if options.strace {
        return count_syscalls(options, &origin, &subjects, &workdir);
    }
    for &scenario in &options.scenarios {
        let report = measure(options, &origin, &subjects, scenario)?;
        print!("{report}");
    }
    Ok(())
}

/// Runs every subject once a round, in turn, so that a noisy minute hits all of them.
fn measure(options: &Options, origin: &Origin, subjects: &[Subject], scenario: Scenario) -> Outcome<Report> {
    origin.serve(scenario);
    let load = Load { connections: options.connections, requests: options.requests_of(scenario), scenario };
    let mut report = Report::new(load, subjects.iter().map(|subject| subject.name.clone()).collect());
    for subject in subjects {
        load.tenth().run(subject)?;
    }
    for number in 1..=options.rounds {
        for (column, subject) in subjects.iter().enumerate() {
            eprintln!("{}: round {number} of {}, {}", scenario.title(), options.rounds, subject.name);
            let before = cpu::busy(&subject.processes)?;
            let mut tally = load.run(subject)?;
            let after = cpu::busy(&subject.processes)?;
            report.add(column, Round::new(&mut tally, after.saturating_sub(before)));
        }
    }
    Ok(report)
}

fn count_syscalls(options: &Options, origin: &Origin, subjects: &[Subject], workdir: &WorkDir) -> Outcome<()> {
    for &scenario in &options.scenarios {
        origin.serve(scenario);
        let load = Load { connections: options.connections, requests: syscalls::requests_of(scenario), scenario };
        for subject in subjects.iter().filter(|subject| !subject.processes.is_empty()) {
            load.tenth().run(subject)?;
            println!("{}, {}: system calls per request", scenario.title(), subject.name);
            print!("{}", syscalls::count(subject, load, workdir)?);
        }
    }
    Ok(())
}
