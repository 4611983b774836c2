//! Origins: who is let in by them, and what answers say to browsers of which.

mod answers;
mod gate;
mod preflights;

use std::sync::Arc;

use crate::routing::EndpointPattern;
use crate::rules::Rules;
use crate::settings::{OriginPattern, Origins, Provider, Providers};
use crate::testing::{Message, Pair, grant, provider, rules_for};

const APP: &str = "https://app.example.com";
const FROM_APP: &str = "Origin: https://app.example.com\r\n";
const FROM_EVIL: &str = "Origin: https://app.example.com.evil.test\r\n";
const EXPOSED: &str = "X-Proxy-Request-ID, X-Request-ID, Request-ID, Server-Timing, Cache-Status, Retry-After, \
                       retry-after-ms, x-should-retry, RateLimit, RateLimit-Policy, WWW-Authenticate";

fn origins(texts: &[&str]) -> Option<Origins> {
    Some(Origins::Listed(texts.iter().map(|text| OriginPattern::parse(text).unwrap()).collect()))
}

/// The provider of every dialogue, which lists [`APP`].
fn listing() -> Provider {
    Provider { allowed_origins: origins(&[APP]), ..provider() }
}

fn requiring(names: &[&str], provider: Provider) -> Provider {
    Provider { required_headers: names.iter().map(|name| Arc::from(*name)).collect(), ..provider }
}

fn pair() -> Pair {
    Pair::with(rules_for(listing()), Some(grant()))
}

/// The default provider and another one, `other`, at `/v2`.
fn two(default: Provider, other: Option<Origins>) -> Rules {
    let rules = rules_for(default);
    let other = Provider {
        name: "other".into(),
        endpoints: vec![EndpointPattern::parse("/v2").unwrap()],
        allowed_origins: other,
        ..provider()
    };
    add(&rules, other);
    rules
}

/// One more provider under those rules.
fn add(rules: &Rules, provider: Provider) {
    let mut providers = Providers::clone(&rules.providers.load());
    providers.by_name.insert(provider.name.clone(), Arc::new(provider));
    rules.providers.replace(providers);
}

fn preflight(path: &str, fields: &str) -> String {
    format!("OPTIONS {path} HTTP/1.1\r\nHost: proxy\r\nAccess-Control-Request-Method: POST\r\n{fields}\r\n")
}

/// Origin, exposed fields and variation, as an answer says them.
fn said(answer: &Message) -> (Option<&str>, Option<&str>, Vec<&str>) {
    (answer.only("access-control-allow-origin"), answer.only("access-control-expose-headers"), answer.all("vary"))
}

const TO_APP: (Option<&str>, Option<&str>) = (Some(APP), Some(EXPOSED));

fn assert_for_app(answer: &Message) {
    let (origin, exposed, vary) = said(answer);
    assert_eq!(((origin, exposed), vary), (TO_APP, vec!["Origin"]), "{answer:?}");
}

fn assert_silent(answer: &Message) {
    assert_eq!(said(answer), (None, None, vec![]), "{answer:?}");
}

/// Plays one exchange in which the upstream answers that, and gives what the client heard.
fn answered(mut pair: Pair, request: &str, answer: &str) -> Message {
    pair.client(request);
    pair.upstream(answer);
    pair.response()
}
