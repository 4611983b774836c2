//! Sealing of secrets at rest: AES-256-GCM (NIST SP 800-38D), `enc:v1:` + base64(nonce‖ciphertext‖tag), with what the
//! secret belongs to as associated data, so that a sealed text moved to another row does not open.
//!
//! Nonces are 96 random bits: safe for about 2^32 seals under one key (SP 800-38D, section 8.3), far more than
//! management calls make. It never says why a text does not open.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::key::EncryptionKey;
use crate::random::{self, NoRandomness};

const PREFIX: &str = "enc:v1:";
const NONCE: usize = 12;

/// A secret could not be sealed or opened.
#[derive(Debug, Error)]
pub enum SealError {
    /// The text is not sealed, was changed, belongs to something else, or was sealed under another key.
    #[error("the sealed text does not open")]
    Unopened,
    /// The secret is too long for the cipher.
    #[error("the secret is too long")]
    TooLong,
    /// The system gave no random bytes for a nonce.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Whether a stored text is a sealed one. It may still not open.
pub(crate) fn is_sealed(stored: &str) -> bool {
    stored.starts_with(PREFIX)
}

/// Seals and opens under one key.
pub(crate) struct Sealer(Aes256Gcm);

impl Sealer {
    pub(crate) fn new(key: &EncryptionKey) -> Self {
        Self(Aes256Gcm::new(key.bytes().into()))
    }

    /// Seals `secret` as belonging to `owner`.
    pub(crate) fn seal(&self, secret: &[u8], owner: &str) -> Result<String, SealError> {
        let nonce: [u8; NONCE] = random::bytes()?;
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::TooLong)?;
        Ok(format!("{PREFIX}{}", STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what [`Self::seal`] made for the same `owner`.
    pub(crate) fn open(&self, sealed: &str, owner: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let encoded = sealed.strip_prefix(PREFIX).ok_or(SealError::Unopened)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SealError::Unopened)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(SealError::Unopened)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.0.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| SealError::Unopened)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([secret])")
    }
}

#[cfg(test)]
mod tests;
