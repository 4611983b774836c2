use super::*;
use crate::ids::TokenId;
use crate::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const SIXTY: RateLimit = RateLimit { requests: 60, window: Duration::from_secs(60) };

fn at(time: Duration) -> Instant {
    Instant::default() + time
}

fn token(number: u8) -> RateKey {
    RateKey::Token(TokenId::new(Timestamp::default(), &[number; 10]))
}

fn address(last: u8) -> RateKey {
    RateKey::address([192, 0, 2, last].into())
}

/// Whether one more is let in.
fn take(table: &mut RateTable, key: RateKey, limit: RateLimit, now: Instant) -> bool {
    matches!(table.check(&RateCheck::one(key, limit), now), RateVerdict::Allowed { .. })
}

/// How many are let in at that moment.
fn burst(table: &mut RateTable, key: RateKey, limit: RateLimit, now: Instant) -> u64 {
    (0..1000).take_while(|_| take(table, key, limit, now)).count() as u64
}

fn remaining(verdict: RateVerdict) -> (u64, Duration) {
    let (RateVerdict::Allowed { remaining } | RateVerdict::Refused { remaining, .. }) = verdict;
    remaining.map(|remaining| (remaining.requests, remaining.next_in)).unwrap()
}

#[test]
fn all_of_a_limit_is_there_at_once_and_comes_back_evenly() {
    let mut table = RateTable::new(10);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND)), 60);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND * 2)), 1);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND * 12)), 10);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND * 72)), 60);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND * 7200)), 60);
}

#[test]
fn a_refusal_says_exactly_when_the_next_is_let_in() {
    let limit = RateLimit { requests: 7, window: Duration::from_secs(60) };
    let mut table = RateTable::new(10);
    burst(&mut table, token(1), limit, at(SECOND));
    let check = RateCheck::one(token(1), limit);
    let RateVerdict::Refused { retry_after, .. } = table.check(&check, at(SECOND)) else { panic!("was let in") };
    assert_eq!(retry_after, Duration::from_nanos(8_571_428_572));
    assert!(!take(&mut table, token(1), limit, at(SECOND + retry_after - Duration::from_nanos(1))));
    assert!(take(&mut table, token(1), limit, at(SECOND + retry_after)));
}

#[test]
fn what_is_left_is_told_with_the_time_until_there_is_more() {
    let mut table = RateTable::new(10);
    let check = RateCheck::one(token(1), SIXTY);
    assert_eq!(remaining(table.check(&check, at(SECOND))), (59, SECOND));
    assert_eq!(remaining(table.check(&check, at(SECOND * 5 / 4))), (58, SECOND * 3 / 4));
    burst(&mut table, token(1), SIXTY, at(SECOND * 5 / 4));
    assert_eq!(remaining(table.check(&check, at(SECOND * 3 / 2))), (0, SECOND / 2));
}

#[test]
fn a_check_that_one_limit_refuses_counts_against_none() {
    let few = RateLimit { requests: 1, window: Duration::from_secs(60) };
    let mut table = RateTable::new(10);
    let both = RateCheck { limits: [(RateKey::Everyone, SIXTY), (address(1), few)].into_iter().collect() };
    assert!(matches!(table.check(&both, at(SECOND)), RateVerdict::Allowed { .. }));
    for _ in 0..100 {
        let refused = RateVerdict::Refused {
            retry_after: Duration::from_secs(60),
            remaining: Some(Remaining { limit: few, requests: 0, next_in: Duration::from_secs(60) }),
        };
        assert_eq!(table.check(&both, at(SECOND)), refused);
    }
    assert_eq!(burst(&mut table, RateKey::Everyone, SIXTY, at(SECOND)), 59);
}

#[test]
fn looking_counts_nothing() {
    let one = RateLimit { requests: 1, window: SECOND };
    let mut table = RateTable::new(10);
    for _ in 0..9 {
        assert_eq!(table.wait(&token(1), one, at(SECOND)), None);
    }
    assert!(take(&mut table, token(1), one, at(SECOND)));
    assert_eq!(table.wait(&token(1), one, at(SECOND * 3 / 2)), Some(SECOND / 2));
}

#[test]
fn keys_do_not_count_for_each_other() {
    let one = RateLimit { requests: 1, window: Duration::from_secs(60) };
    let (client, digest) = ([192, 0, 2, 1].into(), |byte| (&crate::auth::TokenDigest::from_bytes([byte; 32])).into());
    let keys = [
        RateKey::Everyone,
        address(1),
        address(2),
        token(1),
        token(2),
        RateKey::failed_auth(client, digest(1)),
        RateKey::failed_auth(client, digest(2)),
        RateKey::failed_auth([192, 0, 2, 2].into(), digest(1)),
        RateKey::failed_management(client),
    ];
    let mut table = RateTable::new(10);
    for key in keys {
        assert_eq!(burst(&mut table, key, one, at(SECOND)), 1, "{key:?}");
    }
}

#[test]
fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
    let mut table = RateTable::new(10);
    burst(&mut table, token(1), SIXTY, at(SECOND * 100));
    assert!(!take(&mut table, token(1), SIXTY, at(SECOND)));
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND * 101)), 1);
}

#[test]
fn a_limit_that_is_lowered_holds_at_once_and_keeps_nobody_longer_than_its_own_refill() {
    let five = RateLimit { requests: 5, ..SIXTY };
    let mut table = RateTable::new(10);
    burst(&mut table, token(1), SIXTY, at(SECOND));
    assert_eq!(table.wait(&token(1), five, at(SECOND)), Some(SECOND * 12));
    assert_eq!(burst(&mut table, token(1), five, at(SECOND * 13)), 1);
}

#[test]
fn a_limit_that_is_raised_gives_the_difference_at_once() {
    let more = RateLimit { requests: 100, ..SIXTY };
    let mut table = RateTable::new(10);
    burst(&mut table, token(1), SIXTY, at(SECOND));
    assert_eq!(burst(&mut table, token(1), more, at(SECOND)), 40);
}

#[test]
fn the_largest_numbers_are_only_large() {
    let most = RateLimit { requests: u64::MAX, window: Duration::MAX };
    let mut table = RateTable::new(10);
    for now in [Instant::default(), Instant::from_nanos(u64::MAX)] {
        assert!(take(&mut table, token(1), most, now));
        assert_eq!(remaining(table.check(&RateCheck::one(token(1), most), now)).1, Duration::from_nanos(1));
    }
    let short = RateLimit { requests: u64::MAX, window: Duration::from_nanos(1) };
    assert_eq!(remaining(table.check(&RateCheck::one(token(2), short), at(SECOND))).0, u64::MAX - 1);
    let long = RateLimit { requests: 1, window: Duration::MAX };
    assert_eq!(burst(&mut table, token(3), long, at(SECOND)), 1);
    assert_eq!(table.wait(&token(3), long, at(SECOND)), Some(Duration::from_nanos(u64::MAX)));
}

#[test]
fn a_limit_of_nothing_lets_nothing_in_and_a_window_of_no_time_everything() {
    let mut table = RateTable::new(10);
    assert_eq!(burst(&mut table, token(1), RateLimit { requests: 0, ..SIXTY }, at(SECOND)), 0);
    assert_eq!(burst(&mut table, token(2), RateLimit { window: Duration::ZERO, ..SIXTY }, at(SECOND)), 1000);
}

#[test]
fn keys_whose_level_has_drained_are_forgotten() {
    let mut table = RateTable::new(1000);
    for number in 0..200 {
        take(&mut table, address(number), SIXTY, at(SECOND));
    }
    assert_eq!(table.arrivals.buckets.len(), 200);
    for step in 0..100 {
        take(&mut table, address(250), SIXTY, at(SECOND * (10 + step)));
    }
    assert_eq!((table.arrivals.buckets.len(), table.arrivals.by_drained.len()), (1, 1));
}

#[test]
fn a_full_table_drops_the_key_that_would_be_forgotten_soonest() {
    let mut table = RateTable::new(3);
    for (number, uses) in [(1, 9), (2, 1), (3, 5)] {
        (0..uses).for_each(|_| assert!(take(&mut table, token(number), SIXTY, at(SECOND))));
    }
    (0..2).for_each(|_| assert!(take(&mut table, token(4), SIXTY, at(SECOND * 3 / 2))));
    assert_eq!((table.tokens.buckets.len(), table.tokens.by_drained.len()), (3, 3));
    let left = |table: &mut RateTable, number| burst(table, token(number), SIXTY, at(SECOND * 3 / 2));
    assert_eq!((left(&mut table, 1), left(&mut table, 3)), (51, 55));
    assert_eq!(left(&mut table, 2), 60);
}

#[test]
fn strangers_never_push_out_a_token() {
    let mut table = RateTable::new(3);
    assert_eq!(burst(&mut table, token(1), SIXTY, at(SECOND)), 60);
    for number in 0..100 {
        burst(&mut table, address(number), RateLimit { requests: 900, ..SIXTY }, at(SECOND));
    }
    assert!(!take(&mut table, token(1), SIXTY, at(SECOND)));
}

#[test]
fn an_ipv6_client_is_counted_by_its_network() {
    let key = |text: &str| RateKey::address(text.parse().unwrap());
    assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
}
