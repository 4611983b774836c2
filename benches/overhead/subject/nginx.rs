//! nginx set up as a careful operator would for this job: one worker, no access log, kept-alive connections on both
//! sides, the key put in place of the client's, identity headers removed, no buffering of streams.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Guard, REFERENCE, Subject, free_port, wait_for_port};
use crate::Outcome;
use crate::cpu;
use crate::origin;

/// Starts it with a configuration of its own in `folder`; the system's service is not touched.
pub(super) fn start(binary: &Path, upstream: SocketAddr, folder: &Path) -> Outcome<Subject> {
    let [plain, streaming] = [free_port()?, free_port()?].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, configure(upstream, plain, streaming))?;
    let child = Command::new(binary)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&configuration)
        .args(["-e", "stderr"])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let pid = child.id();
    let guard = Guard(child);
    wait_for_port(REFERENCE, plain)?;
    wait_for_port(REFERENCE, streaming)?;
    Ok(Subject {
        name: REFERENCE.to_owned(),
        processes: cpu::family(pid)?,
        credential: "sk-client-token-0123456789".to_owned(),
        plain,
        streaming,
        _guard: Some(guard),
    })
}

fn configure(upstream: SocketAddr, plain: SocketAddr, streaming: SocketAddr) -> String {
    let key = origin::KEY;
    let server = |listen: SocketAddr, buffering: &str| {
        format!(
            "server {{
    listen {listen};
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_buffering {buffering};
      proxy_set_header Connection \"\";
      proxy_set_header Host {upstream};
      proxy_set_header Authorization \"Bearer {key}\";
      proxy_set_header X-Forwarded-For \"\";
      proxy_set_header X-Forwarded-Host \"\";
      proxy_set_header X-Forwarded-Proto \"\";
      proxy_set_header X-Real-IP \"\";
      proxy_set_header Forwarded \"\";
    }}
  }}"
        )
    };
    let (plain, streaming) = (server(plain, "on"), server(streaming, "off"));
    // The default limits of requests per connection would close connections in the middle of a round.
    format!(
        "worker_processes 1;
daemon off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  upstream origin {{
    server {upstream};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  {plain}
  {streaming}
}}
"
    )
}
