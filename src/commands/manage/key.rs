//! Where a project's upstream key is read from: a file, the standard input, or, where it must be, the command line.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use llm_proxy_core::secret::Secret;
use zeroize::Zeroizing;

use super::failure::ManageError;
use super::target::secret;
use crate::commands::desk::Desk;

/// What stands for the standard input.
const STANDARD_INPUT: &str = "-";

/// The flags that give a key.
#[derive(Args, Debug)]
pub(super) struct KeyFlags {
    /// The upstream key, or - to read it from the standard input
    #[arg(long, value_name = "KEY", value_parser = secret, group = "change", alias = "openai-api-key")]
    api_key: Option<Secret>,
    /// A file that holds the upstream key
    #[arg(long, value_name = "FILE", group = "change", conflicts_with = "api_key")]
    api_key_file: Option<PathBuf>,
}

/// The key that the flags say; `None` if they say none. The end of the line is no part of it.
pub(super) fn key(flags: &KeyFlags, desk: &mut Desk<'_>) -> Result<Option<Secret>, ManageError> {
    match (&flags.api_key, &flags.api_key_file) {
        (Some(key), _) if key.matches(STANDARD_INPUT.as_bytes()) => typed(desk).map(Some),
        (Some(key), _) => Ok(Some(key.clone())),
        (None, Some(path)) if path == Path::new(STANDARD_INPUT) => typed(desk).map(Some),
        (None, Some(path)) => from_file(path).map(Some),
        (None, None) => Ok(None),
    }
}

fn from_file(path: &Path) -> Result<Secret, ManageError> {
    let unusable = |why: String| ManageError::Unusable(format!("--api-key-file {}: {why}", path.display()));
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?);
    without_line_end(&text).ok_or_else(|| unusable("there is no key in it".to_owned()))
}

fn typed(desk: &mut Desk<'_>) -> Result<Secret, ManageError> {
    let text =
        desk.secret("Upstream key").map_err(|error| ManageError::Unusable(format!("standard input: {error}")))?;
    without_line_end(&text).ok_or_else(|| ManageError::Usage("there is no key on the standard input".to_owned()))
}

fn without_line_end(text: &str) -> Option<Secret> {
    let key = text.trim_end_matches(['\r', '\n']);
    (!key.is_empty()).then(|| Secret::new(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &KeyFlags, input: &str) -> Result<Option<Secret>, ManageError> {
        let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), input.as_bytes());
        key(flags, &mut Desk { out: &mut out, err: &mut err, input: &mut input, asks: false, width: None })
    }

    fn flags(api_key: Option<&str>, file: Option<&Path>) -> KeyFlags {
        let api_key = api_key.map(|text| Secret::new(text.to_owned()));
        KeyFlags { api_key, api_key_file: file.map(Path::to_owned) }
    }

    #[test]
    fn a_key_comes_from_a_flag_a_file_or_the_input() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "sk-key\r\n").unwrap();
        for (flags, input) in [
            (flags(Some("sk-key"), None), "sk-other"),
            (flags(None, Some(&file)), "sk-other"),
            (flags(Some("-"), None), "sk-key\n"),
            (flags(None, Some(Path::new("-"))), "sk-key"),
        ] {
            assert!(read(&flags, input).unwrap().unwrap().matches(b"sk-key"), "{flags:?}");
        }
        assert!(read(&flags(None, None), "sk-other").unwrap().is_none());
    }

    #[test]
    fn no_key_where_one_is_named_is_an_error() {
        let missing = flags(None, Some(Path::new("/nowhere/key")));
        assert!(matches!(read(&missing, ""), Err(ManageError::Unusable(_))));
        assert!(matches!(read(&flags(None, Some(Path::new("/dev/null"))), ""), Err(ManageError::Unusable(_))));
        assert!(matches!(read(&flags(Some("-"), None), "\n"), Err(ManageError::Usage(_))));
    }
}
