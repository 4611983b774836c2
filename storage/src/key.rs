//! The encryption key: from the setting, or from a key file beside the database. It never makes a key where sealed
//! values exist already.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use llm_proxy_core::secret::Secret;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::files;
use crate::random;

/// People copy keys with and without the `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// 32 secret bytes.
pub(crate) struct EncryptionKey(Zeroizing<[u8; 32]>);

impl EncryptionKey {
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the setting ENCRYPTION_KEY.
    pub(crate) fn from_setting(setting: &Secret) -> Result<Self, OpenError> {
        Self::parse(setting.reveal()).ok_or(OpenError::BadEncryptionKey)
    }

    /// Reads the key file; `None` if there is none.
    pub(crate) fn from_file(path: &Path) -> Result<Option<Self>, OpenError> {
        let failed = |source| OpenError::KeyFile { path: path.to_owned(), source };
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(OpenError::KeyFileDamaged { path: path.to_owned() });
            }
            Err(error) => return Err(failed(error)),
        };
        files::close_to_others(path).map_err(failed)?;
        Self::parse(&text).map(Some).ok_or_else(|| OpenError::KeyFileDamaged { path: path.to_owned() })
    }

    /// Makes the key file. The caller holds the database's write lock, so that two instances do not both make one.
    pub(crate) fn make_file(path: &Path) -> Result<Self, OpenError> {
        let key = Self(random::secret_bytes()?);
        let text = Zeroizing::new(format!("{}\n", &*Zeroizing::new(BASE64.encode(*key.0))));
        files::write_new(path, text.as_bytes())
            .map_err(|source| OpenError::KeyFile { path: path.to_owned(), source })?;
        tracing::warn!(
            path = %path.display(),
            "ENCRYPTION_KEY is not set: made a key file; back it up, without it no stored upstream key can be read"
        );
        Ok(key)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text.trim()).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey([secret])")
    }
}
