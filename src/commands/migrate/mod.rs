//! `llm-proxy migrate …`: the database's tables and seals, from the command line.
//!
//! It uses the database that `server` would use with the same settings, and needs no running server. It confirms and
//! prints; what is done is in `steps`. A server brings its tables up to date by itself when it starts.

mod steps;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use llm_proxy_core::time::Timestamp;
use llm_proxy_storage::{Counted, EncryptReport, EncryptStatus, ImportReport, MigrationStep};
use serde_json::{Value, json};

use super::desk::{Desk, NotConfirmed};
use super::table::{Keep, Table};
use super::{FAILURE, FINE, WRONG_USAGE, described, exit_code};
use crate::settings::{MigrateSettings, SettingsFlags, migrate_settings};
use steps::StepError;

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
    let settings = match migrate_settings(&flags, environment) {
        Ok(settings) => settings,
        Err(problems) => {
            for problem in &problems {
                writeln!(desk.err, "error: {}", problem.message)?;
            }
            return Ok(exit_code(&problems));
        }
    };
    if let What::Down { steps, yes } = &command.what {
        let question = format!("Take {steps} migration(s) of {} back, with what they store?", settings.store.database);
        match desk.confirm(&question, *yes) {
            Ok(()) => {}
            Err(NotConfirmed::Io(error)) => return Err(error),
            Err(refusal @ NotConfirmed::NobodyToAsk) => return fail(desk, &refusal, WRONG_USAGE),
            Err(refusal @ NotConfirmed::Declined) => return fail(desk, &refusal, FAILURE),
        }
    }
    match step(&command.what, &settings) {
        Ok(report) if command.json => writeln!(desk.out, "{}", report.json()).map(|()| report.code()),
        Ok(report) => desk.out.write_all(report.text(desk.width).as_bytes()).map(|()| report.code()),
        Err(error) => fail(desk, &error, FAILURE),
    }
}

fn fail(desk: &mut Desk<'_>, error: &dyn std::error::Error, code: u8) -> io::Result<u8> {
    writeln!(desk.err, "error: {}", described(error)).map(|()| code)
}

/// What a step came to.
#[derive(Debug)]
enum Report {
    Steps(Vec<MigrationStep>),
    Version(Option<i64>),
    Encrypted(EncryptReport),
    Seals(EncryptStatus),
    Imported(ImportReport),
}

fn step(what: &What, settings: &MigrateSettings) -> Result<Report, StepError> {
    let store = &settings.store;
    Ok(match what {
        What::Up => Report::Steps(steps::up(store)?),
        What::Down { steps, .. } => Report::Steps(steps::down(store, *steps)?),
        What::Status => Report::Steps(steps::status(store)?),
        What::Version => Report::Version(steps::version(store)?),
        What::Encrypt => Report::Encrypted(steps::encrypt(settings)?),
        What::EncryptStatus => Report::Seals(steps::encrypt_status(store)?),
        What::Import { path } => Report::Imported(steps::import(settings, path)?),
    })
}

impl Report {
    /// Something is left to do for the operator.
    fn code(&self) -> u8 {
        let is_well = match self {
            Self::Steps(_) | Self::Version(_) | Self::Imported(_) => true,
            Self::Encrypted(EncryptReport { status, .. }) | Self::Seals(status) => status.is_complete(),
        };
        if is_well { FINE } else { FAILURE }
    }

    /// For people.
    fn text(&self, width: Option<usize>) -> String {
        match self {
            Self::Steps(steps) => table(steps).lines(width),
            Self::Version(Some(version)) => format!("{version}\n"),
            Self::Version(None) => "none\n".to_owned(),
            Self::Encrypted(report) => report.to_string(),
            Self::Seals(status) => status.to_string(),
            Self::Imported(report) => report.to_string(),
        }
    }

    /// For programs.
    fn json(&self) -> Value {
        match self {
            Self::Steps(steps) => json!({"migrations": steps.iter().map(step_json).collect::<Vec<_>>()}),
            Self::Version(version) => json!({"version": version}),
            Self::Encrypted(report) => json!({
                "newly_sealed": report.sealed,
                "moved_from_an_older_key": report.resealed,
                "key_file": report.key_file,
                "status": status_json(&report.status),
            }),
            Self::Seals(status) => json!({"status": status_json(status)}),
            Self::Imported(report) => import_json(report),
        }
    }
}

fn step_json(step: &MigrationStep) -> Value {
    json!({"version": step.version, "about": step.about, "applied_at": step.applied_at})
}

fn status_json(status: &EncryptStatus) -> Value {
    let unreadable: Vec<String> = status.unreadable.iter().map(ToString::to_string).collect();
    json!({"sealed": status.sealed, "plain": status.plain, "unreadable": unreadable})
}

fn import_json(report: &ImportReport) -> Value {
    let counted = |counted: Counted| json!({"imported": counted.imported, "already_there": counted.already_there});
    let renamed = report.renamed.iter();
    let renamed: Vec<_> =
        renamed.map(|one| json!({"project_id": one.project, "from": one.from, "to": one.to})).collect();
    let new_ids = report.new_ids.iter();
    let new_ids: Vec<_> =
        new_ids.map(|one| json!({"of": one.row.to_string(), "from": one.from, "to": one.to})).collect();
    let left_out = report
        .left_out
        .iter()
        .map(|one| json!({"what": one.row.to_string(), "name": one.name, "reason": one.reason.to_string()}));
    json!({
        "projects": counted(report.projects),
        "tokens": counted(report.tokens),
        "renamed": renamed,
        "new_ids": new_ids,
        "without_key": report.without_key,
        "left_out": left_out.collect::<Vec<_>>(),
        "without_end": report.without_end,
        "metadata_left": report.metadata,
        "audit_events_left": report.audit_events,
    })
}

fn table(steps: &[MigrationStep]) -> Table {
    let mut table = Table::new(&[("VERSION", Keep::Whole), ("APPLIED", Keep::Whole), ("ABOUT", Keep::AtLeast(10))]);
    for MigrationStep { version, about, applied_at } in steps {
        let applied = applied_at.map_or_else(|| "no".to_owned(), Timestamp::to_rfc3339);
        table.row([version.to_string(), applied, (*about).to_owned()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<MigrationStep> {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        [(1, "projects and tokens", Some(at(60))), (2, "audit events", None)]
            .map(|(version, about, applied_at)| MigrationStep { version, about, applied_at })
            .into()
    }

    #[test]
    fn a_status_lists_every_step() {
        let report = Report::Steps(steps());
        assert_eq!(
            report.text(None),
            "VERSION  APPLIED               ABOUT\n\
             1        1970-01-01T00:01:00Z  projects and tokens\n\
             2        no                    audit events\n"
        );
        assert_eq!(
            report.json(),
            json!({"migrations": [
                {"version": 1, "about": "projects and tokens", "applied_at": "1970-01-01T00:01:00Z"},
                {"version": 2, "about": "audit events", "applied_at": null},
            ]})
        );
    }

    #[test]
    fn a_version_is_a_number_alone() {
        let (some, none) = (Report::Version(Some(3)), Report::Version(None));
        assert_eq!((some.text(None), some.json()), ("3\n".to_owned(), json!({"version": 3})));
        assert_eq!((none.text(None), none.json()), ("none\n".to_owned(), json!({"version": null})));
    }

    #[test]
    fn what_is_not_sealed_is_told_by_the_exit_code_too() {
        let status = |plain| EncryptStatus { plain, sealed: 1, unreadable: Vec::new() };
        assert_eq!(Report::Seals(status(0)).code(), FINE);
        assert_eq!(Report::Seals(status(1)).code(), FAILURE);
        assert_eq!(Report::Seals(status(1)).json(), json!({"status": {"sealed": 1, "plain": 1, "unreadable": []}}));
    }

    #[test]
    fn an_import_counts_what_came() {
        let report = ImportReport {
            projects: Counted { imported: 3, already_there: 1 },
            tokens: Counted { imported: 4, already_there: 0 },
            ..ImportReport::default()
        };
        assert!(report.to_string().starts_with("projects: 3 imported, 1 already there\n"));
        assert_eq!(import_json(&report)["tokens"], json!({"imported": 4, "already_there": 0}));
    }
}
