//! The database servers that all tests share.
//!
//! `scripts/with-databases` starts them and ends them. A test gets a database of its own by their command-line clients;
//! a test that cannot reach them fails and says how to run it, it is never passed over.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A kind of database server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    Postgres,
    Mysql,
}

/// A database of a test's own. It is dropped with this.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) engine: Engine,
    /// Of the superuser, to a database that is always there.
    server: String,
    name: String,
}

impl Engine {
    /// What DB_DRIVER calls it.
    pub(crate) const fn driver(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The variable that names a server of this kind.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "LLM_PROXY_TEST_POSTGRES_URL",
            Self::Mysql => "LLM_PROXY_TEST_MYSQL_URL",
        }
    }
}

impl Database {
    /// A new database on the server that all tests share.
    pub(crate) fn shared(engine: Engine) -> Self {
        let variable = engine.variable();
        let server = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run the tests by ./scripts/test, or under ./scripts/with-databases")
        });
        Self::on(engine, server)
    }

    /// A new database on a server, by its superuser's URL.
    pub(crate) fn on(engine: Engine, server: String) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run_sql(engine, &server, &format!("CREATE DATABASE {name}")).unwrap();
        Self { engine, server, name }
    }

    /// Its URL, with a user and a password.
    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Runs a statement: what the server's client prints, or its complaint.
    pub(crate) fn sql(&self, statement: &str) -> Result<String, String> {
        run_sql(self.engine, &self.url(), statement)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let force = if self.engine == Engine::Postgres { " WITH (FORCE)" } else { "" };
        // The server may be down, if the test failed.
        let _ = run_sql(self.engine, &self.server, &format!("DROP DATABASE {}{force}", self.name));
    }
}

/// Runs a statement by the server's own client.
pub(crate) fn run_sql(engine: Engine, url: &str, statement: &str) -> Result<String, String> {
    let mut command = match engine {
        Engine::Postgres => {
            let mut command = Command::new("psql");
            command.env("PGCONNECT_TIMEOUT", "5");
            command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url]);
            command
        }
        Engine::Mysql => mariadb(url, statement),
    };
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// MariaDB's client takes no URL.
fn mariadb(url: &str, statement: &str) -> Command {
    let parts = url.strip_prefix("mysql://").and_then(|rest| {
        let (user, rest) = rest.split_once(':')?;
        let (password, rest) = rest.split_once('@')?;
        let (host, rest) = rest.split_once(':')?;
        let (port, name) = rest.split_once('/')?;
        Some([user, password, host, port, name])
    });
    let [user, password, host, port, name] = parts.expect("a URL as scripts/with-databases makes it");
    let mut command = Command::new("mariadb");
    command.env("MYSQL_PWD", password);
    command.args([
        "--no-defaults",
        "--connect-timeout=5",
        "-N",
        "-B",
        "-h",
        host,
        "-P",
        port,
        "-u",
        user,
        "-e",
        statement,
        name,
    ]);
    command
}
