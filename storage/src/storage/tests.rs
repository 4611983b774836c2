//! What stands in front of a store: cached grants and changes, failures, counted uses.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use llm_proxy_core::audit::{Actor, Event, RequestFacts, Shown};
use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::manage::{
    CallFacts, Command, CommandError, EventFilter, EventPage, NewProject, NewToken, Page, ProjectChange, Reply,
    TokenChange,
};
use llm_proxy_core::quota::{Lease, Settlement};
use llm_proxy_core::secret::Secret;
use tokio::sync::Semaphore;

mod outages;
mod rates;
mod spending;

use super::*;
use crate::audit;
use crate::config::{AuditConfig, Database};
use crate::import::{ImportBatch, ImportReport};
use crate::memory::MemoryStore;
use crate::store::{ChangeBatch, ChangeError, EventList, ExecuteError, SettleError, StoreFuture};

const MAX_AGE: Duration = Duration::from_secs(5);

/// A memory store that counts look-ups, can be made to fail, can hold a look-up between reading and answering, and can
/// do a change without ever saying so.
#[derive(Debug)]
struct Probe {
    inner: MemoryStore,
    look_ups: AtomicU64,
    leases: AtomicU64,
    settles: AtomicU64,
    down: AtomicBool,
    lose_replies: AtomicBool,
    batches: Mutex<Vec<usize>>,
    read: Semaphore,
    leased: Semaphore,
    answer: Semaphore,
}

impl Probe {
    fn new() -> Self {
        Self {
            inner: MemoryStore::new().unwrap(),
            look_ups: AtomicU64::new(0),
            leases: AtomicU64::new(0),
            settles: AtomicU64::new(0),
            down: AtomicBool::new(false),
            lose_replies: AtomicBool::new(false),
            batches: Mutex::default(),
            read: Semaphore::new(0),
            leased: Semaphore::new(0),
            answer: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::Database(sqlx::Error::PoolTimedOut)) } else { Ok(()) }
    }

    /// From now on a look-up waits for a permit of `answer`.
    fn hold_answers(&self) {
        self.answer.forget_permits(Semaphore::MAX_PERMITS);
    }
}

impl Store for Arc<Probe> {
    fn token_key(&self) -> &TokenKey {
        self.inner.token_key()
    }

    fn find_grant(&self, digest: TokenDigest) -> StoreFuture<'_, Result<Option<Grant>, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.look_ups.fetch_add(1, Ordering::SeqCst);
            let found = self.inner.find_grant(digest).await;
            self.read.add_permits(1);
            self.answer.acquire().await.unwrap().forget();
            found
        })
    }

    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.leases.fetch_add(1, Ordering::SeqCst);
            let lease = self.inner.lease(token, wanted).await;
            self.leased.add_permits(1);
            self.answer.acquire().await.unwrap().forget();
            if self.lose_replies.load(Ordering::SeqCst) { Err(StoreError::Corrupt("the test")) } else { lease }
        })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>> {
        Box::pin(async move {
            self.check()?;
            self.settles.fetch_add(1, Ordering::SeqCst);
            let settled = self.inner.settle(settlements).await;
            let lost = self.lose_replies.load(Ordering::SeqCst);
            if lost { Err(SettleError::Unknown(StoreError::Corrupt("the test"))) } else { settled }
        })
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), SettleError>> {
        Box::pin(async move {
            self.check()?;
            self.batches.lock().unwrap().push(uses.len());
            self.inner.add_uses(uses).await
        })
    }

    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.read(command, at).await
        })
    }

    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>> {
        Box::pin(async move {
            self.check()?;
            let changed = self.inner.change(batch).await;
            if self.lose_replies.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            changed
        })
    }

    fn add_events<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>> {
        self.inner.add_events(events)
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>> {
        self.inner.list_events(filter, page)
    }

    fn get_event(&self, id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        self.inner.get_event(id)
    }

    fn events_after(&self, cursor: Option<EventId>, limit: u32) -> StoreFuture<'_, Result<Vec<Event>, StoreError>> {
        self.inner.events_after(cursor, limit)
    }

    fn last_event(&self, chain: Option<ChainId>) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        self.inner.last_event(chain)
    }

    fn prune_events<'a>(&'a self, ids: &'a [EventId]) -> StoreFuture<'a, Result<(), StoreError>> {
        self.inner.prune_events(ids)
    }

    fn import(&self, batch: ImportBatch) -> StoreFuture<'_, Result<ImportReport, StoreError>> {
        self.inner.import(batch)
    }

    fn ping(&self) -> StoreFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.check() })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct Fixture {
    storage: Storage,
    probe: Arc<Probe>,
    project: llm_proxy_core::ids::ProjectId,
    token: TokenId,
    digest: TokenDigest,
}

async fn over(store: Box<dyn Store>, outage: Outage) -> Storage {
    let storage = Storage::with(GrantCache::new(100, MAX_AGE), Arc::new(outage), None, RateChecks::default());
    storage.fill(store).await.unwrap();
    storage
}

async fn fixture() -> Fixture {
    fixture_with(Outage::default()).await
}

async fn fixture_with(outage: Outage) -> Fixture {
    let probe = Arc::new(Probe::new());
    let storage = over(Box::new(Arc::clone(&probe)), outage).await;
    let new = NewProject { name: "p".into(), api_key: Secret::new("old key".into()), provider: "openai".into() };
    let Ok(Reply::ProjectCreated(project)) = manage(&storage, Command::CreateProject(new)).await else { panic!() };
    let (token, digest) = token_of(&storage, project.id).await;
    Fixture { storage, probe, project: project.id, token, digest }
}

async fn token_of(storage: &Storage, project_id: llm_proxy_core::ids::ProjectId) -> (TokenId, TokenDigest) {
    let lifetime = Duration::from_secs(3600);
    let new = NewToken { project_id, lifetime, max_requests: None, requests_per_minute: None };
    let Ok(Reply::TokenCreated(token, string)) = manage(storage, Command::CreateToken(new)).await else { panic!() };
    (token.id, storage.token_key().get().unwrap().digest(&string))
}

fn now(seconds: u64) -> Now {
    let mono = Instant::default() + Duration::from_secs(seconds);
    Now { mono, wall: Timestamp::default().plus(Duration::from_secs(seconds)) }
}

/// The effect of a management call.
fn managing(command: Command) -> StoreEffect {
    let request = RequestFacts {
        request_id: Shown::of("r"),
        correlation_id: Shown::of("r"),
        client_ip: IpAddr::from([192, 0, 2, 7]),
        method: Shown::of("GET"),
        path: Shown::of("/manage"),
        user_agent: None,
    };
    let facts = CallFacts::of(&command, Timestamp::default(), Actor::ManagementApi, Box::new(request));
    StoreEffect::Manage(command, Box::new(facts))
}

async fn manage(storage: &Storage, command: Command) -> Result<Reply, CommandError> {
    let StoreOutcome::Managed(reply) = storage.perform(managing(command), now(0)).await else {
        panic!("another kind of reply")
    };
    reply
}

async fn look_up(storage: &Storage, digest: TokenDigest, at: Now) -> Result<Option<Arc<Grant>>, Unavailable> {
    let StoreOutcome::Grant(grant) = storage.perform(StoreEffect::FindGrant(digest.into()), at).await else {
        panic!("another kind of reply")
    };
    grant
}

async fn key_at(fixture: &Fixture, at: Now) -> String {
    let grant = look_up(&fixture.storage, fixture.digest, at).await.unwrap().unwrap();
    grant.upstream_key.reveal().to_owned()
}

fn rotate() -> ProjectChange {
    ProjectChange { api_key: Some(Secret::new("new key".into())), ..ProjectChange::default() }
}

#[tokio::test]
async fn the_store_is_asked_once_within_the_grant_age() {
    let f = fixture().await;
    assert!(f.storage.cached_grant(&f.digest, now(0).mono).is_none());
    look_up(&f.storage, f.digest, now(0)).await.unwrap();
    look_up(&f.storage, f.digest, now(4)).await.unwrap();
    assert!(f.storage.cached_grant(&f.digest, now(4).mono).is_some());
    assert_eq!(f.probe.look_ups.load(Ordering::SeqCst), 1);
    look_up(&f.storage, f.digest, now(5)).await.unwrap();
    assert_eq!(f.probe.look_ups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_grant_is_found_anew_in_the_store_whatever_is_in_memory() {
    let f = fixture().await;
    look_up(&f.storage, f.digest, now(0)).await.unwrap();
    let anew = StoreEffect::FindGrantAnew(f.digest);
    assert!(f.storage.perform_now(&anew, now(1)).is_none());
    let StoreOutcome::Grant(Ok(Some(grant))) = f.storage.perform(anew, now(4)).await else { panic!("no grant") };
    assert_eq!((grant.token_id, f.probe.look_ups.load(Ordering::SeqCst)), (f.token, 2));
    assert!(f.storage.cached_grant(&f.digest, now(8).mono).is_some(), "it is kept for the next request");
}

#[tokio::test]
async fn look_ups_of_one_token_at_the_same_time_ask_the_store_once() {
    let f = fixture().await;
    f.probe.hold_answers();
    let look_ups: Vec<_> = (0..20)
        .map(|_| {
            let (storage, digest) = (f.storage.clone(), f.digest);
            tokio::spawn(async move { look_up(&storage, digest, now(0)).await.unwrap().is_some() })
        })
        .collect();
    f.probe.read.acquire().await.unwrap().forget();
    f.probe.answer.add_permits(20);
    for look_up in look_ups {
        assert!(look_up.await.unwrap());
    }
    assert_eq!(f.probe.look_ups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_look_up_that_is_given_up_ends_its_turn() {
    let f = fixture().await;
    f.probe.hold_answers();
    let mut given_up = Box::pin(look_up(&f.storage, f.digest, now(0)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx))).await.is_pending());
    drop(given_up);
    f.probe.answer.add_permits(1);
    assert!(look_up(&f.storage, f.digest, now(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn an_unknown_token_is_asked_for_each_time() {
    let f = fixture().await;
    let unknown = TokenDigest::from_bytes([1; 32]);
    for _ in 0..2 {
        assert!(look_up(&f.storage, unknown, now(0)).await.unwrap().is_none());
    }
    assert_eq!(f.probe.look_ups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn every_change_counts_from_the_next_look_up_on() {
    let f = fixture().await;
    let limits = TokenChange { requests_per_minute: Some(Some(5)), ..Default::default() };
    for command in [
        Command::UpdateProject(f.project, rotate()),
        Command::UpdateToken(f.token, limits),
        Command::RevokeToken(f.token),
        Command::RevokeProjectTokens(f.project),
        Command::DeleteProject(f.project),
    ] {
        look_up(&f.storage, f.digest, now(0)).await.unwrap();
        assert!(f.storage.cached_grant(&f.digest, now(0).mono).is_some());
        manage(&f.storage, command.clone()).await.unwrap();
        assert!(f.storage.cached_grant(&f.digest, now(0).mono).is_none(), "{command:?}");
    }
}

#[tokio::test]
async fn reads_and_new_records_leave_the_cache_alone() {
    let f = fixture().await;
    look_up(&f.storage, f.digest, now(0)).await.unwrap();
    manage(&f.storage, Command::ListProjects(Page::default())).await.unwrap();
    manage(&f.storage, Command::GetToken(f.token)).await.unwrap();
    token_of(&f.storage, f.project).await;
    assert!(f.storage.cached_grant(&f.digest, now(0).mono).is_some());
}

#[tokio::test]
async fn a_look_up_that_a_change_overtakes_is_not_kept() {
    let f = fixture().await;
    f.probe.hold_answers();
    let slow = tokio::spawn({
        let (storage, digest) = (f.storage.clone(), f.digest);
        async move { look_up(&storage, digest, now(0)).await }
    });
    // The look-up has read the old key and has not answered yet.
    f.probe.read.acquire().await.unwrap().forget();
    manage(&f.storage, Command::UpdateProject(f.project, rotate())).await.unwrap();
    f.probe.answer.add_permits(2);
    assert_eq!(slow.await.unwrap().unwrap().unwrap().upstream_key.reveal(), "old key");
    assert_eq!(key_at(&f, now(0)).await, "new key");
}

#[tokio::test]
async fn a_change_that_was_given_up_counts_as_perhaps_done() {
    let f = fixture().await;
    look_up(&f.storage, f.digest, now(0)).await.unwrap();
    f.probe.lose_replies.store(true, Ordering::SeqCst);
    let mut change = Box::pin(f.storage.perform(managing(Command::UpdateProject(f.project, rotate())), now(0)));
    let began = std::future::poll_fn(|cx| Poll::Ready(change.as_mut().poll(cx))).await;
    assert!(began.is_pending());
    drop(change);
    assert_eq!(key_at(&f, now(0)).await, "new key");
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_for_every_effect_and_recovers() {
    let f = fixture().await;
    f.probe.down.store(true, Ordering::SeqCst);
    let perform = |effect| f.storage.perform(effect, now(0));
    assert!(matches!(perform(StoreEffect::FindGrant(f.digest.into())).await, StoreOutcome::Grant(Err(Unavailable))));
    assert!(matches!(perform(StoreEffect::Spend(f.token)).await, StoreOutcome::Spent(Err(Unavailable))));
    assert!(matches!(
        perform(StoreEffect::CheckHealth).await,
        StoreOutcome::Health(Health { store: Component::Down, .. })
    ));
    assert!(matches!(
        perform(managing(Command::GetToken(f.token))).await,
        StoreOutcome::Managed(Err(CommandError::StoreUnavailable))
    ));
    f.probe.down.store(false, Ordering::SeqCst);
    f.storage.watch(now(3).mono).await;
    assert!(matches!(perform(StoreEffect::CheckHealth).await, StoreOutcome::Health(Health::UP)));
    assert!(look_up(&f.storage, f.digest, now(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn noted_uses_reach_the_store_at_the_flush_also_after_a_failed_one() {
    let f = fixture().await;
    f.storage.note_use(f.token, Timestamp::from_micros(7));
    f.probe.down.store(true, Ordering::SeqCst);
    f.storage.flush(now(0)).await;
    f.probe.down.store(false, Ordering::SeqCst);
    f.storage.note_use(f.token, Timestamp::from_micros(6));
    f.storage.close(now(0)).await;
    let Ok(Reply::Token(token)) = manage(&f.storage, Command::GetToken(f.token)).await else { panic!() };
    assert_eq!((token.request_count, token.last_used_at), (2, Some(Timestamp::from_micros(7))));
    f.storage.flush(now(0)).await;
    assert_eq!(*f.probe.batches.lock().unwrap(), [1]);
}

#[tokio::test]
async fn printing_shows_no_key() {
    let storage = over(Box::new(MemoryStore::new().unwrap()), Outage::default()).await;
    let printed = format!("{storage:?}");
    assert!(
        printed.starts_with("Storage(Shared { store: OnceLock(MemoryStore { projects: 0, tokens: 0, events: 0 })"),
        "{printed}"
    );
}

async fn audited(folder: &tempfile::TempDir) -> Storage {
    let audit = AuditConfig {
        file: Some(folder.path().join("audit.log")),
        make_folder: true,
        in_database: true,
        retention: Duration::ZERO,
        started_at: now(0).wall,
        version: "1.2.3",
        runtime: "tokio",
    };
    Storage::open(StorageConfig { audit: Some(audit), ..StorageConfig::new(Database::Memory) }).await.unwrap()
}

fn events_in(folder: &tempfile::TempDir) -> Vec<Event> {
    let text = std::fs::read_to_string(folder.path().join("audit.log")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn who_lists_events_finds_those_of_all_calls_before() {
    let folder = tempfile::TempDir::new().unwrap();
    let storage = audited(&folder).await;
    manage(&storage, Command::ListProjects(Page::default())).await.unwrap();
    let draft = Draft::of_system(now(1).wall, llm_proxy_core::audit::Action::AdminAccess);
    let recorded = storage.perform(StoreEffect::Record(Box::new(draft.clone())), now(1)).await;
    assert!(matches!(recorded, StoreOutcome::Recorded(Ok(()))));

    let page = EventPage { page: 1, page_size: 10, as_of: None };
    let list = Command::ListEvents(Box::default(), page);
    let Ok(Reply::Events(events, 3, _)) = manage(&storage, list).await else { panic!("another kind of reply") };
    let actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["admin.access", "project.list", "server.start"]);

    storage.audit(draft, now(2));
    storage.close(now(3)).await;
    let actions: Vec<String> = events_in(&folder).into_iter().map(|event| event.action).collect();
    assert_eq!(actions[3..], ["audit.list", "admin.access", "server.stop"]);
}

#[tokio::test]
async fn an_audit_log_that_cannot_be_opened_anew_is_told_in_the_health_until_it_can() {
    let folder = tempfile::TempDir::new().unwrap();
    let storage = audited(&folder).await;
    let health = || async {
        let StoreOutcome::Health(health) = storage.perform(StoreEffect::CheckHealth, now(1)).await else {
            panic!("another outcome")
        };
        health
    };
    let path = folder.path().join("audit.log");
    std::fs::rename(&path, folder.path().join("audit.1")).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refused = manage(&storage, Command::ListProjects(Page::default())).await;
    assert!(matches!(refused, Err(CommandError::AuditUnavailable)));
    assert_eq!(health().await, Health { store: Component::Up, audit: Component::Down, redis: None });

    std::fs::remove_dir(&path).unwrap();
    manage(&storage, Command::ListProjects(Page::default())).await.unwrap();
    assert_eq!(health().await, Health::UP);
    let reasons: Vec<Option<String>> = events_in(&folder).into_iter().map(|event| event.reason).collect();
    assert_eq!(reasons, [None, Some("audit_unavailable".to_owned()), None]);
}
