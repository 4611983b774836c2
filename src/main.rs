//! The llm-proxy program: reads the command line and runs the command that it names.
//!
//! Exit codes: 0 fine, 1 a general error, 2 the server cannot be reached, 3 it refused the credentials, 64 wrong usage.

mod commands;
mod demo;
mod logging;
mod reload;
mod runtime;
mod server;
mod settings;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::audit::{self, AuditCommand};
use commands::config::{self, ConfigCommand};
use commands::demo::{self as demo_command, DemoFlags};
use commands::manage::{self, ManageCommand};
use commands::migrate::{self, MigrateCommand};
use commands::{Desk, FAILURE, FINE, WRONG_USAGE, server as server_command};
use settings::SettingsFlags;

/// A transparent proxy in front of LLM APIs: real keys stay here, clients get withering tokens
#[derive(Parser, Debug)]
#[command(name = "llm-proxy", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Server(SettingsFlags),
    /// Run a server with everything it needs to be tried: no key, no network
    Demo(DemoFlags),
    /// Manage a running server: projects, tokens, audit events, the cache
    Manage(Box<ManageCommand>),
    /// Bring the database up to date, back, or under another key
    Migrate(MigrateCommand),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
}

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let code = run(std::env::args_os(), std::env::vars_os(), &mut out, &mut err);
    // Where nothing can be printed, there is nobody left to tell.
    code.unwrap_or(FAILURE).into()
}

/// Runs the command that `arguments` name, the program's own name first, to its exit code.
///
/// # Errors
/// If it cannot print.
fn run(
    arguments: impl Iterator<Item = OsString>,
    environment: impl Iterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        // Help and version are answers; anything else is wrong usage.
        Err(answer) if !answer.use_stderr() => return write!(out, "{answer}").map(|()| FINE),
        Err(error) => return write!(err, "{error}").map(|()| WRONG_USAGE),
    };
    match cli.command {
        Command::Server(flags) => server_command::run(&flags, environment, err),
        Command::Demo(flags) => demo_command::run(&flags, environment, err),
        Command::Manage(command) => {
            manage::run(&command, environment, &mut Desk::of_process(out, err, &mut io::stdin().lock()))
        }
        Command::Migrate(command) => {
            migrate::run(&command, environment, &mut Desk::of_process(out, err, &mut io::stdin().lock()))
        }
        Command::Config(ConfigCommand::Check(flags)) => config::check(&flags, environment, out, err),
        Command::Audit(AuditCommand::Verify(flags)) => audit::verify(&flags, environment, out, err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-of-more-than-16-characters";

    /// No `.env` file, not even the one that may be in this folder.
    const NO_FILE: [&str; 2] = ["--env-file", "/dev/null"];

    /// Some id.
    const ID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    /// Runs the program with those arguments and that environment: its exit code, its output and its errors.
    fn program(arguments: &[&str], environment: &[(&str, &str)]) -> (u8, String, String) {
        let arguments = ["llm-proxy"].iter().chain(arguments).map(OsString::from);
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(arguments, environment, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn help_and_version_are_fine() {
        for arguments in [
            &["--help"][..],
            &["help"],
            &["--version"],
            &["server", "--help"],
            &["config", "check", "-h"],
            &["help", "manage"],
            &["manage", "project", "create", "--help"],
            &["help", "migrate"],
        ] {
            let (code, out, err) = program(arguments, &[]);
            assert_eq!((code, out.is_empty(), err.as_str()), (0, false, ""), "{arguments:?}");
        }
    }

    #[test]
    fn wrong_usage_has_a_code_of_its_own() {
        for arguments in [
            &[][..],
            &["serve"],
            &["config"],
            &["server", "--port", "1"],
            &["server", "--addr"],
            &["config", "check", "extra"],
            &["config", "check", "--workers", "0"],
            &["server", "--log-level", "loud"],
            &["demo", "--runtime", "none"],
            &["manage"],
            &["manage", "project"],
            &["manage", "project", "get", "no-id"],
            &["manage", "project", "update", ID],
            &["manage", "project", "update", ID, "--activate", "--deactivate"],
            &["manage", "project", "update", ID, "--name", "x", "--revoke-tokens"],
            &["manage", "project", "create", "--name", "x", "--api-key", "y", "--api-key-file", "z"],
            &["manage", "project", "list", "--json", "--quiet"],
            &["manage", "project", "list", "--page", "0"],
            &["manage", "project", "list", "--manage-api-base-url", "proxy.example"],
            &["manage", "project", "list", "--management-token", "two words"],
            &["manage", "token", "create", "--project", ID],
            &["manage", "token", "create", "--project", ID, "--duration", "0"],
            &["manage", "token", "update", ID],
            &["manage", "audit", "list", "--start-time", "yesterday"],
            &["manage", "cache", "purge"],
            &["manage", "cache", "purge", "--url", "/x", "--prefix", "/"],
            &["migrate"],
            &["migrate", "down", "--steps", "0"],
            &["migrate", "import"],
            &["audit", "verify", "file", "--db"],
        ] {
            let (code, out, err) = program(arguments, &[("MANAGEMENT_TOKEN", TOKEN)]);
            assert_eq!((code, err.is_empty()), (64, false), "{arguments:?} {out}");
        }
    }

    #[test]
    fn verifying_says_what_it_found_and_exits_accordingly() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.log");
        let path = file.to_str().unwrap();
        let (code, out, err) = program(&["audit", "verify", path], &[]);
        assert!(code == 1 && out.is_empty() && err.starts_with("error: the audit log cannot be read: "), "{out} {err}");
        std::fs::write(&file, "").unwrap();
        let set = [("AUDIT_LOG_FILE", path), ("DATABASE_PATH", "/nowhere/x.db")];
        let by_setting = [&["audit", "verify"], &NO_FILE[..]].concat();
        assert_eq!(program(&by_setting, &set), (0, "OK: 0 events in 0 chains\n".to_owned(), String::new()));
        std::fs::write(&file, "{}\n").unwrap();
        assert_eq!(program(&by_setting, &set).0, 1);
        assert_eq!(program(&by_setting, &set).1, "NOT OK: event 1 is not an audit event\n");
        let (code, _, err) = program(&[&by_setting[..], &["--db"]].concat(), &set);
        assert_eq!((code, err.as_str()), (1, "error: there is no database /nowhere/x.db\n"));
    }

    #[test]
    fn a_check_that_finds_nothing_wrong_is_fine() {
        let arguments = [&["config", "check", "--addr", ":0"], &NO_FILE[..]].concat();
        let (code, out, _) = program(&arguments, &[("MANAGEMENT_TOKEN", TOKEN)]);
        assert_eq!(code, 0);
        assert!(!out.contains(TOKEN), "{out}");
        let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(lines.contains(&vec!["MANAGEMENT_TOKEN", "********", "environment"]), "{out}");
        assert!(lines.contains(&vec!["LISTEN_ADDR", ":0", "--addr"]), "{out}");
        assert!(lines.contains(&vec!["LOG_LEVEL", "info", "default"]), "{out}");
    }

    #[test]
    fn a_check_names_everything_that_is_wrong() {
        let environment = [("REQUEST_TIMEOUT", "30"), ("DB_DRIVER", "oracle"), ("IP_RATE_LIMIT", "many")];
        let (code, _, err) = program(&[&["config", "check"], &NO_FILE[..]].concat(), &environment);
        assert_eq!(code, 1);
        for name in ["MANAGEMENT_TOKEN", "REQUEST_TIMEOUT", "DB_DRIVER", "IP_RATE_LIMIT"] {
            assert!(err.lines().any(|line| line.starts_with(&format!("error: {name} "))), "{name} in {err}");
        }
    }

    #[test]
    fn a_check_in_json_is_one_document() {
        let environment = [("MANAGEMENT_TOKEN", TOKEN), ("ENABLE_TLS", "true"), ("RUNTIME", "async-std")];
        let (code, out, err) = program(&[&["config", "check", "--json"], &NO_FILE[..]].concat(), &environment);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();

        assert_eq!((code, err.as_str()), (1, ""));
        assert_eq!(report["ok"], false);
        assert_eq!(
            report["errors"][0],
            "RUNTIME (environment): this is none of the accepted words; write tokio or smol"
        );
        assert_eq!(report["warnings"][0], "ENABLE_TLS is set, but means nothing. TLS is on when TLS_CERT_FILE is set.");
        let token = report["settings"].as_array().unwrap().iter().find(|line| line["name"] == "MANAGEMENT_TOKEN");
        assert_eq!(token.unwrap()["value"], "********");
    }

    #[test]
    fn a_server_with_wrong_settings_does_not_start() {
        let (code, _, err) = program(&[&["server"], &NO_FILE[..]].concat(), &[("LISTEN_ADDR", "8080")]);
        assert_eq!((code, err.lines().count()), (1, 2), "{err}");
    }

    #[test]
    fn a_named_env_file_that_is_missing_is_an_error() {
        let (code, _, err) = program(&["config", "check", "--env-file", "/nowhere/env"], &[]);
        assert_eq!(code, 1);
        assert!(err.starts_with("error: /nowhere/env: there is no such file"), "{err}");
    }

    /// The commands without commands of their own, each with its flags.
    fn leaves(command: &clap::Command, path: &str) -> Vec<(String, Vec<String>)> {
        let path = format!("{path} {}", command.get_name()).trim().to_owned();
        let below: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").collect();
        if !below.is_empty() {
            return below.into_iter().flat_map(|command| leaves(command, &path)).collect();
        }
        let flags = command.get_arguments().filter_map(|argument| argument.get_long());
        vec![(path, flags.filter(|flag| *flag != "help").map(|flag| format!("--{flag}")).collect())]
    }

    #[test]
    fn the_page_of_commands_names_every_command_and_flag() {
        let page = include_str!("../docs/commands.md");
        let mut command = <Cli as clap::CommandFactory>::command();
        command.build();
        for (path, flags) in leaves(&command, "") {
            assert!(page.contains(&format!("`{path}")), "{path}");
            for flag in flags {
                let named = [" ", "`", "\n"].iter().any(|end| page.contains(&format!("{flag}{end}")));
                assert!(named, "{path} {flag}");
            }
        }
    }

    #[test]
    fn a_caller_without_a_token_is_told_what_to_set() {
        let (code, _, err) = program(&[&["manage", "token", "list"], &NO_FILE[..]].concat(), &[]);
        assert_eq!(code, 64);
        assert!(err.contains("MANAGEMENT_TOKEN"), "{err}");
    }
}
