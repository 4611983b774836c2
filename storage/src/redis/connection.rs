//! One connection to a Redis that is known to count: it has logged in, has the script, and has counted once. Each call
//! has an answer within [`ANSWER_WITHIN`], or the connection is of no use any more.

use std::time::{Duration, Instant};

use ::redis::{Cmd, ConnectionLike as _, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use thiserror::Error;

use super::address::RedisAddress;
use super::gcra::{self, Answer, Counter};

/// How long Redis may take to answer what is asked at one time.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// How long it may take to connect to one of its addresses and to log in.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// Why Redis does not count. It holds no password.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    /// It did not answer in time.
    #[error("Redis gave no answer in time")]
    Late,
    /// It refused, or the connection failed.
    #[error(transparent)]
    Failed(RedisError),
    /// The script's answer is none. Something else than Redis may be there.
    #[error("Redis answered something else than was asked")]
    NotAnAnswer,
}

/// The connection. After an error it is to be dropped: answers may still be under way.
pub(super) struct Connection {
    inner: ::redis::Connection,
    /// The script's digest, under which Redis keeps it.
    digest: String,
}

impl From<RedisError> for ConnectionError {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() { Self::Late } else { Self::Failed(error) }
    }
}

impl Connection {
    /// Connects, logs in, and counts on `probe` once: a Redis that cannot be written to is as good as none.
    ///
    /// # Errors
    /// If any of that fails.
    pub(super) fn open(address: &RedisAddress, probe: &Counter) -> Result<Self, ConnectionError> {
        let mut inner = address.client()?.get_connection_with_timeout(CONNECT_WITHIN)?;
        inner.set_read_timeout(Some(ANSWER_WITHIN))?;
        inner.set_write_timeout(Some(ANSWER_WITHIN))?;
        let digest = ::redis::cmd("SCRIPT").arg("LOAD").arg(gcra::SCRIPT).query(&mut inner)?;
        let mut connection = Self { inner, digest };
        connection.check(&[std::slice::from_ref(probe)])?;
        Ok(connection)
    }

    /// Performs checks, in their order: one answer for each.
    ///
    /// # Errors
    /// If any was not answered. Some may have counted all the same.
    pub(super) fn check(&mut self, checks: &[&[Counter]]) -> Result<Vec<Answer>, ConnectionError> {
        let mut pipeline = Pipeline::with_capacity(checks.len());
        for counters in checks {
            pipeline.add_command(command("EVALSHA", &self.digest, counters));
        }
        let packed = pipeline.get_packed_pipeline();
        let values = self.exchange(&packed, checks.len())?;
        checks.iter().zip(values).map(|(counters, value)| self.read(counters, value)).collect()
    }

    /// Sends commands and reads that many answers. Unlike the driver's own way, it does not wait for the others after one
    /// that did not come.
    fn exchange(&mut self, commands: &[u8], count: usize) -> Result<Vec<Value>, ConnectionError> {
        let began = Instant::now();
        self.inner.send_packed_command(commands)?;
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            values.push(self.inner.recv_response()?);
            if began.elapsed() > ANSWER_WITHIN {
                return Err(ConnectionError::Late);
            }
        }
        Ok(values)
    }

    fn read(&mut self, counters: &[Counter], value: Value) -> Result<Answer, ConnectionError> {
        let value = match value.extract_error() {
            // Somebody has emptied Redis's store of scripts. This puts it there again.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.inner.req_command(&command("EVAL", gcra::SCRIPT, counters))?
            }
            other => other?,
        };
        gcra::read_answer(counters, &value).ok_or(ConnectionError::NotAnAnswer)
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn ping(&mut self) -> Result<(), ConnectionError> {
        Ok(::redis::cmd("PING").exec(&mut self.inner)?)
    }
}

fn command(name: &str, script: &str, counters: &[Counter]) -> Cmd {
    let mut command = ::redis::cmd(name);
    command.arg(script);
    gcra::add_arguments(&mut command, counters);
    command
}
