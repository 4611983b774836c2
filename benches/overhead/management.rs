//! The two calls of the management API that a run needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;

/// Makes a project that holds `api_key`; its id.
pub(crate) fn create_project(addr: SocketAddr, management_token: &str, api_key: &str) -> Outcome<String> {
    let project = post(addr, management_token, "/manage/projects", &json!({"name": "bench", "api_key": api_key}))?;
    text(&project, "id")
}

/// Makes an unlimited token of that project; its string.
pub(crate) fn create_token(addr: SocketAddr, management_token: &str, project: &str) -> Outcome<String> {
    let wanted = json!({"project_id": project, "duration_minutes": 1440});
    text(&post(addr, management_token, "/manage/tokens", &wanted)?, "token")
}

fn post(addr: SocketAddr, management_token: &str, path: &str, body: &Value) -> Outcome<Value> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {management_token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let failed = || format!("POST {path}: {answer}");
    let (head, content) = answer.split_once("\r\n\r\n").ok_or_else(failed)?;
    if !head.starts_with("HTTP/1.1 201 ") {
        return Err(failed().into());
    }
    Ok(serde_json::from_str(content).map_err(|error| format!("{}: {error}", failed()))?)
}

fn text(value: &Value, name: &str) -> Outcome<String> {
    Ok(value[name].as_str().ok_or_else(|| format!("no {name} in the answer"))?.to_owned())
}
