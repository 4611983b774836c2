//! Starts, stops, outages and rotation: the database gets what the file has, and chains hang together.

use super::faults::Failing;
use super::*;
use crate::audit::journal::MOST_PENDING;

async fn started(place: &Place, store: &dyn Store) -> Writer {
    writer(place, &Knobs::default(), store).await
}

/// A writer as after a restart, on the file that is there.
async fn restarted(place: &Place, store: &dyn Store) -> Writer {
    writer_from(100, place, &Knobs::default(), store).await
}

async fn record(writer: &Writer, store: &dyn Store, id: &str) {
    writer.record(Some(store), refused(id)).await.unwrap();
}

fn actions(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.action.as_str()).collect()
}

fn previous(event: &Event) -> serde_json::Value {
    event.metadata.as_ref().unwrap().get("previous").cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_run_begins_with_a_start_and_ends_with_a_stop() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = started(&place, &store).await;
    record(&writer, &store, "one").await;
    writer.finish(Some(&store), at(5)).await;
    assert_eq!(writer.record(Some(&store), refused("late")).await, Err(Unwritten));
    assert!(change(&writer, &store, create_project("late"), "late").await.is_err());
    writer.note(now(6), refused("late"));
    // Also one that was under way at the stop.
    assert_eq!(writer.journal.write(vec![refused("late")]).await, Err(Unwritten));
    writer.close().await;

    let events = place.events();
    assert_eq!(actions(&events), ["server.start", "project.create", "server.stop"]);
    assert_eq!(events[0].metadata.clone().unwrap().get("version"), Some(&"1.2.3".into()));
    assert_same(&store, &events).await;
    place.verified();
}

#[tokio::test]
async fn a_start_names_the_last_event_before_it_also_after_a_kill_in_the_middle_of_a_line() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let first = started(&place, &store).await;
    record(&first, &store, "one").await;
    first.close().await;
    let mut bytes = place.bytes();
    bytes.extend(b"{\"id\":\"0198");
    fs::write(&place.path, bytes).unwrap();

    let second = restarted(&place, &store).await;
    second.close().await;

    let events = place.events();
    assert_eq!(actions(&events), ["server.start", "project.create", "server.start"]);
    assert_eq!(previous(&events[2])["hash"], events[1].hash);
    assert_eq!(place.verified().chains, 2);
}

#[tokio::test]
async fn what_the_database_lacks_of_the_file_is_given_to_it_at_the_next_start() {
    for missed in [0, 1, 7, 300] {
        let (place, store) = (Place::new(), MemoryStore::new().unwrap());
        let first = started(&place, &store).await;
        for n in 0..20 {
            record(&first, &store, &n.to_string()).await;
        }
        first.flush(Some(&store), now(1)).await;
        for n in 0..missed {
            // On disk, and the process is killed before a flush.
            record(&first, &store, &format!("missed {n}")).await;
        }
        first.close().await;

        let second = restarted(&place, &store).await;
        second.close().await;
        assert_same(&store, &place.events()).await;
    }
}

#[tokio::test]
async fn a_new_database_gets_the_whole_file() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let first = started(&place, &store).await;
    for n in 0..50 {
        record(&first, &store, &n.to_string()).await;
    }
    first.close().await;
    let other = MemoryStore::new().unwrap();
    restarted(&place, &other).await.close().await;
    assert_same(&other, &place.events()).await;
}

#[tokio::test]
async fn a_new_file_follows_on_the_database() {
    let (place, other, store) = (Place::new(), Place::new(), MemoryStore::new().unwrap());
    let first = started(&place, &store).await;
    first.finish(Some(&store), at(1)).await;
    let second = restarted(&other, &store).await;
    second.close().await;
    assert_eq!(previous(&other.events()[0])["hash"], place.events()[1].hash);
    assert_eq!(previous(&other.events()[0])["in"], "database");
    other.verified();
}

#[tokio::test]
async fn more_than_memory_holds_is_read_from_the_file_again_also_across_a_rotation() {
    let (place, knobs, store_knobs) = (Place::new(), Knobs::default(), Knobs::default());
    let store = Failing::new(&store_knobs);
    let writer = writer(&place, &knobs, &store).await;
    let moved = place.path.with_extension("1");
    store_knobs.fail(0, u64::MAX);
    for n in 0..MOST_PENDING + 300 {
        record(&writer, &store, &n.to_string()).await;
        if n == MOST_PENDING + 100 {
            writer.flush(Some(&store), now(1)).await;
            assert!(!writer.is_well());
            fs::rename(&place.path, &moved).unwrap();
        }
    }
    store_knobs.heal();
    change(&writer, &store, create_project("alpha"), "change").await.unwrap();
    assert!(writer.is_well());
    writer.close().await;

    let mut all = events_in(&moved);
    let rest = place.events();
    assert_eq!((rest[0].action.as_str(), rest.len()), ("audit.prune", 201));
    all.extend(rest);
    assert_same(&store.inner, &all).await;
}

#[tokio::test]
async fn a_file_that_follows_on_one_that_was_moved_verifies_alone_and_after_it() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = started(&place, &store).await;
    record(&writer, &store, "one").await;
    let moved = place.path.with_extension("1");
    fs::rename(&place.path, &moved).unwrap();
    record(&writer, &store, "two").await;
    writer.finish(Some(&store), at(2)).await;
    writer.close().await;

    assert_eq!(actions(&place.events()), ["audit.prune", "project.create", "server.stop"]);
    place.verified();
    let all = [fs::read(moved).unwrap(), place.bytes()].concat();
    assert_eq!(verified(&all).chains, 1);
    assert_eq!(stored(&store).await.len(), 5);
}

#[tokio::test]
async fn denials_are_folded_and_their_counts_are_written_at_the_stop() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = started(&place, &store).await;
    let denied = || Draft { action: Action::ProxyRequest, outcome: Outcome::Denied, ..refused("denied") };
    (0..5).for_each(|_| writer.note(now(1), denied()));
    writer.flush(Some(&store), now(62)).await;
    (0..3).for_each(|_| writer.note(now(63), denied()));
    writer.finish(Some(&store), at(64)).await;
    writer.close().await;

    let events = place.events();
    assert_eq!(actions(&events), ["server.start", "proxy_request", "proxy_request", "proxy_request", "server.stop"]);
    assert_eq!(events.iter().map(|event| event.count).collect::<Vec<_>>(), [None, None, Some(4), Some(3), None]);
    assert_same(&store, &events).await;
}

#[tokio::test]
async fn what_is_noted_before_the_start_comes_after_it() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = Writer::open(&config(Some(place.path.clone())), Arc::default()).unwrap();
    writer.note(now(0), refused("early"));
    assert_eq!(writer.record(Some(&store), refused("call")).await, Err(Unwritten));
    writer.begin(Some(&store)).await.unwrap();
    writer.close().await;
    let events = place.events();
    assert_eq!(actions(&events), ["server.start", "project.create", "project.create"]);
    assert_eq!(events[2].reason.as_deref(), Some("audit_unavailable"));
}

#[tokio::test]
async fn without_the_database_the_file_is_all() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let config = AuditConfig { in_database: false, ..config(Some(place.path.clone())) };
    let writer = Writer::open(&config, Arc::default()).unwrap();
    writer.begin(Some(&store)).await.unwrap();
    change(&writer, &store, create_project("alpha"), "change").await.unwrap();
    writer.finish(Some(&store), at(1)).await;
    writer.close().await;
    assert_eq!(actions(&place.events()), ["server.start", "project.create", "server.stop"]);
    assert!(stored(&store).await.is_empty());
}

#[tokio::test]
async fn without_a_file_a_call_waits_for_the_database() {
    let knobs = Knobs::default();
    let store = Failing::new(&knobs);
    let writer = Writer::open(&config(None), Arc::default()).unwrap();
    writer.begin(Some(&store)).await.unwrap();
    record(&writer, &store, "one").await;
    change(&writer, &store, create_project("alpha"), "two").await.unwrap();
    assert_eq!(stored(&store.inner).await.len(), 3);

    knobs.fail(0, u64::MAX);
    assert_eq!(writer.record(Some(&store), refused("three")).await, Err(Unwritten));
    assert!(change(&writer, &store, create_project("beta"), "four").await.is_err());
    knobs.heal();
    writer.finish(Some(&store), at(1)).await;

    let events = stored(&store.inner).await;
    let told: Vec<_> = events.iter().map(|event| (event.request_id.as_deref(), event.reason.as_deref())).collect();
    let expected = [
        (None, None),
        (Some("one"), Some("invalid_request")),
        (Some("two"), None),
        (Some("three"), Some("invalid_request")),
        (Some("three"), Some("audit_unavailable")),
        (Some("four"), Some("store_unavailable")),
        (None, None),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_a_killed_instance_had_not_given_is_given_also_where_another_went_on_in_the_file() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let (killed, other) = (started(&place, &store).await, restarted(&place, &store).await);
    for n in 0..3 {
        record(&killed, &store, &format!("killed {n}")).await;
    }
    killed.close().await;
    for n in 0..30 {
        record(&other, &store, &format!("other {n}")).await;
    }
    other.flush(Some(&store), now(200)).await;
    assert!(store.events_after(None, 100).await.unwrap().len() < place.events().len());

    let next = restarted(&place, &store).await;
    next.close().await;
    let mut written = place.events();
    written.sort_unstable_by_key(|event| event.id);
    assert_eq!(store.events_after(None, 100).await.unwrap(), written);
    other.close().await;
    place.verified();
}
