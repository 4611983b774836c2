//! What the black-box tests stand on: a process to test, an upstream that can misbehave, a client that reads strictly.
//!
//! None of it uses an HTTP library: what is tested must not be mended or hidden by another parser's tolerance. Nothing
//! here sleeps to synchronise: scripts wait for signals, reads and deadlines.

mod cli;
mod client;
pub(crate) mod databases;
mod http;
mod logs;
mod manage;
mod mock;
mod options;
mod proxy;
mod redis;
mod signal;
mod tls;
mod tools;
mod turn;

pub(crate) use cli::{Ran, cli};
pub(crate) use client::{Client, get, post};
pub(crate) use databases::{Database, Engine};
pub(crate) use http::{Broken, Response};
pub(crate) use manage::Token;
pub(crate) use mock::{Connection, Mock, Recorded, ok};
pub(crate) use options::{Entry, Options};
pub(crate) use proxy::{Exited, MANAGEMENT_TOKEN, Proxy};
pub(crate) use redis::{Redis, shared_redis};
pub(crate) use signal::Signal;
pub(crate) use tls::{Authority, Identity};
pub(crate) use tools::{Held, Served, node, python, python_with, raise_file_limit, sqlite, sqlite_rows};

use std::time::Duration;

/// How long a test waits for what must happen, before it says that it did not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
