//! Each operation of file and store fails in turn, until a run passes untouched. After each: what was acknowledged is
//! in the file, the chain verifies, no change is without an event, and the database holds a prefix of the file.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use llm_proxy_core::auth::{Grant, TokenDigest, TokenKey};
use llm_proxy_core::ids::{ChainId, EventId, TokenId};
use llm_proxy_core::manage::{EventFilter, EventPage};
use llm_proxy_core::quota::{Lease, Settlement};

use super::*;
use crate::import::{ImportBatch, ImportReport};
use crate::store::{
    ChangeBatch, ChangeError, EventList, ExecuteError, NotSealed, Seal, SettleError, StoreError, StoreFuture, TokenUse,
};

/// A memory store whose steps can be made to fail.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) inner: MemoryStore,
    pub(super) knobs: Knobs,
}

impl std::fmt::Debug for Knobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Knobs")
    }
}

impl Failing {
    pub(super) fn new(knobs: &Knobs) -> Self {
        Self { inner: MemoryStore::new().unwrap(), knobs: knobs.clone() }
    }

    fn step(&self) -> Result<(), StoreError> {
        if self.knobs.step() { Ok(()) } else { Err(StoreError::Corrupt("the test")) }
    }
}

impl Store for Failing {
    fn token_key(&self) -> &TokenKey {
        self.inner.token_key()
    }

    fn find_grant(&self, digest: TokenDigest) -> StoreFuture<'_, Result<Option<Grant>, StoreError>> {
        self.inner.find_grant(digest)
    }

    fn lease(&self, token: TokenId, wanted: NonZeroU64) -> StoreFuture<'_, Result<Option<Lease>, StoreError>> {
        self.inner.lease(token, wanted)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> StoreFuture<'a, Result<(), SettleError>> {
        self.inner.settle(settlements)
    }

    fn add_uses<'a>(&'a self, uses: &'a [TokenUse]) -> StoreFuture<'a, Result<(), SettleError>> {
        self.inner.add_uses(uses)
    }

    fn read(&self, command: Command, at: Timestamp) -> StoreFuture<'_, Result<Reply, ExecuteError>> {
        Box::pin(async move {
            self.step()?;
            self.inner.read(command, at).await
        })
    }

    /// It fails to begin, to insert the events, or to say whether it has committed.
    fn change(&self, batch: ChangeBatch) -> StoreFuture<'_, Result<(), ChangeError>> {
        Box::pin(async move {
            self.step()?;
            let (knobs, seal) = (self.knobs.clone(), batch.seal);
            let seal: Seal = Box::new(move |results| {
                Box::pin(async move {
                    let events = seal(results).await?;
                    if knobs.step() { Ok(events) } else { Err(NotSealed) }
                })
            });
            match self.inner.change(ChangeBatch { calls: batch.calls, seal }).await {
                Ok(()) => Ok(self.step()?),
                Err(error) => Err(error),
            }
        })
    }

    fn add_events<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.step()?;
            self.inner.add_events(events).await?;
            self.step()
        })
    }

    fn list_events(&self, filter: EventFilter, page: EventPage) -> StoreFuture<'_, Result<EventList, StoreError>> {
        self.inner.list_events(filter, page)
    }

    fn get_event(&self, id: EventId) -> StoreFuture<'_, Result<Option<Event>, StoreError>> {
        Box::pin(async move {
            self.step()?;
            self.inner.get_event(id).await
        })
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
        Box::pin(async { self.step() })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.inner.close()
    }
}

/// What the callers saw: how each call ended, by the id of its request.
type Seen = BTreeMap<String, Result<(), &'static str>>;

fn seen<T>(answer: &Result<T, CommandError>) -> Result<(), &'static str> {
    match answer {
        Ok(_) => Ok(()),
        Err(CommandError::AuditUnavailable) => Err("audit_unavailable"),
        Err(CommandError::StoreUnavailable) => Err("store_unavailable"),
        Err(_) => Err("project_name_taken"),
    }
}

/// Some calls, one after the other; the laws hold after each of them.
async fn calls(writer: &Writer, store: &Failing, place: &Place) -> Seen {
    let mut all = Seen::new();
    for n in 0..4 {
        // Every second name is taken, if the call before it was done.
        let name = format!("project {}", n / 2);
        let id = format!("change {n}");
        let answer = change(writer, store, create_project(&name), &id).await;
        all.insert(id, seen(&answer));
        assert_prefix(store, place).await;
        let id = format!("refused {n}");
        let answer = writer.record(Some(store), refused(&id)).await;
        all.insert(id, answer.map_err(|Unwritten| "audit_unavailable"));
        writer.flush(Some(store), now(n)).await;
        assert_prefix(store, place).await;
    }
    all
}

async fn assert_prefix(store: &Failing, place: &Place) {
    let text = String::from_utf8(place.bytes()).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let in_file: Vec<Event> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let in_store = stored(&store.inner).await;
    assert!(in_file.starts_with(&in_store), "{:#?} {:#?}", ids(&in_file), ids(&in_store));
}

fn assert_acknowledged(seen: &Seen, events: &[Event]) {
    for (id, answer) in seen {
        let of_call: Vec<&Event> = events.iter().filter(|event| event.request_id.as_ref() == Some(id)).collect();
        let corrects = |event: &Event| event.metadata.as_ref().and_then(|all| all.get("corrects").cloned());
        match of_call.as_slice() {
            [one] => assert_eq!(corrects(one), None, "{id}"),
            [first, second] => assert_eq!(corrects(second), Some(first.id.to_string().into()), "{id}"),
            other => panic!("{id}: {other:?}"),
        }
        let last = of_call.last().unwrap();
        match answer {
            Ok(()) => assert!(matches!(last.outcome.as_str(), "success" | "failure"), "{id}: {last:?}"),
            Err("project_name_taken") => assert_eq!(last.reason.as_deref(), Some("project_name_taken"), "{id}"),
            Err(reason) => {
                assert_eq!((last.outcome.as_str(), last.reason.as_deref()), ("error", Some(*reason)), "{id}");
            }
        }
    }
}

/// A change that is in the store has an event that names it.
async fn assert_no_change_without_event(store: &Failing, events: &[Event]) {
    let Ok(Reply::Projects(projects, _)) = store.inner.read(Command::ListProjects(Page::default()), at(9)).await else {
        panic!("another kind of reply")
    };
    for project in projects {
        let is_of_it = |event: &&Event| event.action == "project.create" && event.project_id == Some(project.id);
        assert_eq!(events.iter().find(is_of_it).map(|event| event.outcome.as_str()), Some("success"));
    }
}

/// Whether the plan was carried out.
async fn run(good: u64, bad: u64) -> bool {
    let (place, knobs) = (Place::new(), Knobs::default());
    let store = Failing::new(&knobs);
    let writer = writer(&place, &knobs, &store).await;
    knobs.fail(good, bad);

    let seen = calls(&writer, &store, &place).await;
    let was_carried_out = knobs.is_done();
    knobs.heal();
    writer.flush(Some(&store), now(10)).await;
    writer.journal.file_length().await;
    assert!(writer.is_well(), "after what the flush began");
    writer.finish(Some(&store), at(11)).await;
    writer.close().await;

    let events = place.events();
    assert_acknowledged(&seen, &events);
    assert_no_change_without_event(&store, &events).await;
    assert_eq!(place.verified().events, u64::try_from(events.len()).unwrap());
    assert_same(&store.inner, &events).await;
    was_carried_out
}

#[tokio::test]
async fn whatever_fails_once_what_was_acknowledged_is_on_record() {
    for bad in 1..=4 {
        let mut good = 0;
        while run(good, bad).await {
            good += 1;
            assert!(good < 500, "the calls do not end");
        }
        assert!(good > 20, "too few operations failed: {good}");
    }
}

#[tokio::test]
async fn a_change_is_refused_and_not_made_while_the_file_is_full() {
    let (place, knobs) = (Place::new(), Knobs::default());
    let store = MemoryStore::new().unwrap();
    let writer = writer(&place, &knobs, &store).await;
    knobs.fail(0, u64::MAX);

    let refused = change(&writer, &store, create_project("alpha"), "first").await;
    assert!(matches!(refused, Err(CommandError::AuditUnavailable)));
    assert!(!writer.is_well());
    let Ok(Reply::Projects(projects, 0)) = store.read(Command::ListProjects(Page::default()), at(1)).await else {
        panic!("a project was made")
    };
    assert!(projects.is_empty());

    knobs.heal();
    assert!(change(&writer, &store, create_project("alpha"), "second").await.is_ok());
    assert!(writer.is_well());
    writer.close().await;
    let outcomes: Vec<_> = place.events().into_iter().map(|event| (event.request_id, event.reason)).collect();
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(outcomes, [(None, None), (id("first"), id("audit_unavailable")), (id("second"), None)]);
}
