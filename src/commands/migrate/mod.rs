//! `llm-proxy migrate …`: the database's tables and seals, from the command line.
//!
//! It uses the database that `server` would use with the same settings, and needs no running server. It confirms and
//! prints; what is done is in `steps`. A server brings its tables up to date by itself when it starts.

mod steps;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::desk::{Desk, NotConfirmed};
use super::table::{Keep, Table, pairs};
use super::{FAILURE, FINE, WRONG_USAGE, described, exit_code};
use crate::settings::{SettingsFlags, StoreSettings, store_settings};
use steps::{EncryptReport, ImportReport, MigrationStep, StepError};

const EXAMPLES: &str = "\
A server brings its tables up to date by itself when it starts; `migrate up` does it before, for example while no server
may change them.

Examples:
  llm-proxy migrate status
  llm-proxy migrate up --database ./data/llm-proxy.db
  ENCRYPTION_KEY=new ENCRYPTION_KEY_OLD=old llm-proxy migrate encrypt
  llm-proxy migrate import ./old/llm-proxy.db";

/// `llm-proxy migrate …`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct MigrateCommand {
    /// The SQLite database (DATABASE_PATH)
    #[arg(long, global = true, value_name = "FILE")]
    database: Option<String>,
    /// A file of settings, in place of .env
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Bring the tables up to date
    Up,
    /// Take the newest migration back, and what was stored by it
    Down {
        /// How many migrations
        #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
        /// Do it without asking
        #[arg(long, short)]
        yes: bool,
    },
    /// List the migrations and which of them the database has
    Status,
    /// Print the number of the newest migration that the database has
    Version,
    /// Seal under ENCRYPTION_KEY what is plain, or what ENCRYPTION_KEY_OLD opens
    Encrypt,
    /// Say what `encrypt` would do
    EncryptStatus,
    /// Take over projects and tokens from a SQLite database of the original program
    Import {
        /// The database file; it is only read
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
}

/// Does one step on the database. What is wrong goes to the desk's error stream.
///
/// # Errors
/// If it cannot print.
pub(crate) fn run(
    command: &MigrateCommand,
    environment: impl Iterator<Item = (OsString, OsString)>,
    desk: &mut Desk<'_>,
) -> io::Result<u8> {
    let flags = SettingsFlags::of_store(command.env_file.as_deref(), command.database.clone());
    let store = match store_settings(&flags, environment) {
        Ok(store) => store,
        Err(problems) => {
            for problem in &problems {
                writeln!(desk.err, "error: {}", problem.message)?;
            }
            return Ok(exit_code(&problems));
        }
    };
    if let What::Down { steps, yes } = &command.what {
        let question = format!("Take {steps} migration(s) of {} back, with what they store?", store.path.display());
        match desk.confirm(&question, *yes) {
            Ok(()) => {}
            Err(NotConfirmed::Io(error)) => return Err(error),
            Err(refusal @ NotConfirmed::NobodyToAsk) => return fail(desk, &refusal, WRONG_USAGE),
            Err(refusal @ NotConfirmed::Declined) => return fail(desk, &refusal, FAILURE),
        }
    }
    match step(&command.what, &store) {
        Ok(report) if command.json => json(desk.out, &report),
        Ok(report) => desk.out.write_all(report.text(desk.width).as_bytes()).map(|()| FINE),
        Err(error) => fail(desk, &error, FAILURE),
    }
}

fn fail(desk: &mut Desk<'_>, error: &dyn std::error::Error, code: u8) -> io::Result<u8> {
    writeln!(desk.err, "error: {}", described(error)).map(|()| code)
}

fn json(out: &mut dyn Write, report: &Report) -> io::Result<u8> {
    let text = serde_json::to_string(report).map_err(io::Error::other)?;
    writeln!(out, "{text}").map(|()| FINE)
}

/// What a step came to.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Report {
    Up { applied: Option<Vec<MigrationStep>> },
    Down { reverted: Vec<MigrationStep> },
    Status { migrations: Vec<MigrationStep> },
    Version { version: Option<i64> },
    Encrypted(EncryptReport),
    ToEncrypt(EncryptReport),
    Imported(ImportReport),
}

fn step(what: &What, store: &StoreSettings) -> Result<Report, StepError> {
    Ok(match what {
        What::Up => Report::Up { applied: steps::up(store)? },
        What::Down { steps, .. } => Report::Down { reverted: steps::down(store, *steps)? },
        What::Status => Report::Status { migrations: steps::status(store)? },
        What::Version => Report::Version { version: steps::version(store)? },
        What::Encrypt => Report::Encrypted(steps::encrypt(store)?),
        What::EncryptStatus => Report::ToEncrypt(steps::encrypt_status(store)?),
        What::Import { path } => Report::Imported(steps::import(store, path)?),
    })
}

impl Report {
    /// For people.
    fn text(&self, width: Option<usize>) -> String {
        let numbers = |rows: &[(&str, u64)]| {
            pairs(&rows.iter().map(|(name, number)| ((*name).to_owned(), number.to_string())).collect::<Vec<_>>())
        };
        match self {
            Self::Up { applied: None } => "the database is up to date\n".to_owned(),
            Self::Up { applied: Some(steps) } if steps.is_empty() => "the database was up to date\n".to_owned(),
            Self::Up { applied: Some(steps) } | Self::Down { reverted: steps } | Self::Status { migrations: steps } => {
                table(steps).lines(width)
            }
            Self::Version { version: Some(version) } => format!("{version}\n"),
            Self::Version { version: None } => "none\n".to_owned(),
            Self::Encrypted(EncryptReport { sealed, already, unreadable }) => {
                numbers(&[("sealed", *sealed), ("sealed before", *already), ("unreadable", *unreadable)])
            }
            Self::ToEncrypt(EncryptReport { sealed, already, unreadable }) => {
                numbers(&[("to be sealed", *sealed), ("sealed", *already), ("unreadable", *unreadable)])
            }
            Self::Imported(ImportReport { projects, tokens, skipped }) => {
                numbers(&[("projects", *projects), ("tokens", *tokens), ("skipped", *skipped)])
            }
        }
    }
}

fn table(steps: &[MigrationStep]) -> Table {
    let mut table = Table::new(&[("VERSION", Keep::Whole), ("APPLIED", Keep::Whole), ("ABOUT", Keep::AtLeast(10))]);
    for MigrationStep { version, about, applied } in steps {
        table.row([version.to_string(), if *applied { "yes" } else { "no" }.to_owned(), about.clone()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<MigrationStep> {
        [(1, "projects and tokens", true), (2, "audit events", false)]
            .map(|(version, about, applied)| MigrationStep { version, about: about.to_owned(), applied })
            .into()
    }

    /// A report for people and for programs.
    fn both(report: &Report) -> (String, String) {
        (report.text(None), serde_json::to_string(report).unwrap())
    }

    #[test]
    fn a_status_lists_every_step() {
        let (text, json) = both(&Report::Status { migrations: steps() });
        assert_eq!(
            text,
            "VERSION  APPLIED  ABOUT\n1        yes      projects and tokens\n2        no       audit events\n"
        );
        assert_eq!(
            json,
            r#"{"migrations":[{"version":1,"about":"projects and tokens","applied":true},{"version":2,"about":"audit events","applied":false}]}"#
        );
    }

    #[test]
    fn a_version_is_a_number_alone() {
        assert_eq!(both(&Report::Version { version: Some(3) }), ("3\n".to_owned(), r#"{"version":3}"#.to_owned()));
        assert_eq!(both(&Report::Version { version: None }), ("none\n".to_owned(), r#"{"version":null}"#.to_owned()));
    }

    #[test]
    fn reports_of_numbers_say_what_each_is() {
        let report = EncryptReport { sealed: 2, already: 1, unreadable: 0 };
        let (text, json) = both(&Report::Encrypted(report));
        assert_eq!(text, "sealed         2\nsealed before  1\nunreadable     0\n");
        assert_eq!(json, r#"{"sealed":2,"already":1,"unreadable":0}"#);
        assert!(both(&Report::ToEncrypt(report)).0.starts_with("to be sealed  2\nsealed        1\n"));

        let (text, json) = both(&Report::Imported(ImportReport { projects: 3, tokens: 4, skipped: 1 }));
        assert_eq!(text, "projects  3\ntokens    4\nskipped   1\n");
        assert_eq!(json, r#"{"projects":3,"tokens":4,"skipped":1}"#);
    }
}
