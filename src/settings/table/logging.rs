//! What is logged, in which form, and where to.

use std::path::PathBuf;

use super::super::choices::{LogFormat, LogLevel};
use super::super::forms;
use super::Fallback::{Absent, Text};
use super::{Row, Setting, active};

pub(super) const ROWS: &[&dyn Row] = &[&LOG_LEVEL, &LOG_FORMAT, &LOG_FILE];

pub(in super::super) static LOG_LEVEL: Setting<LogLevel> = active(
    "LOG_LEVEL",
    Text("info"),
    forms::LEVEL,
    "How much this program logs. Libraries that it uses are heard from warn on, whatever is set here.",
)
.flag("--log-level");

pub(in super::super) static LOG_FORMAT: Setting<LogFormat> =
    active("LOG_FORMAT", Text("json"), forms::LOG_FORMAT, "Whether log lines are JSON objects or text for people.")
        .flag("--log-format");

pub(in super::super) static LOG_FILE: Setting<PathBuf> = active(
    "LOG_FILE",
    Absent("the standard error stream"),
    forms::FILE,
    "The file that log lines are appended to, readable by the owner only. Its folder must exist.",
)
.flag("--log-file");
