//! Limited tokens: when the store is asked, what it is told, and what a failure costs.

use super::*;

/// A fixture whose token has a limit.
async fn limited(limit: u64) -> Fixture {
    let f = fixture().await;
    set_limit(&f, limit).await;
    f
}

async fn set_limit(f: &Fixture, limit: u64) {
    let change = TokenChange { max_requests: Some(Some(limit)), ..TokenChange::default() };
    manage(&f.storage, Command::UpdateToken(f.token, change)).await.unwrap();
}

/// Spends as a driver does.
async fn spend(f: &Fixture, seconds: u64) -> Result<Spent, Unavailable> {
    let effect = StoreEffect::Spend(f.token);
    let outcome = match f.storage.perform_now(&effect, now(seconds)) {
        Some(outcome) => outcome,
        None => f.storage.perform(effect, now(seconds)).await,
    };
    let StoreOutcome::Spent(spent) = outcome else { panic!("{outcome:?}") };
    spent
}

/// Spends until nothing is left; says how many.
async fn spend_all(f: &Fixture, seconds: u64) -> u64 {
    let mut spent = 0;
    while spend(f, seconds).await == Ok(Spent::Allowed(f.token)) {
        spent += 1;
    }
    spent
}

/// What the store counts as spent and as leased.
async fn counts(f: &Fixture) -> (u64, u64) {
    let read = f.probe.inner.read(Command::GetToken(f.token), Timestamp::default()).await;
    let Ok(Reply::Token(token)) = read else { panic!("{read:?}") };
    (token.request_count, token.leased_count)
}

fn leases(f: &Fixture) -> u64 {
    f.probe.leases.load(Ordering::SeqCst)
}

fn settles(f: &Fixture) -> u64 {
    f.probe.settles.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_burst_asks_the_store_for_few_of_its_requests() {
    let f = limited(100_000).await;
    for _ in 0..10_000 {
        assert_eq!(spend(&f, 0).await, Ok(Spent::Allowed(f.token)));
    }
    assert!(leases(&f) <= 20, "{} leases", leases(&f));
    f.storage.flush(now(0)).await;
    assert_eq!((settles(&f), counts(&f).await.0), (1, 10_000));
}

#[tokio::test]
async fn a_limit_that_is_used_up_costs_the_store_a_tenth_of_its_requests() {
    let f = limited(1000).await;
    assert_eq!(spend_all(&f, 0).await, 1000);
    assert!(leases(&f) <= 100, "{} leases", leases(&f));
    f.storage.close(now(0)).await;
    assert_eq!(counts(&f).await, (1000, 0));
}

#[tokio::test]
async fn a_flood_on_an_exhausted_token_asks_the_store_once_a_second() {
    let f = limited(1).await;
    assert_eq!(spend_all(&f, 0).await, 1);
    let before = leases(&f);
    for _ in 0..100 {
        assert_eq!(spend(&f, 0).await, Ok(Spent::Exhausted));
    }
    assert_eq!(leases(&f), before);
    assert_eq!(spend(&f, 1).await, Ok(Spent::Exhausted));
    assert_eq!(leases(&f), before + 1);
}

#[tokio::test]
async fn a_token_that_is_used_once_in_a_while_keeps_nothing_from_others() {
    let f = limited(1000).await;
    for minute in 1..4 {
        assert_eq!(spend(&f, minute * 60).await, Ok(Spent::Allowed(f.token)));
        f.storage.flush(now(minute * 60)).await;
        assert_eq!(counts(&f).await, (minute, 0));
    }
}

/// A lease of eight, one of them spent, in front of a store with a grace of a minute.
async fn leased_with_a_grace() -> Fixture {
    let f = fixture_with(Outage::new(Duration::from_secs(60))).await;
    set_limit(&f, 1000).await;
    look_up(&f.storage, f.digest, now(0)).await.unwrap();
    for _ in 0..8 {
        spend(&f, 0).await.unwrap();
    }
    f
}

#[tokio::test]
async fn in_an_outage_what_is_leased_is_spent_within_the_grace() {
    let f = leased_with_a_grace().await;
    f.probe.down.store(true, Ordering::SeqCst);
    look_up(&f.storage, f.digest, now(6)).await.unwrap();
    assert_eq!(spend(&f, 7).await, Ok(Spent::Allowed(f.token)));
    assert_eq!(spend(&f, 61).await, Err(Unavailable));
}

#[tokio::test]
async fn while_the_store_works_the_grace_does_not_make_a_lease_live_longer() {
    let f = leased_with_a_grace().await;
    let before = leases(&f);
    assert_eq!(spend(&f, 6).await, Ok(Spent::Allowed(f.token)));
    assert_eq!(leases(&f), before + 1, "the remainder was given up, and one leased anew");
}

#[tokio::test]
async fn who_waits_for_a_lease_that_fails_does_not_try_it_again() {
    let f = limited(1000).await;
    f.probe.hold_answers();
    f.probe.leased.forget_permits(100);
    let before = leases(&f);
    let f = Arc::new(f);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let f = Arc::clone(&f);
            tokio::spawn(async move { spend(&f, 0).await })
        })
        .collect();
    f.probe.leased.acquire().await.unwrap().forget();
    f.probe.lose_replies.store(true, Ordering::SeqCst);
    f.probe.answer.add_permits(1);
    for spent in waiting {
        assert_eq!(spent.await.unwrap(), Err(Unavailable));
    }
    assert_eq!(leases(&f), before + 1);
}

#[tokio::test]
async fn requests_that_wait_for_the_same_lease_share_it() {
    let f = limited(1000).await;
    for _ in 0..7 {
        spend(&f, 0).await.unwrap();
    }
    // The fourth lease is of eight: it serves all who wait for it.
    f.probe.hold_answers();
    f.probe.leased.forget_permits(100);
    let before = leases(&f);
    let f = Arc::new(f);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let f = Arc::clone(&f);
            tokio::spawn(async move { spend(&f, 0).await })
        })
        .collect();
    f.probe.leased.acquire().await.unwrap().forget();
    f.probe.answer.add_permits(1);
    for spent in waiting {
        assert_eq!(spent.await.unwrap(), Ok(Spent::Allowed(f.token)));
    }
    assert_eq!(leases(&f), before + 1);
}

#[tokio::test]
async fn a_lease_whose_result_is_unknown_is_never_spent() {
    let f = limited(1).await;
    f.probe.lose_replies.store(true, Ordering::SeqCst);
    assert_eq!(spend(&f, 0).await, Err(Unavailable));
    f.probe.lose_replies.store(false, Ordering::SeqCst);
    assert_eq!(spend(&f, 0).await, Ok(Spent::Exhausted));
    f.storage.close(now(0)).await;
    assert_eq!(counts(&f).await, (0, 1), "it counts as leased, for good");
}

#[tokio::test]
async fn a_settlement_whose_result_is_unknown_is_not_repeated() {
    let f = limited(10).await;
    spend(&f, 0).await.unwrap();
    f.probe.lose_replies.store(true, Ordering::SeqCst);
    f.storage.flush(now(0)).await;
    f.probe.lose_replies.store(false, Ordering::SeqCst);
    f.storage.close(now(0)).await;
    assert_eq!((counts(&f).await, settles(&f)), ((1, 0), 1));
}

#[tokio::test]
async fn a_settlement_that_was_not_done_is_repeated() {
    let f = limited(10).await;
    spend(&f, 0).await.unwrap();
    f.probe.down.store(true, Ordering::SeqCst);
    f.storage.flush(now(0)).await;
    f.probe.down.store(false, Ordering::SeqCst);
    assert_eq!(counts(&f).await, (0, 1));
    f.storage.flush(now(0)).await;
    assert_eq!(counts(&f).await, (1, 0));
}

#[tokio::test]
async fn a_store_that_is_down_refuses_only_what_is_not_leased() {
    let f = limited(1000).await;
    for _ in 0..2 {
        spend(&f, 0).await.unwrap();
    }
    f.probe.down.store(true, Ordering::SeqCst);
    assert_eq!(spend(&f, 0).await, Ok(Spent::Allowed(f.token)), "the second lease was of two");
    assert_eq!(spend(&f, 0).await, Err(Unavailable));
    f.probe.down.store(false, Ordering::SeqCst);
    assert_eq!(spend(&f, 0).await, Ok(Spent::Allowed(f.token)));
}

#[tokio::test]
async fn a_remainder_is_given_back_within_the_grant_age_and_at_the_end() {
    let f = limited(1000).await;
    for _ in 0..4 {
        spend(&f, 0).await.unwrap();
    }
    f.storage.flush(now(4)).await;
    assert_eq!(counts(&f).await, (4, 3));
    f.storage.flush(now(5)).await;
    assert_eq!(counts(&f).await, (4, 0));
    for _ in 0..2 {
        spend(&f, 5).await.unwrap();
    }
    assert_ne!(counts(&f).await.1, 0);
    f.storage.close(now(0)).await;
    assert_eq!(counts(&f).await, (6, 0));
}

#[tokio::test]
async fn who_reads_a_token_sees_what_was_spent_here_and_what_is_out() {
    let f = limited(1000).await;
    for _ in 0..4 {
        spend(&f, 0).await.unwrap();
    }
    let Ok(Reply::Token(read)) = manage(&f.storage, Command::GetToken(f.token)).await else { panic!() };
    assert_eq!((read.request_count, read.leased_count), (4, 3));
    spend(&f, 0).await.unwrap();
    let list = Command::ListTokens(llm_proxy_core::manage::TokenFilter::default(), Page::default());
    let Ok(Reply::Tokens(listed, _)) = manage(&f.storage, list).await else { panic!() };
    assert_eq!((listed[0].request_count, listed[0].leased_count), (5, 2));
}

#[tokio::test]
async fn a_lowered_limit_holds_from_the_next_request_on() {
    let f = limited(1000).await;
    for _ in 0..4 {
        spend(&f, 0).await.unwrap();
    }
    set_limit(&f, 5).await;
    assert_eq!(counts(&f).await, (4, 0));
    assert_eq!(spend_all(&f, 0).await, 1);
}

#[tokio::test]
async fn a_raised_limit_ends_the_memory_that_nothing_was_left() {
    let f = limited(1).await;
    assert_eq!(spend_all(&f, 0).await, 1);
    set_limit(&f, 3).await;
    assert_eq!(spend_all(&f, 0).await, 2);
}

#[tokio::test]
async fn no_lease_slips_in_while_the_limit_is_lowered() {
    let f = Arc::new(limited(1000).await);
    f.probe.hold_answers();
    let spending = tokio::spawn({
        let f = Arc::clone(&f);
        async move { spend(&f, 0).await }
    });
    f.probe.leased.acquire().await.unwrap().forget();
    let mut lowering = Box::pin(set_limit(&f, 1));
    assert!(std::future::poll_fn(|cx| Poll::Ready(lowering.as_mut().poll(cx).is_pending())).await);
    f.probe.answer.add_permits(10);
    assert_eq!(spending.await.unwrap(), Ok(Spent::Allowed(f.token)));
    lowering.await;
    assert_eq!((spend_all(&f, 0).await, counts(&f).await), (0, (1, 0)));
}

#[tokio::test]
async fn what_is_given_back_can_be_spent_at_once_settled_or_not() {
    let f = limited(1).await;
    for settle in [false, true, true] {
        assert_eq!(spend_all(&f, 0).await, 1);
        if settle {
            f.storage.flush(now(0)).await;
            assert_eq!(counts(&f).await, (1, 0));
        }
        f.storage.give_back(f.token, now(0));
    }
    f.storage.close(now(0)).await;
    assert_eq!(counts(&f).await, (0, 0));
}

#[tokio::test]
async fn what_was_spent_for_nobody_is_given_back() {
    let f = limited(1).await;
    let outcome = f.storage.perform(StoreEffect::Spend(f.token), now(0)).await;
    f.storage.unheard(&outcome, now(0));
    assert_eq!(spend_all(&f, 0).await, 1);
    f.storage.unheard(&StoreOutcome::Spent(Ok(Spent::Exhausted)), now(0));
    assert_eq!(spend_all(&f, 0).await, 0);
}

#[tokio::test]
async fn a_lease_under_way_at_the_end_is_waited_for_and_given_back() {
    let f = Arc::new(limited(1000).await);
    for _ in 0..3 {
        spend(&f, 0).await.unwrap();
        f.probe.leased.forget_permits(10);
    }
    f.probe.hold_answers();
    let spending = tokio::spawn({
        let f = Arc::clone(&f);
        async move { spend(&f, 0).await }
    });
    f.probe.leased.acquire().await.unwrap().forget();
    let mut closing = Box::pin(f.storage.close(now(0)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(closing.as_mut().poll(cx).is_pending())).await);
    f.probe.answer.add_permits(10);
    closing.await;
    assert_eq!((spending.await.unwrap(), counts(&f).await), (Ok(Spent::Allowed(f.token)), (4, 0)));
}
