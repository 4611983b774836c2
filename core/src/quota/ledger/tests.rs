//! The ledger, step by step.

use super::*;

const MAX_AGE: Duration = Duration::from_secs(5);
const NEEDS_ONE: Spend = Spend::NeedsLease(NonZeroU64::MIN);

fn token(n: u8) -> TokenId {
    TokenId::new(Timestamp::default(), &[n; 10])
}

fn at(millis: u64) -> Now {
    let since = Duration::from_millis(millis);
    Now { mono: Instant::default() + since, wall: Timestamp::default().plus(since) }
}

fn lease(count: u64) -> Lease {
    Lease { count: NonZeroU64::new(count).unwrap(), remaining: None }
}

/// A ledger that leased so many at 0, and spent the first.
fn with_lease(count: u64) -> Ledger {
    let mut ledger = Ledger::new(10, MAX_AGE);
    assert_eq!(ledger.spend(token(1), at(0)), NEEDS_ONE);
    ledger.leased(token(1), lease(count), at(0));
    ledger
}

fn settlement(spent: u64, returned: u64, given_back: u64) -> Settlement {
    Settlement { token: token(1), spent, returned, given_back, last_used_at: None }
}

fn taken(ledger: &mut Ledger, millis: u64) -> Vec<Settlement> {
    let mut taken = ledger.take_all(at(millis).mono);
    taken.iter_mut().for_each(|settlement| settlement.last_used_at = None);
    taken
}

#[test]
fn a_lease_is_spent_to_its_end_and_no_further() {
    let mut ledger = with_lease(3);
    assert_eq!(ledger.spend(token(1), at(1)), Spend::Allowed);
    assert_eq!(ledger.spend(token(1), at(2)), Spend::Allowed);
    assert!(matches!(ledger.spend(token(1), at(3)), Spend::NeedsLease(_)));
    assert_eq!(taken(&mut ledger, 4), [settlement(3, 0, 0)]);
    assert_eq!(taken(&mut ledger, 5), []);
}

#[test]
fn a_lease_is_one_tokens_own() {
    let mut ledger = with_lease(3);
    assert_eq!(ledger.spend(token(2), at(1)), NEEDS_ONE);
}

#[test]
fn a_settlement_says_when_the_latest_was_spent() {
    let mut ledger = with_lease(3);
    ledger.spend(token(1), at(7));
    ledger.spend(token(1), at(6));
    assert_eq!(ledger.take_all(at(8).mono)[0].last_used_at, Some(at(7).wall));
}

#[test]
fn a_remainder_is_spent_for_the_grant_age_only() {
    let mut ledger = with_lease(3);
    assert_eq!(ledger.spend(token(1), at(4_999)), Spend::Allowed);
    assert!(matches!(ledger.spend(token(1), at(5_000)), Spend::NeedsLease(_)));
    assert!(ledger.owes(token(1)));
    assert_eq!(ledger.take(token(1)).map(|s| (s.spent, s.given_back)), Some((2, 1)));
}

#[test]
fn a_remainder_of_an_idle_token_is_given_back() {
    let mut ledger = with_lease(3);
    assert_eq!(taken(&mut ledger, 4_999), [settlement(1, 0, 0)]);
    assert_eq!(taken(&mut ledger, 5_000), [settlement(0, 0, 2)]);
    assert_eq!(taken(&mut ledger, 20_000), []);
    assert!(ledger.accounts.is_empty());
}

#[test]
fn what_is_given_back_before_it_was_settled_can_be_spent_again() {
    let mut ledger = with_lease(1);
    ledger.give_back(token(1), at(1).mono);
    assert_eq!(ledger.spend(token(1), at(2)), Spend::Allowed);
    assert_eq!(taken(&mut ledger, 3), [settlement(1, 0, 0)]);
}

#[test]
fn what_is_given_back_after_it_was_settled_is_told_to_the_store_before_the_next_lease() {
    let mut ledger = with_lease(1);
    taken(&mut ledger, 1);
    ledger.give_back(token(1), at(2).mono);
    assert!(matches!(ledger.spend(token(1), at(3)), Spend::NeedsLease(_)));
    assert!(ledger.owes(token(1)));
    assert_eq!(ledger.take(token(1)).map(|s| (s.spent, s.returned)), Some((0, 1)));
    assert!(!ledger.owes(token(1)));
}

#[test]
fn that_nothing_was_left_is_remembered_for_a_second() {
    let mut ledger = with_lease(1);
    assert!(matches!(ledger.spend(token(1), at(10)), Spend::NeedsLease(_)));
    ledger.exhausted(token(1), at(10).mono);
    assert_eq!(ledger.spend(token(1), at(1_009)), Spend::Exhausted);
    assert!(matches!(ledger.spend(token(1), at(1_010)), Spend::NeedsLease(_)));
}

#[test]
fn a_short_grant_age_shortens_that_memory_too() {
    let mut ledger = Ledger::new(10, Duration::ZERO);
    ledger.exhausted(token(1), at(10).mono);
    assert_eq!(ledger.spend(token(1), at(10)), NEEDS_ONE);
}

#[test]
fn one_that_is_given_back_ends_the_memory_that_nothing_was_left() {
    let mut ledger = with_lease(1);
    ledger.exhausted(token(1), at(1).mono);
    ledger.give_back(token(1), at(2).mono);
    assert_eq!(ledger.spend(token(1), at(3)), Spend::Allowed);
}

#[test]
fn a_change_of_the_limit_takes_the_remainder_and_the_memory_away() {
    let mut ledger = with_lease(5);
    ledger.limit_changes(token(1));
    assert_eq!(ledger.spend(token(1), at(1)), NEEDS_ONE);
    assert_eq!(ledger.take(token(1)).map(|s| (s.spent, s.given_back)), Some((1, 4)));
    ledger.exhausted(token(1), at(1).mono);
    ledger.limit_changes(token(1));
    assert_eq!(ledger.spend(token(1), at(1)), NEEDS_ONE);
}

#[test]
fn one_that_is_given_back_after_a_change_of_the_limit_is_not_spent_under_the_new_one() {
    let mut ledger = with_lease(1);
    ledger.limit_changes(token(1));
    ledger.give_back(token(1), at(1).mono);
    assert!(matches!(ledger.spend(token(1), at(2)), Spend::NeedsLease(_)));
    assert!(ledger.owes(token(1)));
    assert_eq!(ledger.take(token(1)).map(|s| (s.spent, s.given_back)), Some((0, 1)));
}

#[test]
fn a_settlement_that_was_not_done_comes_back_and_adds_up() {
    let mut ledger = with_lease(4);
    let first = ledger.take_all(at(1).mono);
    ledger.spend(token(1), at(2));
    ledger.restore(&first[0]);
    assert_eq!(taken(&mut ledger, 3), [settlement(2, 0, 0)]);
}

#[test]
fn at_the_end_all_remainders_are_given_back() {
    let mut ledger = with_lease(4);
    ledger.recall_all();
    assert_eq!(taken(&mut ledger, 1), [settlement(1, 0, 3)]);
}

#[test]
fn what_has_no_room_is_said_and_leaves_no_trace() {
    let mut ledger = Ledger::new(1, MAX_AGE);
    assert_eq!(ledger.spend(token(1), at(0)), NEEDS_ONE);
    assert_eq!(ledger.spend(token(2), at(0)), Spend::NoRoom);
    ledger.exhausted(token(2), at(0).mono);
    ledger.give_back(token(2), at(0).mono);
    assert_eq!(ledger.accounts.len(), 1);
    assert_eq!(taken(&mut ledger, 10_000), []);
    assert_eq!(ledger.spend(token(2), at(10_000)), NEEDS_ONE, "the idle one made room");
}

#[test]
fn with_a_grant_age_of_zero_each_request_asks_the_store() {
    let mut ledger = Ledger::new(1, Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(ledger.spend(token(1), at(0)), NEEDS_ONE);
        ledger.leased(token(1), lease(1), at(0));
    }
    assert_eq!(taken(&mut ledger, 1), [settlement(3, 0, 0)]);
}
