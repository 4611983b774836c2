//! `llm-proxy audit verify`: whether the audit log still says what was written. It needs no running server, and changes
//! no event.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use llm_proxy_core::audit::Verified;
use llm_proxy_storage::{StorageConfig, VerifyError, verify_database, verify_file};

use super::{FAILURE, FINE, described, fail};
use crate::settings::{AuditPlaces, audit_places};

const MORE: &str = "\
Each event's hash covers the event before it, so this finds what was changed, removed or reordered. It cannot find that the
end was cut off, or that all was written anew: compare with a hash of an earlier OK that was kept elsewhere.

Exit codes: 0 all is as it was written, 1 something is wrong or cannot be read.";

/// `llm-proxy audit …`
#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// Verify the chain of audit events
    #[command(after_help = MORE)]
    Verify(VerifyFlags),
}

/// The flags of `audit verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyFlags {
    /// The audit log; without it, the one that AUDIT_LOG_FILE names
    #[arg(value_name = "FILE", conflicts_with = "db")]
    file: Option<PathBuf>,
    /// Verify the database of the settings in place of a file
    #[arg(long)]
    db: bool,
    /// A file of settings, in place of .env
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// Verifies, and prints the result to `out`; what keeps it from verifying goes to `err`.
///
/// # Errors
/// If it cannot print.
pub(crate) fn verify(
    flags: &VerifyFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let verified = match &flags.file {
        Some(file) => verify_file(file),
        None => match audit_places(flags.env_file.clone(), environment) {
            Ok(AuditPlaces { store, .. }) if flags.db => {
                futures_lite::future::block_on(verify_database(&StorageConfig {
                    encryption_key: store.encryption_key.clone(),
                    ..StorageConfig::new(store.database)
                }))
            }
            Ok(AuditPlaces { file: Some(file), .. }) => verify_file(&file),
            Ok(AuditPlaces { file: None, .. }) => {
                return fail(err, "AUDIT_LOG_FILE says none: name a file, or give --db");
            }
            Err(problems) => return fail(err, &problems.join("; ")),
        },
    };
    match verified {
        Ok(verified) => write!(out, "{}", shown(&verified)).map(|()| FINE),
        Err(VerifyError::Fault(fault)) => writeln!(out, "NOT OK: {fault}").map(|()| FAILURE),
        Err(VerifyError::Changed(fault)) => writeln!(out, "NOT OK: {fault}").map(|()| FAILURE),
        Err(error) => fail(err, &described(&error)),
    }
}

fn shown(Verified { events, chains, times, last }: &Verified) -> String {
    let (event_s, chain_s) = (plural(*events), plural(*chains));
    let mut text = format!("OK: {events} event{event_s} in {chains} chain{chain_s}");
    if let Some((first, last)) = times {
        text += &format!(", from {} to {}", first.to_rfc3339(), last.to_rfc3339());
    }
    if let Some(last) = last {
        text += &format!("\nlast event {}, hash {}", last.id, last.hash);
    }
    text + "\n"
}

const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
