//! Settings that are one of a few words.

use tracing_subscriber::filter::LevelFilter;

/// Which runtime drives the core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Runtime {
    /// `tokio`
    Tokio,
    /// `smol`
    Smol,
}

impl Runtime {
    /// Reads a runtime's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "tokio" => Some(Self::Tokio),
            "smol" => Some(Self::Smol),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Smol => "smol",
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogLevel(pub(crate) LevelFilter);

impl LogLevel {
    /// Reads a level's name in lower case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let level = match text {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return None,
        };
        Some(Self(level))
    }
}

/// In which form log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// Reads `json` or `text`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}
