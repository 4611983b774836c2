//! What the program does under abuse: each attack against the built binary on both runtimes, beside a client that means
//! well. Prints memory and open files before, at their peak and after, and how that client was served.
//! `docs/abuse.md` says how to read the figures; `tests/list/abuse.rs` asserts them in small.
//!
//! It starts everything itself on loopback and stops it again. It never judges.

mod attack;
mod gauge;
mod good_client;
mod origin;
mod report;
mod subject;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::attack::{ATTACKS, Attack, Target};
use crate::gauge::Gauge;
use crate::report::Row;
use crate::subject::Subject;

/// What most of this program returns: a failure is only ever printed.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "\
cargo bench --bench abuse -- [options]

  --ours PATH      llm-proxy binary (default: target/release/llm-proxy)
  --seconds N      how long each attack lasts (default: 15)
  --only WORD      only attacks whose name holds the word
";

/// How long the program has to become as it was.
const CALM: Duration = Duration::from_secs(3);

struct Options {
    ours: PathBuf,
    time: Duration,
    only: String,
}

fn main() -> ExitCode {
    let outcome = parse().and_then(|options| options.map_or(Ok(()), |options| run(&options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("abuse: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Outcome<Option<Options>> {
    let mut options =
        Options { ours: "target/release/llm-proxy".into(), time: Duration::from_secs(15), only: String::new() };
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(name) = args.next() {
        if name == "--help" {
            print!("{USAGE}");
            return Ok(None);
        }
        let value = args.next().ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
        match name.as_str() {
            "--ours" => options.ours = value.into(),
            "--seconds" => options.time = Duration::from_secs(value.parse()?),
            "--only" => options.only = value,
            _ => return Err(format!("unknown option {name}\n\n{USAGE}").into()),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Outcome<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let origin = origin::start()?;
    print!("{}", report::HEAD);
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&options.only)) {
        for runtime in ["tokio", "smol"] {
            let subject = Subject::start(options, runtime, origin, attack)?;
            print!("{}", measure(options, &subject, attack, runtime)?);
        }
    }
    Ok(())
}

/// One attack on one runtime.
fn measure(options: &Options, subject: &Subject, attack: &Attack, runtime: &'static str) -> Outcome<Row> {
    good_client::warm_up(subject)?;
    let gauge = Gauge::of(subject.pid());
    let (before, over) = (gauge.read()?, AtomicBool::new(false));
    let target = Target { addr: subject.addr, token: &subject.token, over: &over };
    let (attacked, served, peak) = thread::scope(|scope| {
        let attacker = scope.spawn(|| (attack.run)(&target));
        let good = scope.spawn(|| good_client::run(subject, &over));
        let peak = gauge.peak_during(options.time);
        over.store(true, Ordering::Relaxed);
        (attacker.join(), good.join(), peak)
    });
    let (Ok(connections), Ok(served)) = (attacked, served) else { return Err("a thread died".into()) };
    thread::sleep(CALM);
    Ok(Row {
        attack: attack.name,
        runtime,
        connections: connections?,
        before,
        peak: peak?,
        after: gauge.read()?,
        served,
    })
}
