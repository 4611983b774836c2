//! The room's law: no client credential leaves, no upstream secret comes back, wherever somebody put them; and all that
//! the contract does not name passes as it came.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::http1::HeadLimits;
use crate::settings::KeyPlacement;
use crate::testing::{KEY, Message, Pair, TOKEN, grant, provider, rules_for};

/// Names that the rules know, and some that they do not.
const NAMES: &[&str] = &[
    "Authorization",
    "X-Api-Key",
    "api-KEY",
    "x-goog-api-key",
    "Proxy-Authorization",
    "Proxy-X",
    "Connection",
    "Keep-Alive",
    "TE",
    "Upgrade",
    "X-Forwarded-For",
    "X-Forwarded-Other",
    "Forwarded",
    "X-Real-Ip",
    "X-Client-IP",
    "CF-Ray",
    "X-Request-ID",
    "request-id",
    "X-Correlation-ID",
    "X-Proxy-Request-ID",
    "Date",
    "Via",
    "Cookie",
    "Set-Cookie",
    "Server-Timing",
    "Content-Type",
    "Accept",
    "User-Agent",
    "Referer",
    "Sec-WebSocket-Protocol",
    "X-Custom",
];

/// The fields of `NAMES` that pass both ways when no `Connection` field names them.
const PASSING: &[&str] =
    &["Via", "Cookie", "Set-Cookie", "Server-Timing", "Content-Type", "Accept", "User-Agent", "Referer", "X-Custom"];

fn value(secret: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(secret.to_owned()),
        Just(format!("Bearer {secret}")),
        Just(format!("a={secret}; b=c")),
        Just("close, x-custom, authorization".to_owned()),
        Just("text/event-stream".to_owned()),
        "[ -~]{0,20}".prop_map(|text| text.trim().to_owned()),
    ]
}

/// Field lines, with that secret in some of them.
fn fields(secret: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    vec((select(NAMES).prop_map(str::to_owned), value(secret)), 0..12)
}

fn lines(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn pair(auth: KeyPlacement) -> Pair {
    let mut provider = provider();
    provider.auth = auth;
    let mut rules = rules_for(provider);
    rules.head_limits = HeadLimits::default();
    Pair::with(rules, Some(grant()))
}

fn placements() -> impl Strategy<Value = KeyPlacement> {
    select(vec![KeyPlacement::Bearer, KeyPlacement::XApiKey, KeyPlacement::ApiKey, KeyPlacement::XGoogApiKey])
}

/// What of `fields` must have passed, in order.
fn expected<'a>(fields: &'a [(String, String)], secret: &str) -> Vec<(&'a str, &'a str)> {
    let nominates = |name: &str| {
        let connection = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case("connection"));
        connection.flat_map(|(_, value)| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case(name))
    };
    let passing = fields
        .iter()
        .filter(|(name, value)| PASSING.contains(&name.as_str()) && !nominates(name) && !value.contains(secret));
    passing.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Those of the message's fields that are not ours.
fn passed(message: &Message) -> Vec<(&str, &str)> {
    let ours = |name: &str, value: &str| {
        name == "Via" && value.ends_with("llm-proxy") || name == "Server-Timing" && value.starts_with("proxy;dur=")
    };
    let passing = message.fields.iter().filter(|(name, value)| PASSING.contains(&name.as_str()) && !ours(name, value));
    passing.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

proptest! {
    #[test]
    fn no_credential_of_the_client_leaves(fields in fields(TOKEN), auth in placements()) {
        let mut pair = pair(auth);
        let trailers = lines(&fields);
        pair.client(format!(
            "POST /v1/x HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n{}\r\n0\r\n{trailers}\r\n",
            lines(&fields),
        ));
        let heard = pair.upstream_heard();
        prop_assert!(!heard.contains(TOKEN), "{}", heard);
        // A second, different credential is refused instead.
        if !pair.uses.is_empty() {
            prop_assert_eq!(heard.matches(KEY).count(), 1);
            let request = pair.request();
            prop_assert_eq!(passed(&request), expected(&fields, TOKEN));
        }
        prop_assert!(!pair.client_heard().contains(TOKEN));
    }

    #[test]
    fn no_secret_of_the_upstream_comes_back(fields in fields(KEY), auth in placements(), reason in value(KEY)) {
        let mut pair = pair(auth);
        pair.client(crate::testing::get("/v1/x"));
        let own = lines(&fields);
        pair.upstream(format!("HTTP/1.1 103 {reason}\r\n{own}\r\n"));
        pair.upstream(format!("HTTP/1.1 200 {reason}\r\nTransfer-Encoding: chunked\r\n{own}\r\n0\r\n{own}\r\n"));
        let answer = pair.response();
        prop_assert_eq!(answer.status(), 200);
        prop_assert_eq!(passed(&answer), expected(&fields, KEY));
        prop_assert!(!answer.all("date").is_empty() && answer.all("x-proxy-request-id").len() == 1);
        prop_assert!(answer.all("x-request-id").len() + answer.all("request-id").len() > 0);
        prop_assert!(!pair.client_heard().contains(KEY));
        let printed = format!("{:?} {:?}", pair.ended, pair.session);
        prop_assert!(!printed.contains(KEY));
    }
}
