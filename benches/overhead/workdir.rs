//! A folder of this run's own for configurations, databases and logs. It goes away with the run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// The folder; dropping it removes it.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
}

impl WorkDir {
    /// Makes it, in the system's place for such.
    pub(crate) fn create() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("llm-proxy-overhead-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// A new folder in it.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // What cannot be removed now is left to the system's own cleaning.
        let _ = fs::remove_dir_all(&self.path);
    }
}
