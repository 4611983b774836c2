//! Laws of rates, against what the words say.

use proptest::prelude::*;

use super::*;
use crate::ids::TokenId;
use crate::time::Timestamp;

fn key() -> RateKey {
    RateKey::Token(TokenId::new(Timestamp::default(), &[1; 10]))
}

/// The model: what is not refilled yet, kept as exact fractions of a request, from the first step on.
struct Model {
    /// In units of 1/window of a request.
    used: u128,
    last: u64,
}

impl Model {
    fn take(&mut self, limit: RateLimit, now: u64) -> bool {
        let (requests, window) = (u128::from(limit.requests), limit.window.as_nanos());
        self.used = self.used.saturating_sub(u128::from(now - self.last) * requests);
        self.last = now;
        let fits = self.used + window <= requests * window;
        self.used += if fits { window } else { 0 };
        fits
    }
}

fn limit() -> impl Strategy<Value = RateLimit> {
    let window = prop_oneof![1..100_u64, 1_000_000_000..60_000_000_000_u64];
    (prop_oneof![1..20_u64, 1..100_000_u64], window)
        .prop_map(|(requests, window)| RateLimit { requests, window: Duration::from_nanos(window) })
}

/// Pauses, in parts of the time in which one request is refilled.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![3 => Just(0), 3 => 1..150_u64, 1 => 100..5000_u64], 1..200)
}

/// The instants of attempts.
fn instants(limit: RateLimit, pauses: &[u64]) -> Vec<u64> {
    let step = limit.window.as_nanos() as u64 / limit.requests;
    let sum = |at: &mut u64, pause: &u64| {
        *at += pause * step / 100 + u64::from(*pause > 0);
        Some(*at)
    };
    pauses.iter().scan(0, sum).collect()
}

fn attempt(table: &mut RateTable, limit: RateLimit, now: u64) -> bool {
    let verdict = table.check(&RateCheck::one(key(), limit), Instant::from_nanos(now));
    matches!(verdict, RateVerdict::Allowed { .. })
}

proptest! {
    #[test]
    fn it_decides_as_the_model(limit in limit(), pauses in pauses()) {
        let (mut table, mut model) = (RateTable::new(4), Model { used: 0, last: 0 });
        for now in instants(limit, &pauses) {
            prop_assert_eq!(attempt(&mut table, limit, now), model.take(limit, now), "at {}", now);
        }
    }

    #[test]
    fn no_interval_lets_more_in_than_the_limit_and_what_it_refills(limit in limit(), pauses in pauses()) {
        let mut table = RateTable::new(4);
        let attempts = instants(limit, &pauses);
        let taken: Vec<u64> = attempts.into_iter().filter(|now| attempt(&mut table, limit, *now)).collect();
        for (first, from) in taken.iter().enumerate() {
            for (count, until) in (1_u128..).zip(&taken[first..]) {
                let refilled = u128::from(until - from) * u128::from(limit.requests);
                let allowed = u128::from(limit.requests) * limit.window.as_nanos() + refilled;
                prop_assert!(count * limit.window.as_nanos() <= allowed, "{} from {} to {}", count, from, until);
            }
        }
    }

    #[test]
    fn after_a_window_without_requests_all_of_it_is_there_again(
        requests in 1..50_u64,
        window in 1..1_000_000_u64,
        pauses in pauses(),
    ) {
        let limit = RateLimit { requests, window: Duration::from_nanos(window) };
        let (mut table, attempts) = (RateTable::new(4), instants(limit, &pauses));
        for now in &attempts {
            attempt(&mut table, limit, *now);
        }
        let later = attempts.last().copied().unwrap_or(0) + window;
        let burst = (0..requests + 5).filter(|_| attempt(&mut table, limit, later)).count() as u64;
        prop_assert_eq!(burst, requests);
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_let_in_and_not_before(limit in limit(), pauses in pauses()) {
        let mut table = RateTable::new(4);
        let mut last = 0;
        for now in instants(limit, &pauses) {
            attempt(&mut table, limit, now);
            last = now;
        }
        if let Some(wait) = table.wait(&key(), limit, Instant::from_nanos(last)) {
            let then = Instant::from_nanos(last) + wait;
            prop_assert!(table.wait(&key(), limit, Instant::from_nanos(then.as_nanos() - 1)).is_some());
            prop_assert!(table.wait(&key(), limit, then).is_none());
        }
    }

    #[test]
    fn no_numbers_overflow(
        requests in any::<u64>(),
        window in any::<u64>(),
        times in prop::collection::vec(any::<u64>(), 1..20),
    ) {
        let limit = RateLimit { requests, window: Duration::from_nanos(window) };
        let (mut table, mut latest) = (RateTable::new(4), 0);
        for now in times {
            attempt(&mut table, limit, now);
            latest = now.max(latest);
        }
        let verdict = table.check(&RateCheck::one(key(), limit), Instant::from_nanos(latest));
        let (RateVerdict::Allowed { remaining } | RateVerdict::Refused { remaining, .. }) = verdict;
        prop_assert!(remaining.is_some_and(|remaining| remaining.requests <= requests));
    }
}
