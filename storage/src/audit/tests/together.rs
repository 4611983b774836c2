//! Many calls at the same time: one event each, and few syncs.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_the_same_time_have_one_event_each_and_share_their_syncs() {
    let (place, knobs) = (Place::new(), Knobs::default());
    let store = Arc::new(MemoryStore::new().unwrap());
    let writer = Arc::new(writer(&place, &knobs, &*store).await);
    let (open, gate) = std::sync::mpsc::channel();
    *knobs.0.gate.lock().unwrap() = Some(gate);

    let spawn = |n: usize| {
        let (writer, store) = (Arc::clone(&writer), Arc::clone(&store));
        tokio::spawn(async move {
            change(&writer, &*store, create_project(&n.to_string()), &n.to_string()).await.unwrap();
        })
    };
    // The first call waits for its sync, until all others wait for it.
    let mut calls = vec![spawn(0)];
    while knobs.0.gate.lock().unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    calls.extend((1..32).map(spawn));
    while writer.waiting_calls() < 31 {
        tokio::task::yield_now().await;
    }
    open.send(()).unwrap();
    for call in calls {
        call.await.unwrap();
    }

    let mut ids: Vec<usize> =
        place.events().into_iter().filter_map(|event| event.request_id).map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..32).collect::<Vec<_>>());
    // That of the start, that of the first call, and that of all others.
    assert_eq!(knobs.syncs(), 3);
    assert_same(&*store, &place.events()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_at_the_same_time_share_their_syncs_too() {
    let (place, knobs) = (Place::new(), Knobs::default());
    let store = Arc::new(MemoryStore::new().unwrap());
    let writer = Arc::new(writer(&place, &knobs, &*store).await);
    let (open, gate) = std::sync::mpsc::channel();
    *knobs.0.gate.lock().unwrap() = Some(gate);

    let mut records: Vec<_> = (0..32)
        .map(|n: usize| {
            let mut record = Box::pin({
                let (writer, store) = (Arc::clone(&writer), Arc::clone(&store));
                async move { writer.record(Some(&*store), refused(&n.to_string())).await }
            });
            // Asked, in this order.
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(record.as_mut().poll(&mut context).is_pending());
            record
        })
        .collect();
    open.send(()).unwrap();
    for record in &mut records {
        record.await.unwrap();
    }

    let ids: Vec<String> = place.events().into_iter().filter_map(|event| event.request_id).collect();
    assert_eq!(ids, (0..32).map(|n| n.to_string()).collect::<Vec<_>>());
    // That of the start, that of those that came before the thread looked, and that of all others.
    assert!(knobs.syncs() <= 3, "{}", knobs.syncs());
}

#[tokio::test]
async fn a_batch_whose_leader_was_dropped_leaves_its_events() {
    let (place, knobs) = (Place::new(), Knobs::default());
    let store = MemoryStore::new().unwrap();
    let writer = writer(&place, &knobs, &store).await;
    let (open, gate) = std::sync::mpsc::channel();
    *knobs.0.gate.lock().unwrap() = Some(gate);
    let mut dropped = Box::pin(change(&writer, &store, create_project("alpha"), "dropped"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(dropped.as_mut().poll(&mut context).is_pending());
    drop(dropped);
    open.send(()).unwrap();

    change(&writer, &store, create_project("beta"), "next").await.unwrap();
    writer.flush(Some(&store), now(1)).await;

    assert_same(&store, &place.events()).await;
    let (mut ids, events) = (Vec::new(), place.events());
    events.iter().for_each(|event| ids.extend(event.request_id.as_deref()));
    assert_eq!(ids, ["dropped", "next"]);
}
