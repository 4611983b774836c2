//! `llm-proxy manage …`: everything that the management API can, from a terminal or a script.
//!
//! Tables are for people, `--json` passes the API's JSON on, `--quiet` prints ids. It decides nothing that the server
//! decides: values are sent as they were given, and the server's words say what is wrong with them.

mod api;
mod audit;
mod cache;
mod failure;
mod key;
mod output;
mod paging;
mod project;
mod target;
mod token;

use std::ffi::OsString;
use std::io;

use clap::{Args, Subcommand};
use llm_proxy_core::ids::{EventId, ProjectId, TokenId};

use super::desk::Desk;
use api::Api;
use failure::ManageError;
use output::{Form, Output};
use target::TargetFlags;

/// What `llm-proxy help manage` ends with.
const EXAMPLES: &str = "\
The management token is best given by MANAGEMENT_TOKEN, in the environment or the .env file: others on this machine can
see the command line of a running program.

Examples:
  llm-proxy manage project create --name \"my team\" --api-key-file key.txt
  llm-proxy manage project list
  TOKEN=$(llm-proxy manage token create --project ID --duration 8h)
  llm-proxy manage token list --project ID --active-only
  llm-proxy manage token revoke ID
  llm-proxy manage audit list --outcome denied --start-time 2026-01-31T00:00:00Z

Exit codes: 0 fine, 1 the server said no, 2 the server cannot be reached, 3 it refused the management token,
64 wrong usage.";

/// `llm-proxy manage …`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManageCommand {
    /// Print the API's JSON unchanged
    #[arg(long, global = true)]
    json: bool,
    /// Print ids only, one a line
    #[arg(long, short, global = true, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    target: TargetFlags,
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand, Debug)]
enum Subject {
    /// Projects: the owners of upstream keys
    #[command(subcommand, visible_alias = "projects")]
    Project(project::ProjectCommand),
    /// Tokens: what clients use in place of a key
    #[command(subcommand, visible_alias = "tokens")]
    Token(token::TokenCommand),
    /// Audit events: who did what, with which result
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The response cache
    #[command(subcommand)]
    Cache(cache::CacheCommand),
}

/// Does one management call, or the few that a command is made of.
///
/// # Errors
/// If it cannot print.
pub(crate) fn run(
    command: &ManageCommand,
    environment: impl Iterator<Item = (OsString, OsString)>,
    desk: &mut Desk<'_>,
) -> io::Result<u8> {
    let form = match (command.json, command.quiet) {
        (true, _) => Form::Json,
        (false, true) => Form::Ids,
        (false, false) => Form::Table,
    };
    let done = command.target.api(environment).and_then(|api| perform(&command.subject, &api, desk, form));
    match done {
        Ok(()) => desk.out.flush().map(|()| super::FINE),
        Err(ManageError::Print(error)) => Err(error),
        Err(error) => writeln!(desk.err, "error: {error}").map(|()| error.exit_code()),
    }
}

fn perform(subject: &Subject, api: &Api, desk: &mut Desk<'_>, form: Form) -> Result<(), ManageError> {
    let mut output = Output { desk, form };
    match subject {
        Subject::Project(command) => project::perform(command, api, &mut output),
        Subject::Token(command) => token::perform(command, api, &mut output),
        Subject::Audit(command) => audit::perform(command, api, &mut output),
        Subject::Cache(command) => cache::perform(command, api, &mut output),
    }
}

/// An id of a flag or an argument.
fn id<T: Id>(text: &str) -> Result<T, String> {
    T::read(text).ok_or_else(|| "write an id of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f".to_owned())
}

/// An identifier that can be read.
trait Id: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Id for ProjectId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Id for TokenId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Id for EventId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
