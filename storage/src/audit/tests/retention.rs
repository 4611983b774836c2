//! Old events leave the database, and what remains can still be verified.

use super::*;

/// A writer whose database keeps events for `seconds`.
async fn keeping(place: &Place, store: &dyn Store, seconds: u64) -> Writer {
    let retention = Duration::from_secs(seconds);
    let writer = Writer::open(&AuditConfig { retention, ..config(Some(place.path.clone())) }, Arc::default()).unwrap();
    writer.begin(Some(store)).await.unwrap();
    writer
}

fn at_time(seconds: u64, id: &str) -> Draft {
    Draft { at: at(seconds), ..refused(id) }
}

async fn verify(store: &dyn Store) {
    crate::audit::verify::verify_store(store).await.unwrap();
}

#[tokio::test]
async fn old_events_go_in_batches_and_an_event_anchors_the_rest() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = keeping(&place, &store, 100).await;
    for n in 0..700 {
        writer.record(Some(&store), at_time(1, &n.to_string())).await.unwrap();
    }
    writer.record(Some(&store), at_time(150, "young")).await.unwrap();
    writer.flush(Some(&store), now(50)).await;
    assert_eq!(stored(&store).await.len(), 702);
    for seconds in [200, 201, 202] {
        writer.flush(Some(&store), now(seconds)).await;
        verify(&store).await;
    }

    let left = stored(&store).await;
    let actions: Vec<_> = left.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["project.create", "audit.prune", "audit.prune"]);
    let count = |event: &Event| event.metadata.as_ref().unwrap()["count"].as_u64();
    assert_eq!((count(&left[1]), count(&left[2])), (Some(500), Some(201)));
    writer.close().await;
    assert_eq!(place.events().len(), 704, "the file keeps all");
    place.verified();
}

#[tokio::test]
async fn an_anchor_outlives_the_event_that_held_it() {
    let (quiet, busy, store) = (Place::new(), Place::new(), MemoryStore::new().unwrap());
    // The one instance has an event at the beginning and one much later.
    let other = keeping(&quiet, &store, 0).await;
    other.record(Some(&store), at_time(1, "old")).await.unwrap();
    other.flush(Some(&store), now(1)).await;
    let writer = keeping(&busy, &store, 100).await;
    writer.flush(Some(&store), now(150)).await;
    other.record(Some(&store), at_time(1000, "late")).await.unwrap();
    other.flush(Some(&store), now(1000)).await;
    verify(&store).await;

    writer.flush(Some(&store), now(1050)).await;

    let left = stored(&store).await;
    assert!(left.iter().any(|event| event.request_id.as_deref() == Some("late")));
    assert!(left.iter().all(|event| event.timestamp >= at(950)), "{left:#?}");
    verify(&store).await;
}

#[tokio::test]
async fn nothing_goes_where_all_is_kept() {
    let (place, store) = (Place::new(), MemoryStore::new().unwrap());
    let writer = keeping(&place, &store, 0).await;
    writer.record(Some(&store), at_time(1, "old")).await.unwrap();
    writer.flush(Some(&store), now(1_000_000_000)).await;
    assert_eq!(stored(&store).await.len(), 2);
}
