//! The program as a command that ends: run in an empty folder with no environment but what a test gives it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::proxy::{MANAGEMENT_TOKEN, Proxy};

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

/// Runs the program with those arguments and that environment, and `input` on its standard input, which is no terminal.
pub(crate) fn cli(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-proxy"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have ended before.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Proxy {
    /// Runs `llm-proxy manage` with those arguments towards this proxy.
    pub(crate) fn cli(&self, arguments: &[&str], input: &str) -> Ran {
        let addr = self.addr.to_string();
        let environment = [("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN), ("LISTEN_ADDR", addr.as_str())];
        cli(&[&["manage"], arguments].concat(), &environment, input)
    }

    /// Runs `llm-proxy manage`, which must succeed: its standard output.
    pub(crate) fn cli_fine(&self, arguments: &[&str]) -> String {
        let ran = self.cli(arguments, "");
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.out
    }

    /// Runs `llm-proxy manage` with `--json`: the JSON.
    pub(crate) fn cli_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.cli_fine(&[arguments, &["--json"]].concat())).unwrap()
    }
}
