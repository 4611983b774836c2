//! What the program does, a file for each command.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod demo;
mod desk;
pub(crate) mod manage;
pub(crate) mod migrate;
pub(crate) mod server;
mod table;

use std::ffi::OsString;
use std::io::{self, Write};

pub(crate) use desk::Desk;

use crate::settings::{Gathered, Problem, SettingsFlags, Sources, gather};
use llm_proxy_runtime_common::Stopped;
use llm_proxy_storage::described;

/// Everything was as it should be.
pub(crate) const FINE: u8 = 0;
/// Something went wrong that has no code of its own.
pub(crate) const FAILURE: u8 = 1;
/// The server cannot be reached.
pub(crate) const UNREACHABLE: u8 = 2;
/// The server refused the credentials.
pub(crate) const REFUSED: u8 = 3;
/// The command line is wrong (`EX_USAGE` of sysexits.h).
pub(crate) const WRONG_USAGE: u8 = 64;

/// The settings that flags, environment and `.env` file come to.
///
/// # Errors
/// Why the `.env` file cannot be used.
pub(crate) fn gathered(
    flags: &SettingsFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Gathered, String> {
    Sources::collect(flags, environment).map(|sources| gather(&sources)).map_err(|error| error.to_string())
}

/// The exit code for settings that are wrong: if a flag is among what is wrong, the command line is.
pub(crate) fn exit_code(problems: &[Problem]) -> u8 {
    if problems.iter().any(|problem| problem.is_usage) { WRONG_USAGE } else { FAILURE }
}

/// One line that says what went wrong, and the code for it.
fn fail(err: &mut impl Write, message: &str) -> io::Result<u8> {
    writeln!(err, "error: {message}")?;
    Ok(FAILURE)
}

/// The code of a server that was told to stop: work that was cut is a failure.
const fn stop_code(stopped: Stopped) -> u8 {
    match stopped {
        Stopped::Drained => FINE,
        Stopped::Cut => FAILURE,
    }
}
