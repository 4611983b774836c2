//! The command line. Nothing is read from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::Outcome;
use crate::scenario::Scenario;

/// The help text.
pub(crate) const USAGE: &str = "\
cargo bench --bench overhead -- [options]

  --nginx PATH             nginx binary to compare with
  --ours PATH              llm-proxy binary; its `server` is started with one worker
  --runtimes LIST          runtimes of ours, a column each (default: tokio)
  --also NAME=ADDR,PID,TOKEN
                           one more column: a running proxy whose upstream is --origin-port, its key the one that
                           benches/overhead/origin.rs names; may be given several times
  --origin-port N          port of the built-in origin (default: any free one)
  --scenarios LIST         of: small, stream, large (default: all)
  --connections N          client connections (default: 8)
  --requests N             requests a round; a stream counts for 50 (default: 4000)
  --rounds N               rounds, interleaved over the columns (default: 31)
  --chunk-gap MICROS       pause of the origin between the chunks of a stream (default: 1000)
  --strace                 count system calls per request instead (needs strace and the right to trace)
";

/// A column that someone else started.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) name: String,
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) token: String,
}

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) nginx: Option<PathBuf>,
    pub(crate) ours: Option<PathBuf>,
    pub(crate) runtimes: Vec<String>,
    pub(crate) also: Vec<Foreign>,
    pub(crate) origin_port: u16,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) rounds: usize,
    pub(crate) chunk_gap: Duration,
    pub(crate) strace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nginx: None,
            ours: None,
            runtimes: vec!["tokio".to_owned()],
            also: Vec::new(),
            origin_port: 0,
            scenarios: Scenario::ALL.to_vec(),
            connections: 8,
            requests: 4_000,
            rounds: 31,
            chunk_gap: Duration::from_millis(1),
            strace: false,
        }
    }
}

impl Options {
    /// Reads the arguments; `None` when help was asked for. `--bench`, which cargo adds, is ignored.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Option<Self>> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--help" | "-h" => return Ok(None),
                "--strace" => options.strace = true,
                name => {
                    let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
                    options.set(name, &value)?;
                }
            }
        }
        Ok(Some(options))
    }

    /// How many requests a round of `scenario` has.
    pub(crate) fn requests_of(&self, scenario: Scenario) -> usize {
        (self.requests / scenario.weight()).max(self.connections)
    }

    /// The origin's pause between chunks. A traced proxy is many times slower: with the usual pause, chunks would queue and
    /// be counted together.
    pub(crate) fn effective_gap(&self) -> Duration {
        if self.strace { self.chunk_gap.max(Duration::from_millis(10)) } else { self.chunk_gap }
    }

    fn set(&mut self, name: &str, value: &str) -> Outcome<()> {
        match name {
            "--nginx" => self.nginx = Some(PathBuf::from(value)),
            "--ours" => self.ours = Some(PathBuf::from(value)),
            "--runtimes" => self.runtimes = value.split(',').map(str::to_owned).collect(),
            "--also" => self.also.push(value.parse()?),
            "--origin-port" => self.origin_port = number(name, value)?,
            "--scenarios" => self.scenarios = value.split(',').map(str::parse).collect::<Outcome<_>>()?,
            "--connections" => self.connections = number::<usize>(name, value)?.max(1),
            "--requests" => self.requests = number(name, value)?,
            "--rounds" => self.rounds = number::<usize>(name, value)?.max(1),
            "--chunk-gap" => self.chunk_gap = Duration::from_micros(number(name, value)?),
            _ => return Err(format!("unknown option {name}").into()),
        }
        Ok(())
    }
}

impl FromStr for Foreign {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Outcome<Self> {
        let wanted = || format!("--also wants NAME=ADDR,PID,TOKEN, not {text:?}");
        let (name, rest) = text.split_once('=').ok_or_else(wanted)?;
        let mut parts = rest.splitn(3, ',');
        let mut next = || parts.next().ok_or_else(wanted);
        Ok(Self { name: name.to_owned(), addr: next()?.parse()?, pid: next()?.parse()?, token: next()?.to_owned() })
    }
}

fn number<N: FromStr>(name: &str, value: &str) -> Outcome<N> {
    value.parse().map_err(|_| format!("{name} wants a number, not {value:?}").into())
}
