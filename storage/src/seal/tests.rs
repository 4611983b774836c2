//! Seals open for the same key and owner only, in the stored form.

use llm_proxy_core::secret::Secret;
use proptest::prelude::*;

use super::*;

const OWNER: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

/// Made with another implementation (Python's `cryptography`, OpenSSL underneath): key 0..32, nonce 100..112.
const KNOWN: &str = "enc:v1:ZGVmZ2hpamtsbW5vO3DzEwmaIuxbAzLFsQAT/k/ZDAFSTIvuYXScsH6hXA==";

fn sealer(setting: &str) -> Sealer {
    Sealer::new(&EncryptionKey::from_setting(&Secret::new(setting.to_owned())).unwrap())
}

fn known_sealer() -> Sealer {
    sealer("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
}

#[test]
fn the_stored_form_is_what_other_implementations_write() {
    assert_eq!(&*known_sealer().open(KNOWN, OWNER).unwrap(), b"sk-upstream-key");
}

#[test]
fn a_key_without_padding_is_the_same_key() {
    assert!(sealer("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n").open(KNOWN, OWNER).is_ok());
}

#[test]
fn another_owner_does_not_open_it() {
    let other = "017f22e2-79b0-7cc3-98c4-dc0c0c073980";
    assert!(matches!(known_sealer().open(KNOWN, other), Err(SealError::Unopened)));
}

#[test]
fn another_key_does_not_open_it() {
    let other = sealer("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=");
    assert!(matches!(other.open(KNOWN, OWNER), Err(SealError::Unopened)));
}

#[test]
fn plain_text_and_short_text_do_not_open() {
    for text in ["", "sk-upstream-key", "enc:v1:", "enc:v1:ZGVm", "enc:v2:ZGVmZ2hpamtsbW5v", "enc:v1:***"] {
        assert!(matches!(known_sealer().open(text, OWNER), Err(SealError::Unopened)), "{text}");
    }
}

#[test]
fn a_key_of_another_length_is_refused() {
    for setting in ["", "AAECAwQFBgcICQoLDA0ODw==", "not base64 at all!"] {
        assert!(EncryptionKey::from_setting(&Secret::new(setting.to_owned())).is_err(), "{setting}");
    }
}

#[test]
fn the_same_secret_never_seals_to_the_same_text() {
    let sealer = known_sealer();
    assert_ne!(sealer.seal(b"secret", OWNER).unwrap(), sealer.seal(b"secret", OWNER).unwrap());
}

proptest! {
    #[test]
    fn what_is_sealed_opens(secret: Vec<u8>, owner: String) {
        let sealer = known_sealer();
        let sealed = sealer.seal(&secret, &owner).unwrap();
        prop_assert_eq!(&*sealer.open(&sealed, &owner).unwrap(), &secret);
    }

    #[test]
    fn a_flipped_bit_never_opens(secret: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
        let sealer = known_sealer();
        let sealed = sealer.seal(&secret, OWNER).unwrap();
        let mut bytes = STANDARD.decode(&sealed[PREFIX.len()..]).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = format!("{PREFIX}{}", STANDARD.encode(bytes));
        prop_assert!(sealer.open(&changed, OWNER).is_err());
    }
}
