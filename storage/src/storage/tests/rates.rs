//! Rates in front of a store: what is decided without it.

use std::time::Duration;

use llm_proxy_core::quota::{RateCheck, RateKey, RateLimit, RateVerdict};

use super::*;

/// A digest that no token has.
const UNKNOWN: TokenDigest = TokenDigest::from_bytes([9; 32]);

const TWO: RateLimit = RateLimit { requests: 2, window: Duration::from_secs(60) };

fn from(last: u8, digest: TokenDigest) -> GrantQuery {
    GrantQuery { digest, failures: Some(([192, 0, 2, last].into(), TWO)) }
}

/// The request with that token fails: it is counted.
fn fail(storage: &Storage, query: GrantQuery, at: Now) {
    let (key, limit) = query.failures().unwrap();
    let outcome = storage.perform_now(&StoreEffect::CheckRates(Box::new(RateCheck::one(key, limit))), at);
    assert!(matches!(outcome, Some(StoreOutcome::Rates(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_rate_is_decided_at_once_and_without_the_store() {
    let f = fixture().await;
    f.probe.down.store(true, Ordering::SeqCst);
    let check = StoreEffect::CheckRates(Box::new(RateCheck::one(RateKey::Token(f.token), TWO)));
    let allowed = |outcome| matches!(outcome, StoreOutcome::Rates(Ok(RateVerdict::Allowed { .. })));
    assert!(allowed(f.storage.perform_now(&check, now(1)).unwrap()));
    assert!(allowed(f.storage.perform(check.clone(), now(1)).await));
    assert!(!allowed(f.storage.perform_now(&check, now(1)).unwrap()), "both ways count for one rate");
}

#[tokio::test]
async fn who_failed_too_often_is_looked_up_no_more_until_that_is_refilled() {
    let f = fixture().await;
    let before = f.probe.look_ups.load(Ordering::SeqCst);
    let query = from(1, UNKNOWN);
    let found = |query, at| f.storage.perform(StoreEffect::FindGrant(query), at);
    for _ in 0..2 {
        assert!(matches!(found(query, now(1)).await, StoreOutcome::Grant(Ok(None))));
        fail(&f.storage, query, now(1));
    }
    let at_once = f.storage.perform_now(&StoreEffect::FindGrant(query), now(1));
    for outcome in [at_once.unwrap(), found(query, now(1)).await] {
        let StoreOutcome::Rates(Ok(RateVerdict::Refused { retry_after, .. })) = outcome else { panic!("{outcome:?}") };
        assert_eq!(retry_after, Duration::from_secs(30));
    }
    assert_eq!(f.probe.look_ups.load(Ordering::SeqCst), before + 2);
    assert!(matches!(found(from(2, UNKNOWN), now(1)).await, StoreOutcome::Grant(Ok(None))), "from elsewhere");
    assert!(matches!(found(query, now(31)).await, StoreOutcome::Grant(Ok(None))), "later");
}

#[tokio::test]
async fn a_grant_in_memory_is_given_whatever_failed() {
    let f = fixture().await;
    let query = from(1, f.digest);
    let found = |at| f.storage.perform(StoreEffect::FindGrant(query), at);
    assert!(matches!(found(now(1)).await, StoreOutcome::Grant(Ok(Some(_)))));
    (0..3).for_each(|_| fail(&f.storage, query, now(1)));
    assert!(matches!(found(now(1)).await, StoreOutcome::Grant(Ok(Some(_)))));
}

#[tokio::test]
async fn requests_that_wait_for_one_look_up_ask_no_more_once_the_first_failed() {
    let f = fixture().await;
    let before = f.probe.look_ups.load(Ordering::SeqCst);
    f.probe.hold_answers();
    let query =
        GrantQuery { failures: Some(([192, 0, 2, 1].into(), RateLimit { requests: 1, ..TWO })), ..UNKNOWN.into() };
    let (storage, probe) = (&f.storage, &f.probe);
    let first = async {
        let outcome = storage.perform(StoreEffect::FindGrant(query), now(1)).await;
        fail(storage, query, now(1));
        outcome
    };
    let second = storage.perform(StoreEffect::FindGrant(query), now(1));
    let release = async { probe.answer.add_permits(Semaphore::MAX_PERMITS) };
    let (first, second, ()) = tokio::join!(biased; first, second, release);
    assert!(matches!(first, StoreOutcome::Grant(Ok(None))));
    assert!(matches!(second, StoreOutcome::Rates(Ok(RateVerdict::Refused { .. }))), "{second:?}");
    assert_eq!(probe.look_ups.load(Ordering::SeqCst), before + 1);
}
