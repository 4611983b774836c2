//! Which key counts, and which older ones may open what is stored.

use std::path::{Path, PathBuf};

use llm_proxy_core::secret::Secret;
use zeroize::Zeroizing;

use super::EncryptError;
use crate::key::EncryptionKey;
use crate::seal::{SealError, Sealer};

/// The keys that were given, and those that were found.
#[derive(Debug)]
pub(crate) struct Keys {
    current: Option<Sealer>,
    old: Vec<Sealer>,
    outdated_file: Option<PathBuf>,
}

impl Keys {
    /// From the settings ENCRYPTION_KEY and ENCRYPTION_KEY_OLD, and the key file, if there is one at its place.
    pub(super) fn gather(
        key_file: Option<PathBuf>,
        setting: Option<&Secret>,
        old_setting: Option<&Secret>,
    ) -> Result<Self, EncryptError> {
        let in_file = key_file.as_deref().map(EncryptionKey::from_file).transpose()?.flatten();
        let in_file = in_file.as_ref().map(Sealer::new);
        let bad = |_| EncryptError::BadOldKey;
        let old_key = old_setting.map(EncryptionKey::from_setting).transpose().map_err(bad)?;
        let mut old: Vec<Sealer> = old_key.as_ref().map(Sealer::new).into_iter().collect();
        let Some(setting) = setting else {
            return Ok(Self { current: in_file, old, outdated_file: None });
        };
        let current = Some(Sealer::new(&EncryptionKey::from_setting(setting)?));
        let outdated_file = key_file.filter(|_| in_file.is_some());
        old.extend(in_file);
        Ok(Self { current, old, outdated_file })
    }

    pub(super) fn has_current(&self) -> bool {
        self.current.is_some()
    }

    /// The key file, if the setting has taken its place.
    pub(super) fn outdated_file(&self) -> Option<&Path> {
        self.outdated_file.as_deref()
    }

    /// Whether the key that counts opens it.
    pub(super) fn is_current(&self, sealed: &str, owner: &str) -> bool {
        self.current.as_ref().is_some_and(|sealer| sealer.open(sealed, owner).is_ok())
    }

    /// What an older key opens.
    pub(super) fn open_old(&self, sealed: &str, owner: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.old.iter().find_map(|sealer| sealer.open(sealed, owner).ok())
    }

    /// Seals under the key that counts; `None` if there is none.
    pub(super) fn seal(&self, secret: &[u8], owner: &str) -> Result<Option<String>, SealError> {
        self.current.as_ref().map(|sealer| sealer.seal(secret, owner)).transpose()
    }
}
