//! The rules of authentication, one case beside the other.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::http1::Fields;
use crate::ids::{ProjectId, TokenId};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The string for the bytes 0 to 15.
const TOKEN: &str = "sk-AAECAwQFBgcICQoLDA0ODw";

fn picked(lines: &[(&str, &str)]) -> Result<(String, CredentialSource), Denial> {
    let fields = Fields::for_tests(lines);
    client_credential(&fields, false).map(|found| (String::from_utf8(found.bytes.to_vec()).unwrap(), found.source))
}

fn bytes(from: u8) -> [u8; 16] {
    std::array::from_fn(|at| from + u8::try_from(at).unwrap())
}

fn grant() -> Grant {
    Grant {
        token_id: TokenId::new(Timestamp::default(), &[1; 10]),
        project_id: ProjectId::new(Timestamp::default(), &[2; 10]),
        provider: Arc::from("openai"),
        upstream_key: Secret::new("upstream-key".to_owned()),
        token_active: true,
        project_active: true,
        expires_at: Timestamp::from_micros(1_000_000),
        max_requests: None,
        requests_per_minute: None,
    }
}

const BEFORE: Timestamp = Timestamp::from_micros(999_999);

#[test]
fn each_place_holds_a_credential() {
    for (name, value, source) in [
        ("Authorization", "Bearer abc", CredentialSource::Bearer),
        ("X-Api-Key", "abc", CredentialSource::XApiKey),
        ("api-key", "abc", CredentialSource::ApiKey),
        ("X-GOOG-API-KEY", "abc", CredentialSource::XGoogApiKey),
    ] {
        assert_eq!(picked(&[("Host", "x"), (name, value)]), Ok(("abc".to_owned(), source)), "{name}");
    }
}

#[test]
fn the_scheme_has_no_case_and_any_number_of_spaces_behind() {
    for value in ["Bearer abc", "bearer abc", "BEARER abc", "bEaReR    abc"] {
        assert_eq!(picked(&[("authorization", value)]), Ok(("abc".to_owned(), CredentialSource::Bearer)), "{value}");
    }
}

#[test]
fn a_field_without_a_credential_is_as_good_as_absent() {
    for (name, value) in [
        ("Authorization", ""),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer "),
        ("Authorization", "Bearerabc"),
        ("Authorization", "Bearer\tabc"),
        ("Authorization", "Basic abc"),
        ("Authorization", "abc"),
        ("x-api-key", ""),
        ("x-auth", "abc"),
        ("cookie", "abc"),
    ] {
        assert_eq!(picked(&[(name, value)]), Err(Denial::MissingToken), "{name}: {value}");
        let other = [(name, value), ("api-key", "key")];
        assert_eq!(picked(&other), Ok(("key".to_owned(), CredentialSource::ApiKey)), "{name}: {value}");
    }
}

#[test]
fn whatever_follows_the_scheme_is_the_credential() {
    assert_eq!(picked(&[("Authorization", "Bearer a, Bearer b")]).unwrap().0, "a, Bearer b");
    assert_eq!(picked(&[("Authorization", "Bearer a b")]).unwrap().0, "a b");
}

#[test]
fn two_different_credentials_are_a_conflict() {
    for lines in [
        [("Authorization", "Bearer a"), ("x-api-key", "b")],
        [("x-api-key", "a"), ("api-key", "b")],
        [("x-goog-api-key", "a"), ("Authorization", "Bearer b")],
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        [("x-api-key", "a"), ("X-API-KEY", "A")],
        [("Authorization", "Bearer a"), ("x-api-key", "a, a")],
    ] {
        assert_eq!(picked(&lines), Err(Denial::ConflictingCredentials), "{lines:?}");
    }
}

#[test]
fn the_same_credential_twice_stands_in_the_first_place_of_the_order() {
    for lines in [
        [("x-api-key", "a"), ("Authorization", "bearer a")],
        [("Authorization", "Bearer a"), ("x-goog-api-key", "a")],
        [("Authorization", "Bearer a"), ("Authorization", "Bearer  a")],
    ] {
        assert_eq!(picked(&lines), Ok(("a".to_owned(), CredentialSource::Bearer)), "{lines:?}");
    }
}

#[test]
fn management_takes_a_bearer_credential_only() {
    let ask = |lines: &[(&str, &str)]| management_credential(&Fields::for_tests(lines)).map(<[u8]>::to_vec);
    assert_eq!(ask(&[("authorization", "Bearer m"), ("x-api-key", "other")]), Ok(b"m".to_vec()));
    assert_eq!(ask(&[("x-api-key", "m")]), Err(Denial::MissingToken));
    assert_eq!(ask(&[("Authorization", "Basic m")]), Err(Denial::MissingToken));
    assert_eq!(
        ask(&[("Authorization", "Bearer m"), ("Authorization", "Bearer n")]),
        Err(Denial::ConflictingCredentials)
    );
}

#[test]
fn a_printed_credential_shows_its_place_only() {
    let fields = Fields::for_tests(&[("x-api-key", TOKEN)]);
    assert_eq!(format!("{:?}", client_credential(&fields, false)), "Ok(Credential([secret] in XApiKey))");
}

#[test]
fn a_token_is_16_bytes_in_base64url() {
    let token = TokenString::from_random(&bytes(0));
    assert_eq!(token.reveal(), TOKEN);
    assert_eq!(TokenString::from_random(&[0xff; 16]).reveal(), "sk-_____________________w");
}

#[test]
fn nothing_but_a_token_is_read_as_one() {
    assert_eq!(TokenString::parse(TOKEN.as_bytes()).unwrap().reveal(), TOKEN);
    for (text, what) in [
        ("", "nothing"),
        ("sk-", "prefix only"),
        ("AAECAwQFBgcICQoLDA0ODw", "no prefix"),
        ("SK-AAECAwQFBgcICQoLDA0ODw", "prefix in another case"),
        ("sk-AAECAwQFBgcICQoLDA0OD", "too short"),
        ("sk-AAECAwQFBgcICQoLDA0ODwA", "too long"),
        ("sk-AAECAwQFBgcICQoLDA0ODw==", "padded"),
        ("sk-AAECAwQFBgcICQoLDA0OD=", "padded to the length"),
        ("sk-AAECAwQFBgcICQoLDA0OD+", "the other alphabet's plus"),
        ("sk-AAECAwQFBgcICQoLDA0OD/", "the other alphabet's slash"),
        ("sk-AAECAwQFBgcICQoLDA0ODx", "trailing bits that are not zero"),
        (" sk-AAECAwQFBgcICQoLDA0ODw", "blank before"),
        ("sk-AAECAwQFBgcICQoLDA0ODw ", "blank behind"),
        ("sk-AAECAwQFBgcICQoLDA0Oé", "not ASCII"),
    ] {
        assert!(TokenString::parse(text.as_bytes()).is_none(), "{what}");
    }
    assert!(TokenString::parse(b"sk-AAECAwQFBgcICQoLDA0OD\xff").is_none(), "not UTF-8");
}

#[test]
fn a_printed_token_shows_its_mask() {
    let token = TokenString::from_random(&bytes(0));
    assert_eq!(token.masked(), "sk-AAEC...0ODw");
    assert_eq!(format!("{token} {token:?}"), "sk-AAEC...0ODw sk-AAEC...0ODw");
}

/// Python: hashlib.sha256(b"sk-AAECAwQFBgcICQoLDA0ODw").hexdigest()
const SHA256: &str = "13ed05a759023af1c097338923363a18faa173cecef2d9e4e8c77f3e0b8652eb";
/// Python: hmac.new(bytes(range(32)), bytes.fromhex(SHA256), "sha256").hexdigest()
const DIGEST: &str = "630fff1365ae54a006b938a7b67faccddbd7ee7360155a5059a6180496ddf8ab";

fn hex(digest: TokenDigest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn counting_key() -> TokenKey {
    TokenKey::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

#[test]
fn a_digest_is_the_hmac_of_the_sha256_of_the_whole_string() {
    let digest = counting_key().digest(&TokenString::parse(TOKEN.as_bytes()).unwrap());
    assert_eq!(hex(digest), DIGEST);
    assert_eq!(TokenDigest::from_bytes(*digest.as_bytes()), digest);
}

#[test]
fn a_plain_sha256_leads_to_the_same_digest_as_its_string() {
    let sha256 = std::array::from_fn(|at| u8::from_str_radix(&SHA256[2 * at..2 * at + 2], 16).unwrap());
    assert_eq!(hex(counting_key().digest_of_sha256(&sha256)), DIGEST);
}

#[test]
fn one_key_gives_the_same_digest_again_and_another_key_another() {
    let (token, key) = (TokenString::from_random(&bytes(7)), TokenKey::new(&[1; 32]));
    assert_eq!(key.digest(&token), key.digest(&token));
    assert_ne!(key.digest(&token), TokenKey::new(&[2; 32]).digest(&token));
    assert_ne!(key.digest(&token), key.digest(&TokenString::from_random(&bytes(8))));
}

#[test]
fn keys_and_digests_do_not_print_what_they_hold() {
    assert_eq!(format!("{:?}", TokenKey::new(&[7; 32])), "TokenKey([secret])");
    assert_eq!(format!("{:?}", TokenDigest::from_bytes([0xab; 32])), "TokenDigest(abab…)");
    assert!(!format!("{:?}", grant()).contains("upstream-key"));
}

#[test]
fn a_live_grant_allows() {
    assert_eq!(decide(&grant(), BEFORE, true), Ok(()));
}

#[test]
fn expired_exactly_at_its_instant() {
    assert_eq!(decide(&grant(), grant().expires_at, true), Err(Denial::TokenExpired));
    assert_eq!(decide(&grant(), grant().expires_at.plus(Duration::from_micros(1)), true), Err(Denial::TokenExpired));
}

#[test]
fn inactive_token_beats_expired() {
    let grant = Grant { token_active: false, ..grant() };
    assert_eq!(decide(&grant, grant.expires_at, true), Err(Denial::TokenInactive));
}

#[test]
fn a_token_that_does_not_work_says_nothing_about_its_project() {
    let off = Grant { token_active: false, project_active: false, ..grant() };
    assert_eq!(decide(&off, BEFORE, true), Err(Denial::TokenInactive));
    let expired = Grant { project_active: false, ..grant() };
    assert_eq!(decide(&expired, expired.expires_at, true), Err(Denial::TokenExpired));
}

#[test]
fn an_inactive_project_denies_unless_that_is_switched_off() {
    let grant = Grant { project_active: false, ..grant() };
    assert_eq!(decide(&grant, BEFORE, true), Err(Denial::ProjectInactive));
    assert_eq!(decide(&grant, BEFORE, false), Ok(()));
}
