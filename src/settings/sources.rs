//! Where settings come from: flags, the process's environment, the `.env` file. It reads them and changes none of
//! them; which one counts is `values`' business.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::flags::SettingsFlags;

/// The file that is read if no flag names one, and that may be missing.
const USUAL_ENV_FILE: &str = ".env";

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A flag of that name.
    Flag(&'static str),
    /// The process's environment.
    Environment,
    /// The `.env` file, or the one that `--env-file` names.
    EnvFile,
    /// Nowhere: the table's default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag(flag) => flag,
            Self::Environment => "environment",
            Self::EnvFile => ".env file",
            Self::Default => "default",
        })
    }
}

/// Why the `.env` file cannot be used. No variant holds a line of it.
#[derive(Debug, Error)]
pub(crate) enum EnvFileError {
    /// The file that `--env-file` names is not there.
    #[error("{path}: there is no such file: name another one with --env-file", path = .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("{path}: the file cannot be read: {source}", path = .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not of its form.
    #[error("{path}: line {line}: write NAME=value, with quotes around a value that has spaces or quotes in it",
        path = .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// Everything that was given.
pub(crate) struct Sources {
    pub(super) flags: Vec<(&'static str, String)>,
    pub(super) environment: BTreeMap<String, OsString>,
    pub(super) env_file: BTreeMap<String, String>,
}

impl Sources {
    /// Reads the `.env` file and puts all sources together. Names in the environment that are not UTF-8 are none of
    /// ours.
    pub(crate) fn collect(
        flags: &SettingsFlags,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, EnvFileError> {
        let env_file = match &flags.env_file {
            Some(path) => read_env_file(path)?.ok_or_else(|| EnvFileError::Missing(path.clone()))?,
            None => read_env_file(Path::new(USUAL_ENV_FILE))?.unwrap_or_default(),
        };
        let environment = environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Ok(Self { flags: flags.given(), environment, env_file })
    }
}

/// The variables in the file; `None` if there is none. Of several with one name the last counts.
fn read_env_file(path: &Path) -> Result<Option<BTreeMap<String, String>>, EnvFileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EnvFileError::Read { path: path.to_owned(), source }),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let variables: Result<_, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    variables.map(Some).map_err(|error| EnvFileError::Line { path: path.to_owned(), line: line_of(text, &error) })
}

/// The line that `error` is about. The parser gives the text of the line only, which may hold a secret and goes no
/// further.
fn line_of(text: &str, error: &dotenvy::Error) -> usize {
    let at = match error {
        dotenvy::Error::LineParse(line, _) => text.find(line.trim_end()),
        dotenvy::Error::Io(_) | dotenvy::Error::EnvVar(_) | _ => None,
    };
    text[..at.unwrap_or(0)].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, EnvFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        fs::write(&path, text).unwrap();
        read_env_file(&path).map(Option::unwrap)
    }

    #[test]
    fn an_env_file_has_comments_quotes_and_exports() {
        let text = "\u{feff}# a comment\nA=1\n\nexport B='two words' # more\nC=\"x\"\nA=2\nD=\n";
        let variables = read(text).unwrap();
        let seen: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(seen, [("A", "2"), ("B", "two words"), ("C", "x"), ("D", "")]);
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_and_not_shown() {
        let error = read("A=1\nMANAGEMENT_TOKEN=very secret words\nB=2\n").unwrap_err().to_string();
        assert!(error.contains(": line 2: write NAME=value"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_named_env_file_must_exist_and_the_usual_one_need_not() {
        let mut flags = SettingsFlags::default();
        flags.env_file = Some("/nowhere/env".into());
        let error = Sources::collect(&flags, std::iter::empty()).err().unwrap();
        assert!(matches!(error, EnvFileError::Missing(_)), "{error}");
        assert!(read_env_file(Path::new("/nowhere/env")).unwrap().is_none());
    }

    #[test]
    fn reading_an_env_file_leaves_the_environment_alone() {
        read("LLM_PROXY_TEST_ONLY=1\n").unwrap();
        assert_eq!(std::env::var_os("LLM_PROXY_TEST_ONLY"), None);
    }
}
