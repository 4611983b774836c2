//! The token's string: `sk-` and 22 base64url characters (16 random bytes), its mask, and the keyed digest under which
//! it is stored.
//!
//! The digest is HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the string's SHA-256, not of the string itself. A database that
//! keeps plain SHA-256 digests of its tokens can so be taken over: from such a digest the keyed one can be made without
//! the string, and a look-up finds tokens of both origins in the same way. It costs one more hash block, and nothing in
//! strength: the key is what keeps a stolen digest from being tried against guesses.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const PREFIX: &str = "sk-";
const CHARS: usize = 22;

/// A client's credential. It is shown once, at creation; `Debug` and `Display` print the mask.
#[derive(Clone)]
pub struct TokenString(Zeroizing<String>);

impl TokenString {
    /// The string for 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: &[u8; 16]) -> Self {
        Self(Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Reads a presented credential; `None` unless it is exactly a string that [`Self::from_random`] could have made.
    #[must_use]
    pub fn parse(presented: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(presented).ok()?;
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == CHARS)?;
        let mut bytes = Zeroizing::new([0_u8; 16]);
        let written = URL_SAFE_NO_PAD.decode_slice(encoded, &mut *bytes).ok()?;
        (written == bytes.len()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The string itself: for the answer to the call that made it, and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `sk-`, the first 4 and the last 4 characters, `...` between.
    #[must_use]
    pub fn masked(&self) -> String {
        let body = &self.0[PREFIX.len()..];
        format!("{PREFIX}{}...{}", &body[..4], &body[CHARS - 4..])
    }
}

impl fmt::Debug for TokenString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for TokenString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// What is stored and looked up instead of a token's string: HMAC-SHA-256, under the store's token key, of the string's
/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Wraps a digest that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes, for storing.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// The key of the digests: random, made once per store and kept there sealed.
#[derive(Clone)]
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// The key from its 32 bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        // Keyed once: each digest then starts from the state after the key block, which halves its cost.
        // HMAC pads a key with zeros to the block's 64 bytes (RFC 2104 section 2), so padding here changes nothing.
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(bytes);
        Self(Hmac::<Sha256>::new((&*block).into()))
    }

    /// The digest of a token.
    #[must_use]
    pub fn digest(&self, token: &TokenString) -> TokenDigest {
        // The inner hash would do for a look-up where digests are kept without a key, so it is wiped like the string.
        let sha256 = Zeroizing::new(Sha256::digest(token.0.as_bytes()).into());
        self.digest_of_sha256(&sha256)
    }

    /// The digest of any credential, a token's string or not; for a token, the same as [`Self::digest`].
    #[must_use]
    pub fn digest_of_any(&self, credential: &[u8]) -> TokenDigest {
        let sha256 = Zeroizing::new(Sha256::digest(credential).into());
        self.digest_of_sha256(&sha256)
    }

    /// The digest of the token whose string has this SHA-256, for tokens of which nobody keeps the string.
    #[must_use]
    pub fn digest_of_sha256(&self, sha256: &[u8; 32]) -> TokenDigest {
        let mut mac = self.0.clone();
        mac.update(sha256);
        TokenDigest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey([secret])")
    }
}
