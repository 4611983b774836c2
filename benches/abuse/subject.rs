//! The program under attack: a process in a folder of its own, with a project and a token.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::attack::Attack;
use crate::{Options, Outcome};

const MANAGEMENT_TOKEN: &str = "bench-management-token-0123456789";

/// A running program.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) addr: SocketAddr,
    pub(crate) token: String,
    child: Child,
    _folder: TempDir,
}

impl Subject {
    /// Starts it with what the attack wants.
    pub(crate) fn start(options: &Options, runtime: &str, origin: SocketAddr, attack: &Attack) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let providers = folder.path().join("providers.yaml");
        let endpoints = "allowed_endpoints: [/v1/models, /v1/responses]\n    allowed_methods: [GET, POST]";
        std::fs::write(
            &providers,
            format!("default_api: x\napis:\n  x:\n    base_url: http://{origin}\n    {endpoints}\n"),
        )?;
        let ours = options.ours.canonicalize()?;
        let mut command = Command::new("/bin/sh");
        let limit = attack.open_files.map_or(String::new(), |limit| format!("ulimit -n {limit} && "));
        command.args(["-c", &format!("{limit}exec \"$0\" server")]).arg(ours).current_dir(folder.path()).env_clear();
        command
            .env("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .env("API_CONFIG_PATH", providers)
            .env("DATABASE_PATH", folder.path().join("proxy.db"))
            .env("RUNTIME", runtime)
            .env("LOG_FORMAT", "json")
            .env("WORKERS", "2")
            .env("MAX_CONNECTIONS", attack.max_connections);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let addr = listening(&mut child)?;
        let project = post(addr, "/manage/projects", &json!({"name": "bench", "api_key": "sk-upstream"}))?;
        let token = post(addr, "/manage/tokens", &json!({"project_id": project["id"], "duration_minutes": 60}))?;
        let token = token["token"].as_str().ok_or("no token")?.to_owned();
        Ok(Self { addr, token, child, _folder: folder })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it listens, by its log; the rest of the log is read and dropped, so that the program never waits for it.
fn listening(child: &mut Child) -> Outcome<SocketAddr> {
    let mut log = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
    for line in log.by_ref() {
        let line = line?;
        let entry: Value = serde_json::from_str(&line).map_err(|_| line)?;
        if entry["message"] == "listening" {
            let addr = entry["addr"].as_str().ok_or("no address")?.parse()?;
            thread::spawn(move || log.for_each(drop));
            return Ok(addr);
        }
    }
    Err("the program did not start".into())
}

fn post(addr: SocketAddr, path: &str, body: &Value) -> Outcome<Value> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(addr)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let content = answer.split_once("\r\n\r\n").ok_or_else(|| format!("no answer: {answer}"))?.1;
    Ok(serde_json::from_str(content)?)
}
