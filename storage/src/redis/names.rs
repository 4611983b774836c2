//! The names of counters in Redis: prefix, kind, and a keyed digest of what is counted. Who can look into Redis learns
//! neither token ids nor addresses.

use hmac::{Hmac, KeyInit as _, Mac as _};
use llm_proxy_core::secret::Secret;
use sha2::{Digest as _, Sha256};

/// Makes names.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    secret: Option<Secret>,
}

impl Names {
    /// Names with that prefix. The digests are HMAC-SHA-256 under `secret`, or plain SHA-256 where there is none:
    /// addresses are few enough to be guessed then.
    pub(super) const fn new(prefix: String, secret: Option<Secret>) -> Self {
        Self { prefix, secret }
    }

    /// The name of the counter of `id`, which is of that kind.
    pub(super) fn of(&self, kind: &str, id: &[u8]) -> String {
        format!("{}{kind}:{}", self.prefix, hex(&self.digest(id)))
    }

    fn digest(&self, id: &[u8]) -> [u8; 32] {
        let secret = self.secret.as_ref().map(|secret| secret.reveal().as_bytes());
        // A key of any length is one.
        match secret.and_then(|secret| Hmac::<Sha256>::new_from_slice(secret).ok()) {
            Some(keyed) => keyed.chain_update(id).finalize().into_bytes().into(),
            None => Sha256::digest(id).into(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_secret_it_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        let name = Names::new("p:".into(), None).of("ip", b"abc");
        assert_eq!(name, "p:ip:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn with_a_secret_it_is_hmac_sha_256() {
        // RFC 4231, section 4.3.
        let names = Names::new(String::new(), Some(Secret::new("Jefe".into())));
        let name = names.of("token", b"what do ya want for nothing?");
        assert_eq!(name, "token:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(!format!("{names:?}").contains("Jefe"));
    }
}
