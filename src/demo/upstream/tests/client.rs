//! A client for the tests: writes literal bytes, reads answers strictly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::demo::upstream::DemoUpstream;

/// An answer as read from the wire.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The `data:` lines of a stream.
    pub(super) fn data(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }

    /// The events of a stream that are JSON.
    pub(super) fn events(&self) -> Vec<Value> {
        self.data()
            .into_iter()
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }
}

pub(super) struct Client {
    pub(super) stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) fn connect(upstream: &DemoUpstream) -> Self {
        let stream = TcpStream::connect(upstream.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(super) fn send(&mut self, bytes: &str) {
        self.stream.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    pub(super) fn get(&mut self, path: &str) -> Got {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: demo\r\n{}\r\n", bearer()));
        self.read()
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Got {
        let body = body.to_string();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: demo\r\n{}Content-Length: {}\r\n\r\n{body}",
            bearer(),
            body.len()
        ));
        self.read()
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    pub(super) fn read_head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let line = self.line();
            assert_ne!(line, "", "the connection ended within a head: {head:?}");
            head.push_str(&line);
        }
        head
    }

    pub(super) fn read(&mut self) -> Got {
        let head = self.read_head();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = match field(&head, "content-length") {
            Some(length) => self.read_exactly(length.parse().unwrap()),
            None => self.read_chunks(),
        };
        Got { status, head, body }
    }

    fn read_exactly(&mut self, length: usize) -> String {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn read_chunks(&mut self) -> String {
        let mut body = String::new();
        loop {
            let size = usize::from_str_radix(self.line().trim_end(), 16).unwrap();
            body.push_str(&self.read_exactly(size));
            assert_eq!(self.read_exactly(2), "\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }
}

pub(super) fn bearer() -> String {
    format!("Authorization: Bearer {}\r\n", DemoUpstream::expected_key())
}

pub(super) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}
