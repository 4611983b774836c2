//! A store that is not open yet, fails, or does not answer: what is refused, which grants may still be used, and that all
//! is fresh again after it.

use std::task::Poll;

use super::*;

const GRACE: Duration = Duration::from_secs(60);

/// A token whose grant was read at second 10, and whose store fails from then on.
async fn in_an_outage() -> Fixture {
    let f = fixture_with(Outage::new(GRACE)).await;
    look_up(&f.storage, f.digest, now(10)).await.unwrap();
    set_down(&f, true);
    f
}

fn set_down(f: &Fixture, down: bool) {
    f.probe.down.store(down, Ordering::SeqCst);
}

fn is_known(f: &Fixture, seconds: u64) -> bool {
    f.storage.cached_grant(&f.digest, now(seconds).mono).is_some()
}

async fn is_found(f: &Fixture, digest: TokenDigest, seconds: u64) -> Result<bool, Unavailable> {
    look_up(&f.storage, digest, now(seconds)).await.map(|grant| grant.is_some())
}

/// A storage whose store is not open yet.
fn closed() -> Storage {
    Storage::with(GrantCache::new(8, MAX_AGE), Arc::default(), None, RateChecks::default())
}

/// As another instance does it.
async fn change_elsewhere(f: &Fixture, command: Command) {
    let store: &dyn Store = &f.probe.inner;
    audit::change_unrecorded(Some(store), &Outage::default(), command, Timestamp::default()).await.unwrap();
}

const UNKNOWN: TokenDigest = TokenDigest::from_bytes([1; 32]);

#[tokio::test]
async fn before_the_store_is_open_nothing_is_available_and_then_all_is() {
    let storage = closed();
    let list = || manage(&storage, Command::ListProjects(Page::default()));
    assert!(storage.token_key().get().is_none());
    assert!(look_up(&storage, UNKNOWN, now(0)).await.is_err());
    assert!(matches!(list().await, Err(CommandError::StoreUnavailable)));
    let health = storage.perform(StoreEffect::CheckHealth, now(0)).await;
    assert!(matches!(health, StoreOutcome::Health(Health { store: Component::Down, .. })));
    storage.fill(Box::new(MemoryStore::new().unwrap())).await.unwrap();
    assert!(storage.token_key().get().is_some());
    assert!(look_up(&storage, UNKNOWN, now(0)).await.unwrap().is_none());
    assert!(list().await.is_ok());
}

#[tokio::test]
async fn uses_that_were_counted_before_the_store_is_open_are_kept() {
    let f = fixture().await;
    let storage = closed();
    storage.note_use(f.token, Timestamp::from_micros(7));
    storage.flush(now(0)).await;
    storage.fill(Box::new(Arc::clone(&f.probe))).await.unwrap();
    storage.flush(now(0)).await;
    let Ok(Reply::Token(token)) = manage(&storage, Command::GetToken(f.token)).await else { panic!() };
    assert_eq!(token.request_count, 1);
}

#[tokio::test]
async fn a_grant_that_is_known_serves_within_the_grace_and_no_longer() {
    let f = in_an_outage().await;
    assert!(!is_known(&f, 15), "nobody has noticed the outage");
    assert_eq!(is_found(&f, f.digest, 15).await, Ok(true));
    assert!(is_known(&f, 69));
    assert!(!is_known(&f, 70));
    assert_eq!(is_found(&f, f.digest, 70).await, Err(Unavailable));
}

#[tokio::test]
async fn within_the_grace_a_known_token_does_not_wait_for_the_store() {
    let f = in_an_outage().await;
    look_up(&f.storage, f.digest, now(15)).await.unwrap();
    let outcome = f.storage.perform_now(&StoreEffect::FindGrant(f.digest.into()), now(16));
    assert!(matches!(outcome, Some(StoreOutcome::Grant(Ok(Some(_))))));
}

#[tokio::test]
async fn without_a_grace_a_grant_is_refused_as_soon_as_it_is_too_old() {
    let f = fixture().await;
    look_up(&f.storage, f.digest, now(10)).await.unwrap();
    set_down(&f, true);
    assert_eq!(is_found(&f, f.digest, 14).await, Ok(true));
    assert_eq!(is_found(&f, f.digest, 15).await, Err(Unavailable));
}

#[tokio::test]
async fn a_token_that_is_not_known_or_is_limited_gets_nothing_from_the_grace() {
    let f = in_an_outage().await;
    look_up(&f.storage, f.digest, now(15)).await.unwrap();
    assert_eq!(is_found(&f, UNKNOWN, 16).await, Err(Unavailable));
    let spent = f.storage.perform(StoreEffect::Spend(f.token), now(16)).await;
    assert!(matches!(spent, StoreOutcome::Spent(Err(Unavailable))));
}

#[tokio::test]
async fn no_such_token_is_an_answer_and_begins_no_outage() {
    let f = fixture_with(Outage::new(GRACE)).await;
    look_up(&f.storage, f.digest, now(10)).await.unwrap();
    assert_eq!(is_found(&f, UNKNOWN, 15).await, Ok(false));
    assert!(!is_known(&f, 15));
}

#[tokio::test]
async fn a_token_that_was_deleted_elsewhere_does_not_come_back_in_an_outage() {
    let f = fixture_with(Outage::new(GRACE)).await;
    look_up(&f.storage, f.digest, now(10)).await.unwrap();
    // This one hears of it by a look-up only.
    change_elsewhere(&f, Command::DeleteProject(f.project)).await;
    assert_eq!(is_found(&f, f.digest, 15).await, Ok(false));
    set_down(&f, true);
    assert_eq!(is_found(&f, f.digest, 16).await, Err(Unavailable));
}

#[tokio::test]
async fn a_change_on_this_instance_acts_at_once_in_an_outage_too() {
    let f = in_an_outage().await;
    look_up(&f.storage, f.digest, now(15)).await.unwrap();
    // What became of it is not known: it may be done.
    assert!(manage(&f.storage, Command::RevokeToken(f.token)).await.is_err());
    assert!(!is_known(&f, 16));
    assert_eq!(is_found(&f, f.digest, 16).await, Err(Unavailable));
}

#[tokio::test]
async fn after_the_outage_everything_is_read_anew() {
    let f = in_an_outage().await;
    look_up(&f.storage, f.digest, now(15)).await.unwrap();
    change_elsewhere(&f, Command::RevokeToken(f.token)).await;
    set_down(&f, false);
    assert!(is_known(&f, 20), "nobody has noticed the end");
    f.storage.watch(now(20).mono).await;
    assert!(!is_known(&f, 20));
    assert!(!look_up(&f.storage, f.digest, now(20)).await.unwrap().unwrap().token_active);
}

#[tokio::test]
async fn a_look_up_that_gets_no_answer_is_a_failure_and_may_be_answered_from_memory() {
    let f = fixture_with(Outage::new(GRACE)).await;
    look_up(&f.storage, f.digest, now(10)).await.unwrap();
    f.probe.hold_answers();
    let effect = StoreEffect::FindGrant(f.digest.into());
    let mut hangs = Box::pin(f.storage.perform(effect.clone(), now(15)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(hangs.as_mut().poll(cx))).await.is_pending());
    let outcome = f.storage.give_up(&effect, now(15), now(19));
    assert!(matches!(outcome, Some(StoreOutcome::Grant(Ok(Some(_))))));
    assert!(is_known(&f, 20), "the next does not wait");
    let unknown = f.storage.give_up(&StoreEffect::FindGrant(UNKNOWN.into()), now(15), now(19));
    assert!(matches!(unknown, Some(StoreOutcome::Grant(Err(Unavailable)))));
    let health = f.storage.give_up(&StoreEffect::CheckHealth, now(15), now(19));
    assert!(matches!(health, Some(StoreOutcome::Health(Health { store: Component::Down, .. }))));
}

#[tokio::test]
async fn what_changes_the_store_is_never_given_up() {
    let f = fixture().await;
    for effect in [StoreEffect::Spend(f.token), managing(Command::RevokeToken(f.token))] {
        assert!(f.storage.give_up(&effect, now(0), now(9)).is_none());
    }
}

#[tokio::test]
async fn a_store_that_works_is_left_alone_unless_the_grace_needs_its_last_answer() {
    let without = fixture().await;
    without.storage.watch(now(30).mono).await;
    assert_eq!(without.probe.look_ups.load(Ordering::SeqCst), 0);
    let with = fixture_with(Outage::new(GRACE)).await;
    look_up(&with.storage, with.digest, now(10)).await.unwrap();
    with.storage.watch(now(100).mono).await;
    set_down(&with, true);
    look_up(&with.storage, with.digest, now(101)).await.unwrap();
    assert!(is_known(&with, 159) && !is_known(&with, 160), "the grace counts from the last answer, whoever asked");
}

#[tokio::test]
async fn a_store_that_takes_no_changes_is_tried_with_an_empty_one_until_it_does() {
    let f = fixture().await;
    set_down(&f, true);
    f.storage.perform(StoreEffect::Spend(f.token), now(1)).await;
    set_down(&f, false);
    f.storage.watch(now(2).mono).await;
    f.storage.watch(now(3).mono).await;
    assert_eq!((f.probe.batches.lock().unwrap().clone(), f.probe.look_ups.load(Ordering::SeqCst)), (vec![0], 0));
}
