//! What is sealed and what is not, counted. It holds no secret.

use std::fmt;
use std::path::PathBuf;

/// Names a stored value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SealedValue {
    /// The upstream key of the project with this id.
    ProjectKey(String),
    /// A secret of the installation, by its name.
    Secret(String),
}

/// The state of all stored secrets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EncryptStatus {
    /// Values that are not sealed.
    pub plain: u64,
    /// Values that are sealed under the key that counts.
    pub sealed: u64,
    /// Sealed values that the key does not open.
    pub unreadable: Vec<SealedValue>,
}

/// What `encrypt` did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EncryptReport {
    /// The state afterwards.
    pub status: EncryptStatus,
    /// Values that were plain and are sealed now.
    pub sealed: u64,
    /// Values that an older key had sealed and the key that counts has now.
    pub resealed: u64,
    /// The new name of the key file, if the setting has taken its place.
    pub key_file: Option<PathBuf>,
}

impl EncryptStatus {
    /// Whether every value is sealed under the key that counts.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.plain == 0 && self.unreadable.is_empty()
    }
}

impl fmt::Display for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProjectKey(id) => write!(f, "the upstream key of project {id:?}"),
            Self::Secret(name) => write!(f, "the secret {name:?}"),
        }
    }
}

impl fmt::Display for EncryptStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plain, sealed, unreadable } = self;
        writeln!(f, "{sealed} sealed under the key, {plain} plain, {} unreadable", unreadable.len())?;
        unreadable.iter().try_for_each(|value| writeln!(f, "{value} does not open under the key"))
    }
}

impl fmt::Display for EncryptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let already = self.status.sealed.saturating_sub(self.sealed).saturating_sub(self.resealed);
        writeln!(
            f,
            "{} plain values sealed, {} moved from an older key, {already} already there",
            self.sealed, self.resealed
        )?;
        write!(f, "{}", self.status)?;
        match &self.key_file {
            Some(path) => writeln!(f, "the key file is now {}: keep it as long as backups from before", path.display()),
            None => Ok(()),
        }
    }
}
