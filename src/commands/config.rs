//! `llm-proxy config check`: prints what counts for each setting and where it came from, and all that is wrong.
//!
//! It shows no secret, changes nothing, and exits as the server would that had the same settings.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{FAILURE, FINE, exit_code, gathered};
use crate::settings::{Effective, Gathered, SettingsFlags};

/// `llm-proxy config …`
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Print the effective settings, secrets masked, and where each came from
    Check(CheckFlags),
}

/// The flags of `config check`: those of the server, to see what they would do.
#[derive(Args, Debug)]
pub(crate) struct CheckFlags {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

/// Checks the settings and prints them to `out`, warnings and what is wrong to `err`; with `--json`, all to `out`.
///
/// # Errors
/// If it cannot print.
pub(crate) fn check(
    flags: &CheckFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let gathered = match gathered(&flags.settings, environment) {
        Ok(gathered) => gathered,
        Err(message) => {
            writeln!(err, "error: {message}")?;
            return Ok(FAILURE);
        }
    };
    if flags.json {
        writeln!(out, "{:#}", as_json(&gathered))?;
    } else {
        out.write_all(as_table(&gathered.effective).as_bytes())?;
        out.flush()?;
        err.write_all(as_lines(&gathered).as_bytes())?;
    }
    Ok(gathered.settings.map_or_else(|problems| exit_code(&problems), |_| FINE))
}

/// Name, value and origin in columns; what has no value says in parentheses what that means.
fn as_table(effective: &[Effective]) -> String {
    let shown = |line: &Effective| line.value.clone().unwrap_or_else(|| format!("({})", line.absent));
    let lines: Vec<_> = effective.iter().map(|line| (line.name, shown(line), line.source)).collect();
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let names = width(&mut lines.iter().map(|(name, _, _)| name.len()));
    let values = width(&mut lines.iter().map(|(_, value, _)| value.chars().count()));
    let mut table = String::new();
    for (name, value, source) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{name:names$}  {value:values$}  {source}");
    }
    table
}

/// Warnings and what is wrong, a line each.
fn as_lines(gathered: &Gathered) -> String {
    let warnings = gathered.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    let problems = gathered.settings.as_ref().err().into_iter().flatten();
    let problems = problems.map(|problem| format!("error: {}\n", problem.message));
    warnings.chain(problems).collect()
}

fn as_json(gathered: &Gathered) -> serde_json::Value {
    let settings = gathered
        .effective
        .iter()
        .map(|line| json!({"name": line.name, "value": line.value, "source": line.source.to_string()}));
    let problems = gathered.settings.as_ref().err().into_iter().flatten().map(|problem| &problem.message);
    json!({
        "ok": gathered.settings.is_ok(),
        "settings": settings.collect::<Vec<_>>(),
        "warnings": gathered.warnings,
        "errors": problems.collect::<Vec<_>>(),
    })
}
