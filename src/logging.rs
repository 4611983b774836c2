//! Sets up the program's log: JSON lines or text, to the standard error stream or to a file.
//!
//! Only this program's own words are logged below warn. Libraries may log what passes through them, and no level of
//! ours may let that out.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::settings::{LogFormat, LogLevel, LogSettings};

/// What the targets of all our crates begin with.
const OURS: &str = "llm_proxy";

/// Owner only: a log says who did what.
const MODE: u32 = 0o600;

/// Why there is no log.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// The file cannot be opened or protected.
    #[error("cannot write the log file {path}: {source}; set LOG_FILE or --log-file to a file in a folder that is \
             writable, or to nothing for the standard error stream", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a log already.
    #[error("the log was set up twice")]
    Twice,
}

/// Sends all events of this process to the log that `settings` asks for, from now on.
///
/// # Errors
/// [`LogError`] if the log file cannot be written.
pub(crate) fn start(settings: &LogSettings) -> Result<LogGuard, LogError> {
    let (writer, guard) = match &settings.file {
        Some(path) => {
            let file = open(path).map_err(|source| LogError::File { path: path.clone(), source })?;
            tracing_appender::non_blocking(file)
        }
        None => tracing_appender::non_blocking(io::stderr()),
    };
    let subscriber = subscriber(settings.level, settings.format, writer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(LogGuard(guard))
}

/// Keeps the log's thread; dropping it writes what waits. Lines are written there, never where requests are served: a
/// pipe that nobody reads, or a slow disk, costs lines and not requests.
#[derive(Debug)]
pub(crate) struct LogGuard(#[expect(dead_code, reason = "it is kept for its drop")] WorkerGuard);

/// Opens a log file at its end. A file that was there before becomes the owner's only, too; what is no file (a
/// terminal, a pipe) stays as it is.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    Ok(file)
}

fn subscriber<W>(level: LogLevel, format: LogFormat, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let LogLevel(level) = level;
    let filter = Targets::new().with_target(OURS, level).with_default(level.min(LevelFilter::WARN));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
            Box::new(Registry::default().with(layer.with_filter(filter)))
        }
        LogFormat::Text => Box::new(Registry::default().with(layer.with_filter(filter))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use std::sync::Arc;

    use super::*;

    /// What a log of that level and form holds after `events`.
    fn logged(level: LevelFilter, format: LogFormat, events: fn()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let subscriber = subscriber(LogLevel(level), format, Arc::new(open(&path).unwrap()));
        tracing::subscriber::with_default(subscriber, events);
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let text = logged(LevelFilter::INFO, LogFormat::Json, || tracing::info!(status = 200, path = "/v1", "done"));
        let line: Value = serde_json::from_str(&text).unwrap();

        assert_eq!(text.matches('\n').count(), 1);
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"done".into()));
        assert_eq!((&line["status"], &line["path"]), (&200.into(), &"/v1".into()));
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{text}");
    }

    #[test]
    fn a_text_line_has_no_colours() {
        let text = logged(LevelFilter::INFO, LogFormat::Text, || tracing::warn!(port = 80, "taken"));
        assert!(text.contains(" WARN ") && text.contains("taken port=80"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_level_is_for_our_own_words_and_libraries_are_heard_from_warn_on() {
        let text = logged(LevelFilter::DEBUG, LogFormat::Text, || {
            tracing::trace!("ours-trace");
            tracing::debug!("ours-debug");
            tracing::debug!(target: "llm_proxy_storage::sql", "store-debug");
            tracing::info!(target: "sqlx::query", "library-info");
            tracing::warn!(target: "sqlx::query", "library-warn");
        });
        let heard =
            ["ours-trace", "ours-debug", "store-debug", "library-info", "library-warn"].map(|m| text.contains(m));
        assert_eq!(heard, [false, true, true, false, true]);
    }

    #[test]
    fn libraries_are_no_louder_than_we_are() {
        let text = logged(LevelFilter::ERROR, LogFormat::Text, || tracing::warn!(target: "sqlx", "library-warn"));
        assert_eq!(text, "");
    }

    #[test]
    fn a_log_file_is_appended_to_and_the_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "before\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();

        io::Write::write_all(&mut open(&path).unwrap(), b"after\n").unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_log_file_that_cannot_be_written_is_one_line_that_says_what_to_do() {
        let file = Some(PathBuf::from("/nowhere/log"));
        let settings = LogSettings { level: LogLevel(LevelFilter::INFO), format: LogFormat::Json, file };
        let message = start(&settings).unwrap_err().to_string();
        assert!(message.starts_with("cannot write the log file /nowhere/log: No such file"), "{message}");
        assert!(message.contains("set LOG_FILE") && !message.contains('\n'), "{message}");
    }
}
