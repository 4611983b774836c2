//! Rates: whom they let in, what the answer tells of them, and that a refusal costs nothing. Each dialogue is held with
//! a session that answers itself, and with one whose messages go through its driver.

use std::time::Duration;

use crate::audit::Action;
use crate::auth::{Grant, TokenString};
use crate::deadline::Deadline;
use crate::exchange::{Component, Outcome};
use crate::quota::{RateLimit, RateLimits};
use crate::reject::Dialect;
use crate::rules::Rules;
use crate::testing::{MANAGEMENT_TOKEN, Message, Pair, TOKEN, get, grant, ok, provider, request, rules, rules_for};
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// Both ways to drive a session under those rates.
fn pairs(rates: RateLimits, grant: &Grant) -> [Pair; 2] {
    let pair = || Pair::with(Rules { rates, ..rules() }, Some(grant.clone()));
    [pair(), pair().relayed()]
}

fn with_rate(requests: u64) -> Grant {
    Grant { requests_per_minute: Some(requests), ..grant() }
}

fn everyone(requests: u64) -> RateLimits {
    RateLimits { everyone: RateLimit::per_minute(requests), ..RateLimits::default() }
}

fn failures(requests: u64) -> RateLimits {
    RateLimits { failures: RateLimit::per_minute(requests), ..RateLimits::default() }
}

/// The answer to one more request; the upstream agrees.
fn ask(pair: &mut Pair, bytes: &str) -> Message {
    let before = pair.uses.len();
    pair.client(bytes);
    if pair.uses.len() > before {
        pair.upstream(ok("a"));
    }
    pair.response()
}

fn call(token: &str) -> String {
    format!("GET /manage/projects HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n\r\n")
}

fn told(message: &Message) -> (u16, Option<&str>, Option<&str>) {
    (message.status(), message.only("ratelimit-policy"), message.only("ratelimit"))
}

#[test]
fn without_limits_nothing_is_asked_and_nothing_told() {
    for mut pair in pairs(RateLimits::default(), &grant()) {
        assert_eq!(told(&ask(&mut pair, &get("/v1/x"))), (200, None, None));
        assert_eq!(ask(&mut pair, &get("/v1/x").replace(TOKEN, "sk-odd")).status(), 401);
        assert_eq!(pair.store.asked, ["grant"]);
    }
}

#[test]
fn a_token_is_let_in_as_often_as_it_may_and_told_what_is_left() {
    let policy = Some(r#""token";q=2;w=60"#);
    for mut pair in pairs(RateLimits::default(), &with_rate(2)) {
        assert_eq!(told(&ask(&mut pair, &get("/v1/x"))), (200, policy, Some(r#""token";r=1;t=30"#)));
        assert_eq!(told(&ask(&mut pair, &get("/v1/x"))), (200, policy, Some(r#""token";r=0;t=30"#)));
        let refused = ask(&mut pair, &get("/v1/x"));
        assert_eq!(told(&refused), (429, policy, Some(r#""token";r=0;t=30"#)));
        assert_eq!((refused.only("retry-after"), refused.only("retry-after-ms")), (Some("30"), Some("30000")));
        assert_eq!(refused.code(), "rate_limit_exceeded");
        pair.advance(SECOND * 30);
        assert_eq!(told(&ask(&mut pair, &get("/v1/x"))), (200, policy, Some(r#""token";r=0;t=30"#)));
    }
}

#[test]
fn a_rate_refuses_in_the_providers_shape_and_leaves_one_event() {
    let rules = rules_for(crate::settings::Provider { dialect: Dialect::Anthropic, ..provider() });
    let mut pair = Pair::with(rules, Some(with_rate(1)));
    ask(&mut pair, &get("/v1/x"));
    let refused = ask(&mut pair, &get("/v1/x"));
    assert!(refused.text().contains(r#""type":"rate_limit_error""#), "{refused:?}");
    let reasons: Vec<_> = pair.noted.iter().map(|event| (event.action, event.reason)).collect();
    assert_eq!(reasons, [(Action::ProxyRequest, Some("rate_limit_exceeded"))]);
    assert_eq!(pair.noted[0].token_id, Some(grant().token_id));
}

#[test]
fn a_request_that_a_rate_refuses_is_not_spent() {
    for mut pair in pairs(RateLimits::default(), &Grant { max_requests: Some(9), ..with_rate(1) }) {
        pair.store.left = 9;
        assert_eq!([ask(&mut pair, &get("/v1/x")).status(), ask(&mut pair, &get("/v1/x")).status()], [200, 429]);
        assert_eq!(pair.store.left, 8);
        assert_eq!(pair.store.asked, ["grant", "rates", "spend", "grant", "rates"]);
    }
}

#[test]
fn a_request_that_is_refused_before_costs_the_token_nothing() {
    for mut pair in pairs(RateLimits::default(), &with_rate(1)) {
        for bytes in [get("/v2/x"), request("DELETE /v1/x", "", "")] {
            let refused = ask(&mut pair, &bytes);
            assert_eq!((refused.status() / 100, refused.only("ratelimit")), (4, None));
        }
        assert_eq!(ask(&mut pair, &get("/v1/x")).status(), 200);
    }
}

#[test]
fn an_error_after_the_rate_tells_what_is_left() {
    for mut pair in pairs(RateLimits::default(), &with_rate(2)) {
        pair.connects = false;
        pair.client(get("/v1/x"));
        pair.refuse_connection(crate::reject::UpstreamFault::Unreachable);
        assert_eq!(told(&pair.response()), (502, Some(r#""token";q=2;w=60"#), Some(r#""token";r=1;t=30"#)));
    }
}

#[test]
fn the_rate_of_all_is_of_proxied_and_management_requests() {
    for mut pair in pairs(everyone(2), &grant()) {
        let (proxied, managed) = (get("/v1/x"), call(MANAGEMENT_TOKEN));
        let probe = "GET /live HTTP/1.1\r\nHost: p\r\n\r\n";
        let all = [&*proxied, &*managed, &*proxied, &*managed, probe];
        let seen = all.map(|bytes| ask(&mut pair, bytes).status());
        assert_eq!(seen, [200, 204, 429, 429, 200]);
        assert_eq!(pair.store.asked, ["rates", "grant", "rates", "manage", "rates", "rates"]);
        let reasons: Vec<_> = pair.noted.iter().map(|event| (event.action, event.reason)).collect();
        let refused = Some("rate_limit_exceeded");
        assert_eq!(reasons, [(Action::ProxyRequest, refused), (Action::ProjectList, refused)]);
    }
}

#[test]
fn an_address_that_is_refused_costs_everyone_nothing() {
    let rates = RateLimits { address: RateLimit::per_minute(1), ..everyone(9) };
    let mut pair = Pair::with(Rules { rates, ..rules() }, Some(grant()));
    let seen: Vec<_> = (0..5).map(|_| ask(&mut pair, &get("/v1/x")).status()).collect();
    assert_eq!(seen, [200, 429, 429, 429, 429]);
    let limit = RateLimit::per_minute(9).unwrap();
    let left =
        pair.store.rates.check(&crate::quota::RateCheck::one(crate::quota::RateKey::Everyone, limit), pair.now.mono);
    assert!(format!("{left:?}").contains("requests: 7"), "{left:?}");
}

#[test]
fn a_failed_credential_is_looked_up_no_more_once_it_failed_too_often() {
    let unknown = get("/v1/x").replace(TOKEN, TokenString::from_random(&[9; 16]).reveal());
    for mut pair in pairs(failures(2), &grant()) {
        let seen: Vec<_> = (0..4).map(|_| ask(&mut pair, &unknown).status()).collect();
        assert_eq!(seen, [401, 401, 429, 429]);
        assert_eq!(pair.store.asked, ["grant", "rates", "grant", "rates", "grant", "grant"]);
        assert_eq!(pair.noted.len(), 4);
        assert_eq!(ask(&mut pair, &get("/v1/x")).status(), 200, "another credential");
        pair.advance(SECOND * 30);
        assert_eq!([ask(&mut pair, &unknown).status(), ask(&mut pair, &unknown).status()], [401, 429]);
    }
}

#[test]
fn every_kind_of_wrong_credential_counts_and_a_missing_one_does_not() {
    let expired = Grant { expires_at: Timestamp::default(), ..grant() };
    let inactive = Grant { token_active: false, ..grant() };
    let no_token = get("/v1/x").replace(TOKEN, "sk-odd");
    for (grant, bytes) in [(expired, get("/v1/x")), (inactive, get("/v1/x")), (grant(), no_token)] {
        for mut pair in pairs(failures(1), &grant) {
            assert_eq!([ask(&mut pair, &bytes).status(), ask(&mut pair, &bytes).status()], [401, 429]);
        }
    }
    let missing = "GET /v1/x HTTP/1.1\r\nHost: p\r\n\r\n";
    for mut pair in pairs(failures(1), &grant()) {
        assert_eq!([ask(&mut pair, missing).status(), ask(&mut pair, missing).status()], [401, 401]);
    }
}

#[test]
fn a_token_that_works_never_counts_as_failed() {
    for mut pair in pairs(failures(1), &grant()) {
        assert!((0..5).all(|_| ask(&mut pair, &get("/v1/x")).status() == 200));
        assert_eq!(pair.store.asked, ["grant"; 5]);
    }
}

#[test]
fn a_wrong_management_credential_is_turned_away_in_the_end_and_the_right_one_never() {
    for mut pair in pairs(failures(1), &grant()) {
        let seen = ["wrong", "wronger", MANAGEMENT_TOKEN].map(|token| ask(&mut pair, &call(token)).status());
        assert_eq!(seen, [401, 429, 204]);
        let reasons: Vec<_> = pair.noted.iter().filter_map(|event| event.reason).collect();
        assert_eq!(reasons, ["invalid_token", "rate_limit_exceeded"]);
    }
}

#[test]
fn a_rate_that_does_not_answer_is_not_waited_for_for_ever() {
    for (rates, bytes) in [(everyone(1), get("/v1/x")), (everyone(1), call(MANAGEMENT_TOKEN))] {
        for mut pair in pairs(rates, &grant()) {
            pair.store_answers = false;
            pair.client(&bytes);
            assert_eq!(pair.advance(SECOND * 10), [Deadline::Store]);
            assert_eq!((pair.response().status(), &*pair.response().code()), (503, "store_unavailable"));
            assert_eq!(pair.noted.len(), usize::from(bytes.contains("/manage/")));
            assert_eq!(pair.ended[0].outcome, Outcome::TimedOut);
        }
    }
}

#[test]
fn a_wrong_credential_whose_rate_does_not_answer_stays_wrong() {
    for mut pair in pairs(failures(1), &grant()) {
        pair.store_answers = false;
        pair.client(call("wrong"));
        pair.advance(SECOND * 10);
        assert_eq!((pair.response().status(), pair.noted.len()), (401, 1));
    }
}

#[test]
fn a_client_that_leaves_before_its_rate_is_known_leaves_the_event_of_its_call() {
    for (bytes, reasons) in [(call(MANAGEMENT_TOKEN), vec!["client_gone"]), (get("/v1/x"), vec![])] {
        for mut pair in pairs(everyone(1), &grant()) {
            pair.store_answers = false;
            pair.client(&bytes);
            pair.client_breaks();
            assert_eq!(pair.ended[0].outcome, Outcome::ClientGone);
            assert_eq!(pair.noted.iter().filter_map(|event| event.reason).collect::<Vec<_>>(), reasons);
        }
    }
}

#[test]
fn a_management_client_that_has_said_all_and_ends_is_answered_once_its_rate_is_known() {
    let body = request("POST /manage/projects", "Content-Length: 2\r\n", "{}").replace(TOKEN, MANAGEMENT_TOKEN);
    for mut pair in pairs(everyone(9), &grant()) {
        pair.store_answers = false;
        pair.client(&body);
        pair.client_ends();
        pair.store_answers = true;
        pair.answer_store();
        pair.drain();
        assert_eq!(pair.response().status(), 400);
    }
}

#[test]
fn a_token_without_a_rate_has_that_of_all_such_tokens_if_there_is_one() {
    let rates = RateLimits { other_tokens: RateLimit::per_minute(1), ..RateLimits::default() };
    for mut pair in pairs(rates, &grant()) {
        let policy = Some(r#""token";q=1;w=60"#);
        assert_eq!(told(&ask(&mut pair, &get("/v1/x"))), (200, policy, Some(r#""token";r=0;t=60"#)));
        assert_eq!(ask(&mut pair, &get("/v1/x")).code(), "rate_limit_exceeded");
    }
    for mut pair in pairs(rates, &with_rate(2)) {
        assert_eq!(ask(&mut pair, &get("/v1/x")).status(), 200);
        assert_eq!(ask(&mut pair, &get("/v1/x")).status(), 200);
    }
}

#[test]
fn what_cannot_be_counted_is_not_available_and_costs_nothing() {
    for (rates, bytes) in
        [(RateLimits::default(), get("/v1/x")), (everyone(9), get("/v1/x")), (everyone(9), call("odd"))]
    {
        for mut pair in pairs(rates, &with_rate(9)) {
            pair.store.redis = Some(Component::Down);
            let refused = ask(&mut pair, &bytes);
            assert_eq!((refused.status(), &*refused.code()), (503, "store_unavailable"));
            assert_eq!((pair.asked.0, pair.store.spent), (0, 0));
        }
    }
}
