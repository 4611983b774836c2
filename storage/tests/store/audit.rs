//! Audit events, kept and found again.

use std::net::IpAddr;

use llm_proxy_core::audit::{Action, Actor, Chain, Draft, Event, Fact, Outcome, RequestFacts, Shown, hash_of};
use llm_proxy_core::ids::{ChainId, EventId, ProjectId, TokenId};
use llm_proxy_core::manage::{Command, CommandError, EventFilter, EventPage, Reply, Subject};
use llm_proxy_storage::Store;

use crate::calls::*;

pub(crate) fn chain(n: u8) -> Chain {
    Chain::new(ChainId::new(at(0), &[n; 10]))
}

pub(crate) fn draft(seconds: u64) -> Draft {
    Draft::of_system(at(seconds), Action::ServerStart)
}

/// Events of one chain, a second apart.
pub(crate) fn events(count: u64) -> Vec<Event> {
    let mut chain = chain(1);
    (0..count).map(|n| chain.seal(draft(n), &[0; 10])).collect()
}

pub(crate) fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

fn all() -> EventFilter {
    EventFilter::default()
}

const fn event_page(page: u64, page_size: u64, as_of: Option<EventId>) -> EventPage {
    EventPage { page, page_size, as_of }
}

async fn listed<S: Store>(store: &Shared<S>, filter: EventFilter) -> Vec<EventId> {
    let (events, total, _) = store.list_events(filter, event_page(1, 100, None)).await.unwrap();
    assert_eq!(total, u64::try_from(events.len()).unwrap());
    ids(&events)
}

/// An event that has everything.
fn full(n: u8) -> Draft {
    let mut draft = draft(u64::from(n));
    (draft.action, draft.actor, draft.outcome) = (Action::TokenUpdate, Actor::ManagementApi, Outcome::Failure);
    draft.reason = Some("invalid_request");
    draft.project_id = Some(ProjectId::new(at(0), &[n; 10]));
    draft.token_id = Some(TokenId::new(at(0), &[n; 10]));
    draft.count = Some(u64::from(n) + 1);
    draft.request = Some(Box::new(RequestFacts {
        request_id: Shown::of(&format!("request-{n}")),
        correlation_id: Shown::of(&format!("correlation-{n}")),
        client_ip: IpAddr::from([192, 0, 2, n]),
        method: Shown::of(if n == 1 { "PUT" } else { "PATCH" }),
        path: Shown::of(&format!("/manage/tokens/{n}")),
        user_agent: Some(Shown::of(&format!("agent {n} é 漢 'quoted' 100%"))),
    }));
    let inner = [("number", Fact::Number(u64::MAX >> 11)), ("flag", Fact::Flag(true))].into();
    draft.metadata = [("list", Fact::List(vec![Fact::Map(inner)])), ("words", Fact::Words(vec!["a", "b"]))].into();
    draft
}

pub(crate) async fn events_read_back_as_they_were_added<S: Store>(store: &Shared<S>) {
    let mut chain = chain(1);
    let events = vec![chain.seal(full(1), &[0; 10]), chain.seal(draft(2), &[0; 10])];
    store.add_events(&events).await.unwrap();

    let read = store.events_after(None, 10).await.unwrap();
    assert_eq!(read, events);
    for event in read {
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(hash_of(&event.prev, &value), event.hash);
        assert_eq!(store.get_event(event.id).await.unwrap(), Some(event));
    }
}

pub(crate) async fn an_event_is_added_once_and_never_overwritten<S: Store>(store: &Shared<S>) {
    let events = events(3);
    store.add_events(&events[..2]).await.unwrap();
    let mut other = events.clone();
    other[0].reason = Some("another".to_owned());
    store.add_events(&other).await.unwrap();
    store.add_events(&[]).await.unwrap();
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

pub(crate) async fn an_unknown_event_is_not_there<S: Store>(store: &Shared<S>) {
    let unknown = EventId::new(at(0), &[9; 10]);
    assert_eq!(store.get_event(unknown).await.unwrap(), None);
    let error = run(&**store, Command::GetEvent(unknown), at(0)).await.unwrap_err();
    assert_eq!(error, CommandError::NotFound(Subject::Event));
    assert_eq!(store.last_event(None).await.unwrap(), None);
}

pub(crate) async fn events_are_listed_newest_first_and_paged<S: Store>(store: &Shared<S>) {
    let mut events = events(5);
    store.add_events(&events).await.unwrap();
    events.reverse();
    let newest = Some(events[0].id);
    for (page, expected) in [(1, &events[..2]), (2, &events[2..4]), (3, &events[4..]), (4, &[])] {
        let listed = store.list_events(all(), event_page(page, 2, None)).await.unwrap();
        assert_eq!(listed, (expected.to_vec(), 5, event_page(page, 2, newest)));
    }
}

pub(crate) async fn pages_stay_as_they_are_while_events_come<S: Store>(store: &Shared<S>) {
    let events = events(6);
    store.add_events(&events[..4]).await.unwrap();
    let (_, _, EventPage { as_of, .. }) = store.list_events(all(), event_page(1, 3, None)).await.unwrap();
    store.add_events(&events[4..]).await.unwrap();
    let (second, total, page) = store.list_events(all(), event_page(2, 3, as_of)).await.unwrap();
    assert_eq!((ids(&second), total, page.as_of), (ids(&events[..1]), 4, Some(events[3].id)));
}

pub(crate) async fn a_store_without_events_lists_none<S: Store>(store: &Shared<S>) {
    let page = event_page(1, 20, None);
    assert_eq!(store.list_events(all(), page).await.unwrap(), (Vec::new(), 0, page));
}

pub(crate) async fn the_newest_event_is_that_of_the_store_not_of_the_filter<S: Store>(store: &Shared<S>) {
    let events = events(3);
    store.add_events(&events).await.unwrap();
    let filter = EventFilter { end_time: Some(at(1)), ..all() };
    let (found, total, page) = store.list_events(filter, event_page(1, 20, None)).await.unwrap();
    assert_eq!((ids(&found), total, page.as_of), (ids(&events[..1]), 1, Some(events[2].id)));
}

pub(crate) async fn each_filter_finds_what_it_names<S: Store>(store: &Shared<S>) {
    let mut chain = chain(1);
    let (one, two) = (chain.seal(full(1), &[0; 10]), chain.seal(full(2), &[0; 10]));
    let bare = chain.seal(draft(3), &[0; 10]);
    store.add_events(&[one.clone(), two.clone(), bare.clone()]).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let of_one = [
        EventFilter { project_id: one.project_id, ..all() },
        EventFilter { token_id: one.token_id, ..all() },
        EventFilter { client_ip: one.client_ip, ..all() },
        EventFilter { request_id: text("request-1"), ..all() },
        EventFilter { correlation_id: text("correlation-1"), ..all() },
        EventFilter { method: text("PUT"), ..all() },
        EventFilter { path: text("/manage/tokens/1"), ..all() },
        EventFilter { end_time: Some(at(2)), ..all() },
        EventFilter { action: Some(Action::TokenUpdate), method: text("PUT"), ..all() },
    ];
    for filter in of_one {
        assert_eq!(listed(store, filter.clone()).await, [one.id], "{filter:?}");
    }
    let of_both = [
        EventFilter { action: Some(Action::TokenUpdate), ..all() },
        EventFilter { actor: Some(Actor::ManagementApi), ..all() },
        EventFilter { outcome: Some(Outcome::Failure), ..all() },
        EventFilter { end_time: Some(at(3)), ..all() },
    ];
    for filter in of_both {
        assert_eq!(listed(store, filter.clone()).await, [two.id, one.id], "{filter:?}");
    }
    let later = EventFilter { start_time: Some(at(2)), ..all() };
    assert_eq!(listed(store, later).await, [bare.id, two.id]);
    let none = EventFilter { method: text("put"), ..all() };
    assert!(listed(store, none).await.is_empty());
}

pub(crate) async fn a_search_looks_for_the_text_as_it_is_but_for_case<S: Store>(store: &Shared<S>) {
    let mut chain = chain(1);
    let (one, two) = (chain.seal(full(1), &[0; 10]), chain.seal(full(2), &[0; 10]));
    let bare = chain.seal(draft(3), &[0; 10]);
    store.add_events(&[one.clone(), two.clone(), bare.clone()]).await.unwrap();
    let search = |text: &str| listed(store, EventFilter { search: Some(text.to_owned()), ..all() });
    assert_eq!(search("AGENT 1").await, [one.id]);
    assert_eq!(search("tokens/2").await, [two.id]);
    assert_eq!(search("Request-1").await, [one.id]);
    assert_eq!(search("relation-2").await, [two.id]);
    assert_eq!(search("TOKEN.update").await, [two.id, one.id]);
    assert_eq!(search("Invalid_Request").await, [two.id, one.id]);
    assert_eq!(search("server.").await, [bare.id]);
    assert_eq!(search("100%").await, [two.id, one.id]);
    assert_eq!(search("漢 'q").await, [two.id, one.id]);
    // Signs that mean something else to a database.
    for text in ["agent_1", "agent%1", "a*1", "\\", "[0-9]", "management_api", "192.0.2.1"] {
        assert!(search(text).await.is_empty(), "{text}");
    }
}

pub(crate) async fn filters_mean_in_the_store_what_they_mean_to_the_core<S: Store>(store: &Shared<S>) {
    let mut chain = chain(1);
    let mut events: Vec<Event> = (1..20).map(|n| chain.seal(full(n % 4), &[0; 10])).collect();
    store.add_events(&events).await.unwrap();
    events.reverse();
    for n in 0..4 {
        let of = full(n);
        let request = of.request.clone().unwrap();
        for filter in [
            EventFilter { project_id: of.project_id, start_time: Some(at(u64::from(n))), ..all() },
            EventFilter { client_ip: Some(request.client_ip), action: Some(Action::TokenRead), ..all() },
            EventFilter { search: Some(format!("T {n}")), ..all() },
            EventFilter { search: Some("É".to_owned()), ..all() },
        ] {
            let expected: Vec<EventId> =
                events.iter().filter(|event| filter.matches(event)).map(|event| event.id).collect();
            assert_eq!(listed(store, filter.clone()).await, expected, "{filter:?}");
        }
    }
}

pub(crate) async fn events_are_commands_too<S: Store>(store: &Shared<S>) {
    let events = events(2);
    store.add_events(&events).await.unwrap();
    let reply = run(&**store, Command::ListEvents(Box::new(all()), event_page(1, 1, None)), at(0)).await.unwrap();
    let Reply::Events(found, 2, page) = reply else { panic!("another kind of reply: {reply:?}") };
    assert_eq!((ids(&found), page), (vec![events[1].id], event_page(1, 1, Some(events[1].id))));
    let reply = run(&**store, Command::GetEvent(events[0].id), at(0)).await.unwrap();
    assert!(matches!(reply, Reply::Event(event) if *event == events[0]));
}

pub(crate) async fn all_events_are_walked_in_pieces<S: Store>(store: &Shared<S>) {
    let events = events(7);
    let (even, odd): (Vec<_>, Vec<_>) = events.iter().cloned().enumerate().partition(|(n, _)| n % 2 == 0);
    for part in [odd, even] {
        let part: Vec<Event> = part.into_iter().map(|(_, event)| event).collect();
        store.add_events(&part).await.unwrap();
    }
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let piece = store.events_after(cursor, 3).await.unwrap();
        let Some(last) = piece.last() else { break };
        cursor = Some(last.id);
        walked.extend(piece);
    }
    assert_eq!(walked, events);
}

pub(crate) async fn the_last_event_is_that_of_a_chain_or_of_all<S: Store>(store: &Shared<S>) {
    let (mut one, mut two) = (chain(1), chain(2));
    let early = one.seal(draft(1), &[0; 10]);
    let late = two.seal(draft(2), &[0; 10]);
    store.add_events(&[late.clone(), early.clone()]).await.unwrap();
    assert_eq!(store.last_event(None).await.unwrap(), Some(late.clone()));
    assert_eq!(store.last_event(Some(early.chain)).await.unwrap(), Some(early));
    assert_eq!(store.last_event(Some(late.chain)).await.unwrap(), Some(late));
    assert_eq!(store.last_event(Some(ChainId::new(at(0), &[9; 10]))).await.unwrap(), None);
}

pub(crate) async fn pruning_removes_what_it_names<S: Store>(store: &Shared<S>) {
    let events = events(1200);
    store.add_events(&events[..1100]).await.unwrap();
    // Some are not there, some are named twice.
    let named = [ids(&events[..400]), ids(&events[1050..]), ids(&events[..1])].concat();
    store.prune_events(&named).await.unwrap();
    store.prune_events(&[]).await.unwrap();
    assert_eq!(ids(&store.events_after(None, 2000).await.unwrap()), ids(&events[400..1050]));
}
