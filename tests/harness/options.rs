//! How a test wants the program started: settings and providers.

use std::fmt::Write;
use std::sync::Arc;

use rustls::ClientConfig;

use super::databases::Database;
use super::mock::Mock;
use super::tls::Identity;

/// For servers, which require one; what it is does not matter.
const ENCRYPTION_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const ENDPOINTS: &str =
    "[/v1/chat/completions, /v1/responses, /v1/embeddings, /v1/models, /v1/messages, /v1/realtime, /v1beta]";

/// One entry of the providers file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    name: String,
    base_url: String,
    dialect: String,
    lines: Vec<String>,
    endpoints: String,
}

impl Entry {
    /// An entry in OpenAI's dialect.
    pub(crate) fn new(name: &str, base_url: &str) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            dialect: "openai".into(),
            lines: Vec::new(),
            endpoints: ENDPOINTS.into(),
        }
    }

    pub(crate) fn dialect(mut self, dialect: &str) -> Self {
        self.dialect = dialect.into();
        self
    }

    /// One more line of the entry, such as `timeouts: {response_header: 300ms}`.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Other endpoints than the usual ones, such as `[/]` for all.
    pub(crate) fn endpoints(mut self, endpoints: &str) -> Self {
        self.endpoints = endpoints.into();
        self
    }

    fn write(&self, file: &mut String) {
        let Self { name, base_url, dialect, lines, endpoints } = self;
        write!(file, "  {name}:\n    base_url: {base_url}\n    dialect: {dialect}\n").unwrap();
        for line in lines {
            writeln!(file, "    {line}").unwrap();
        }
        writeln!(file, "    allowed_endpoints: {endpoints}").unwrap();
        file.push_str("    allowed_methods: [GET, POST, DELETE, PUT, PATCH]\n");
    }
}

/// How the program is started.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(super) env: Vec<(String, String)>,
    entries: Vec<Entry>,
    pub(super) alone: bool,
    pub(super) errors_expected: bool,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) open_files: Option<u32>,
}

impl Options {
    /// In front of one upstream in OpenAI's dialect, named `mock`.
    pub(crate) fn towards(mock: &Mock) -> Self {
        Self::with(Entry::new("mock", &mock.base_url()))
    }

    /// With its state on a server.
    pub(crate) fn on(self, database: &Database) -> Self {
        self.env("DB_DRIVER", database.engine.driver())
            .env("DATABASE_URL", &database.url())
            .env("ENCRYPTION_KEY", ENCRYPTION_KEY)
    }

    /// In front of the given provider, which is the default.
    pub(crate) fn with(entry: Entry) -> Self {
        Self {
            env: Vec::new(),
            entries: vec![entry],
            alone: false,
            errors_expected: false,
            tls: None,
            open_files: None,
        }
    }

    /// One more provider.
    pub(crate) fn and(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// A setting.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// No other proxy runs meanwhile: for tests that measure.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Clients must speak TLS.
    pub(crate) fn over_tls(self, identity: &Identity) -> Self {
        let (certificate, key) = (identity.certificate(), identity.key());
        let tls = Some(identity.client());
        let options =
            self.env("TLS_CERT_FILE", certificate.to_str().unwrap()).env("TLS_KEY_FILE", key.to_str().unwrap());
        Self { tls, ..options }
    }

    /// The system lets it have that many open files and no more.
    pub(crate) fn open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// The log may hold lines at level ERROR.
    pub(crate) fn errors_expected(mut self) -> Self {
        self.errors_expected = true;
        self
    }

    /// The providers file.
    pub(super) fn providers_file(&self) -> String {
        let mut file = format!("default_api: {}\napis:\n", self.entries[0].name);
        for entry in &self.entries {
            entry.write(&mut file);
        }
        file
    }
}
