//! The laws of authentication: nothing is allowed without a live grant, and nothing that is printed gives a secret
//! away.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::http1::Fields;
use crate::ids::{ProjectId, TokenId};
use crate::secret::Secret;
use crate::time::Timestamp;

type Lines = Vec<(String, String)>;

fn fields(lines: &Lines) -> Fields {
    let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Fields::for_tests(&lines)
}

fn credential_line() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof!["[Aa]uthorization", "[Xx]-api-[kK]ey", "API-KEY|api-key", "x-[gG]oog-api-key"];
    (name, "((Bearer|bearer|BEARER|Basic|) {0,2})?[ab]?")
        .prop_map(|(name, value)| (name, value.trim_matches(' ').to_owned()))
}

fn near_tokens() -> impl Strategy<Value = String> {
    prop_oneof!["sk-[A-Za-z0-9_-]{21}[AQgw]", "(sk-)?[A-Za-z0-9_=+/-]{20,23}", ".{0,30}"]
}

/// The reference for reading a token: what the encoder would have made of the decoded bytes.
fn could_be_a_token(text: &str) -> bool {
    let bytes = text.strip_prefix("sk-").and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
    let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes.is_some_and(|bytes| TokenString::from_random(&bytes).reveal() == text)
}

fn unrelated_line() -> impl Strategy<Value = (String, String)> {
    ("host|cookie|x-api-keys|proxy-authorization|my-api-key|authorization2|key", "(Bearer )?[a-c]{0,3}")
}

/// The reference: every credential by place, first those of the first place.
fn model(lines: &Lines) -> Result<(String, CredentialSource), Denial> {
    let mut found = Vec::new();
    for source in
        [CredentialSource::Bearer, CredentialSource::XApiKey, CredentialSource::ApiKey, CredentialSource::XGoogApiKey]
    {
        for (name, value) in lines {
            let credential = match (source, name.to_lowercase().as_str()) {
                (CredentialSource::Bearer, "authorization") => match value.split_once(' ') {
                    Some((scheme, rest)) if scheme.to_lowercase() == "bearer" => rest.trim_start_matches(' '),
                    _ => "",
                },
                (CredentialSource::XApiKey, "x-api-key")
                | (CredentialSource::ApiKey, "api-key")
                | (CredentialSource::XGoogApiKey, "x-goog-api-key") => value,
                _ => "",
            };
            if !credential.is_empty() {
                found.push((credential.to_owned(), source));
            }
        }
    }
    let first = found.first().cloned().ok_or(Denial::MissingToken)?;
    if found.iter().all(|(credential, _)| *credential == first.0) {
        Ok(first)
    } else {
        Err(Denial::ConflictingCredentials)
    }
}

fn actual(lines: &Lines) -> Result<(String, CredentialSource), Denial> {
    client_credential(&fields(lines), false)
        .map(|found| (String::from_utf8_lossy(found.bytes).into_owned(), found.source))
}

fn grant(token_active: bool, project_active: bool, expires_at: i64) -> Grant {
    Grant {
        token_id: TokenId::new(Timestamp::default(), &[1; 10]),
        project_id: ProjectId::new(Timestamp::default(), &[2; 10]),
        provider: Arc::from("p"),
        upstream_key: Secret::new("k".to_owned()),
        token_active,
        project_active,
        expires_at: Timestamp::from_micros(expires_at),
        max_requests: None,
        requests_per_minute: None,
    }
}

proptest! {
    #[test]
    fn parsing_undoes_formatting(bytes: [u8; 16]) {
        let token = TokenString::from_random(&bytes);
        let parsed = TokenString::parse(token.reveal().as_bytes()).unwrap();
        prop_assert_eq!(parsed.reveal(), token.reveal());
        prop_assert_eq!(token.reveal().len(), 25);
    }

    #[test]
    fn what_parses_is_what_some_bytes_format_to(text in near_tokens()) {
        prop_assert_eq!(TokenString::parse(text.as_bytes()).is_some(), could_be_a_token(&text));
    }

    #[test]
    fn one_changed_byte_makes_another_token_or_none(bytes: [u8; 16], at in 0_usize..25, byte: u8) {
        let token = TokenString::from_random(&bytes);
        let mut changed = token.reveal().as_bytes().to_vec();
        let same = changed[at] == byte;
        changed[at] = byte;
        let key = TokenKey::new(&[9; 32]);
        if let Some(other) = TokenString::parse(&changed) {
            prop_assert_eq!(key.digest(&other) == key.digest(&token), same);
        }
    }

    #[test]
    fn nothing_printed_holds_five_secret_characters_in_a_row(bytes: [u8; 16]) {
        let token = TokenString::from_random(&bytes);
        let line = ("authorization".to_owned(), format!("Bearer {}", token.reveal()));
        let head = fields(&vec![line]);
        let printed = format!(
            "{token} {token:?} {} {head:?} {:?} {:?}",
            token.masked(),
            client_credential(&head, false),
            TokenKey::new(&[9; 32]).digest(&token),
        ).replace("sk-", " ");
        let body = &token.reveal()[3..];
        for at in 0..=body.len() - 5 {
            prop_assert!(!printed.contains(&body[at..at + 5]), "{}", printed);
        }
    }

    #[test]
    fn picking_agrees_with_the_model(lines in proptest::collection::vec(credential_line(), 0..4)) {
        prop_assert_eq!(actual(&lines), model(&lines));
    }

    #[test]
    fn unrelated_fields_and_the_order_change_nothing(
        lines in proptest::collection::vec(credential_line(), 0..4),
        others in proptest::collection::vec(unrelated_line(), 0..4),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut mixed: Lines = lines.iter().chain(&others).cloned().collect();
        let turn = if mixed.is_empty() { 0 } else { seed.index(mixed.len()) };
        mixed.rotate_left(turn);
        mixed.reverse();
        prop_assert_eq!(actual(&mixed), actual(&lines));
    }

    #[test]
    fn once_expired_always_expired(expires_at: i64, later: u32, more: u32) {
        let grant = grant(true, true, expires_at);
        let at = |micros: i64| decide(&grant, Timestamp::from_micros(micros), true);
        let first = expires_at.saturating_add(i64::from(later));
        prop_assert_eq!(at(first), Err(Denial::TokenExpired));
        prop_assert_eq!(at(first.saturating_add(i64::from(more))), Err(Denial::TokenExpired));
    }

    #[test]
    fn only_a_live_grant_is_allowed(
        (token, project, enforce) in any::<(bool, bool, bool)>(),
        (expires_at, now) in (-3_i64..3, -3_i64..3),
    ) {
        let live = token && now < expires_at && (project || !enforce);
        let decision = decide(&grant(token, project, expires_at), Timestamp::from_micros(now), enforce);
        prop_assert_eq!(decision.is_ok(), live);
    }
}
