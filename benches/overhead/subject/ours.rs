//! Our own release binary as an operator would run it, on one worker: a fresh SQLite database, the audit log on, one
//! project and one unlimited token made by the management API.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Guard, Subject, wait_for};
use crate::Outcome;
use crate::cpu;
use crate::management;
use crate::origin;

const MANAGEMENT_TOKEN: &str = "bench-management-token-0123456789";

/// Starts `binary server` on that runtime with everything it writes in `folder`.
pub(super) fn start(binary: &Path, name: &str, runtime: &str, upstream: SocketAddr, folder: &Path) -> Outcome<Subject> {
    let binary = binary.canonicalize().map_err(|error| format!("{}: {error}", binary.display()))?;
    let providers = folder.join("providers.yaml");
    fs::write(&providers, providers_file(upstream))?;
    let log = folder.join("server.log");
    let child = Command::new(&binary)
        .arg("server")
        .current_dir(folder)
        .env("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("DATABASE_PATH", folder.join("bench.db"))
        .env("AUDIT_LOG_FILE", folder.join("audit.log"))
        .env("API_CONFIG_PATH", &providers)
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "info")
        .env("RUNTIME", runtime)
        .env("WORKERS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()?;
    let pid = child.id();
    let guard = Guard(child);
    let addr = wait_for(&format!("the start of {name}"), || listening_address(&log))
        .map_err(|error| format!("{error}: {}", fs::read_to_string(&log).unwrap_or_default()))?;
    let project = management::create_project(addr, MANAGEMENT_TOKEN, origin::KEY)?;
    let credential = management::create_token(addr, MANAGEMENT_TOKEN, &project)?;
    let processes = cpu::family(pid)?;
    Ok(Subject { name: name.to_owned(), processes, credential, plain: addr, streaming: addr, _guard: Some(guard) })
}

/// The `addr` of the log line that says `listening`, once it is written.
fn listening_address(log: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(log).ok()?;
    let line = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(is_listening)?;
    find_text(&line, "addr")?.parse().ok()
}

fn is_listening(line: &Value) -> bool {
    find_text(line, "message").or_else(|| find_text(line, "msg")) == Some("listening")
}

/// A text field of a log line, wherever the format nests it.
fn find_text<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name).or_else(|| line.get("fields")?.get(name))?.as_str()
}

fn providers_file(upstream: SocketAddr) -> String {
    format!(
        "default_api: origin
apis:
  origin:
    base_url: http://{upstream}
    dialect: openai
    allowed_endpoints: [/v1/chat/completions]
    allowed_methods: [GET, POST]
"
    )
}
