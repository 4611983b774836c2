//! Ways around a list of models, and requests that look like them: what passes and what does not, however it is cut and
//! whoever carries it.

use crate::audit::Action;
use crate::exchange::Outcome;
use crate::inspect::Policy;
use crate::reject::Dialect;
use crate::routing::EndpointPattern;
use crate::settings::{ProviderDefaults, parse_providers};
use crate::testing::attempts::{Attempt, LIST, attempts, passing};
use crate::testing::{Pair, Split, TOKEN, grant, ok, provider, rules_for};

/// A pair whose provider has the table's list.
fn listing(attempt: &Attempt) -> Pair {
    let file =
        format!("apis: {{a: {{base_url: 'https://a.example', allowed_endpoints: [/], param_whitelist: {LIST}}}}}");
    let providers = parse_providers(&file, &ProviderDefaults::default()).unwrap();
    pair(attempt, providers.by_name[&providers.default].inspection.clone())
}

fn pair(attempt: &Attempt, inspection: Policy) -> Pair {
    let mut provider = provider();
    provider.dialect = if attempt.dialect == "gemini" { Dialect::Gemini } else { Dialect::OpenAi };
    provider.endpoints = vec![EndpointPattern::parse("/").unwrap()];
    provider.methods.push(http::Method::DELETE);
    provider.inspection = inspection;
    Pair::with(rules_for(provider), Some(grant()))
}

/// Who carries the messages.
type Driven = fn(Pair) -> Pair;

/// Whole, byte by byte, and in pieces that match nothing; also through a driver.
fn ways() -> [(Split, Driven); 4] {
    [
        (Split::Whole, |pair| pair),
        (Split::Every(1), |pair| pair),
        (Split::Every(7), |pair| pair),
        (Split::Every(5), Pair::relayed),
    ]
}

#[test]
fn no_attempt_reaches_the_upstream_and_each_leaves_an_event() {
    let attempts = attempts();
    assert!(attempts.len() >= 60);
    for attempt in attempts {
        for (split, driven) in ways() {
            let mut pair = driven(listing(&attempt));
            pair.split = split;
            pair.client(attempt.bytes(TOKEN));
            let name = format!("someone {} ({split:?})", attempt.name);
            assert_eq!(pair.asked.0, 0, "{name}: a connection was asked for");
            assert_eq!((pair.response().status(), pair.response().code()), (400, attempt.code.to_owned()), "{name}");
            assert_eq!(pair.ended[0].outcome, Outcome::Refused, "{name}");
            // What is no HTTP is no denial.
            let events =
                if attempt.code == "bad_request" { vec![] } else { vec![(Action::ProxyRequest, Some(attempt.code))] };
            let noted: Vec<_> = pair.noted.iter().map(|event| (event.action, event.reason)).collect();
            assert_eq!(noted, events, "{name}");
        }
    }
}

#[test]
fn what_looks_alike_and_is_allowed_passes_byte_for_byte() {
    for attempt in passing() {
        for (split, driven) in ways() {
            let name = format!("someone {} ({split:?})", attempt.name);
            let mut plain = pair(&attempt, Policy::default());
            plain.client(attempt.bytes(TOKEN));
            let mut pair = driven(listing(&attempt));
            pair.split = split;
            pair.client(attempt.bytes(TOKEN));
            pair.upstream(ok("a"));
            assert_eq!(pair.response().status(), 200, "{name}: {:?}", pair.response());
            assert_eq!(pair.request(), plain.request(), "{name}");
            assert_eq!((pair.released, pair.noted.len()), (1, 0), "{name}");
        }
    }
}
