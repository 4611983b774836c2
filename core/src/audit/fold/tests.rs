//! When an event is written and for how many it stands, and the law that none gets lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::audit::{Actor, Outcome, RequestFacts};
use crate::ids::ProjectId;
use crate::time::Timestamp;

fn at(seconds: u64) -> Instant {
    Instant::default() + Duration::from_secs(seconds)
}

fn denial(client: u8, path: &str, reason: &'static str) -> Draft {
    let request = RequestFacts {
        request_id: Shown::of("r"),
        correlation_id: Shown::of("c"),
        client_ip: IpAddr::from([192, 0, 2, client]),
        method: Shown::of("GET"),
        path: Shown::of(path),
        user_agent: None,
    };
    Draft {
        actor: Actor::Anonymous,
        outcome: Outcome::Denied,
        reason: Some(reason),
        request: Some(Box::new(request)),
        ..Draft::of_system(Timestamp::default(), Action::ProxyRequest)
    }
}

fn of_token(id: u128) -> Draft {
    let project_id = Some(ProjectId::from_uuid(Uuid::from_u128(1)));
    Draft { token_id: Some(TokenId::from_uuid(Uuid::from_u128(id))), project_id, ..denial(1, "/a", "token_expired") }
}

#[test]
fn the_first_is_written_at_once_and_stands_for_itself() {
    assert_eq!(Folder::default().note(at(0), denial(1, "/a", "x")), Some(denial(1, "/a", "x")));
}

#[test]
fn repeats_become_one_event_at_the_end_of_the_minute() {
    let mut folder = Folder::default();
    folder.note(at(0), denial(1, "/a", "x"));
    for second in 1..60 {
        assert_eq!(folder.note(at(second), denial(1, "/a", "x")), None);
    }
    assert_eq!((folder.poll_timeout(), folder.due(at(59))), (Some(at(60)), Vec::new()));
    assert_eq!(folder.due(at(60)), [Draft { count: Some(59), ..denial(1, "/a", "x") }]);
}

#[test]
fn what_goes_on_is_told_once_a_minute() {
    let mut folder = Folder::default();
    let mut written = u64::from(folder.note(at(0), denial(1, "/a", "x")).is_some());
    for second in 1..=600 {
        written +=
            folder.due(at(second)).len() as u64 + u64::from(folder.note(at(second), denial(1, "/a", "x")).is_some());
    }
    assert_eq!(written, 11);
}

#[test]
fn a_kind_without_a_repeat_is_forgotten_after_its_minute() {
    let mut folder = Folder::default();
    folder.note(at(0), denial(1, "/a", "x"));
    assert_eq!((folder.due(at(60)), folder.poll_timeout()), (Vec::new(), None));
    assert_eq!(folder.note(at(61), denial(1, "/a", "x")), Some(denial(1, "/a", "x")));
}

#[test]
fn an_event_that_is_overdue_is_written_with_the_next_repeat() {
    let mut folder = Folder::default();
    folder.note(at(0), denial(1, "/a", "x"));
    folder.note(at(1), denial(1, "/a", "x"));
    let told = folder.note(at(60), denial(1, "/a", "x"));
    assert_eq!((told.and_then(|draft| draft.count), folder.drain()), (Some(2), Vec::new()));
}

#[test]
fn client_path_reason_action_and_token_make_a_kind() {
    let mut folder = Folder::default();
    for draft in [
        denial(1, "/a", "x"),
        denial(2, "/a", "x"),
        denial(1, "/b", "x"),
        denial(1, "/a", "y"),
        Draft { action: Action::TokenList, ..denial(1, "/a", "x") },
        of_token(1),
        of_token(2),
    ] {
        assert!(folder.note(at(0), draft.clone()).is_some(), "{draft:?}");
        assert!(folder.note(at(0), draft.clone()).is_none(), "{draft:?}");
    }
}

#[test]
fn the_last_repeat_is_the_one_that_is_told() {
    let mut folder = Folder::default();
    for second in 0..3 {
        let at_second = Timestamp::from_micros(second);
        folder.note(at(0), Draft { at: at_second, ..denial(1, "/a", "x") });
    }
    assert_eq!(folder.drain()[0].at, Timestamp::from_micros(2));
}

#[test]
fn a_client_with_ever_new_paths_gets_one_event_for_the_rest_and_leaves_room_for_others() {
    let mut folder = Folder::default();
    let written = (0..1000).filter(|path| folder.note(at(0), denial(1, &format!("/{path}"), "x")).is_some()).count();
    assert_eq!(written, MOST_PER_CLIENT + 1);
    assert!(folder.note(at(0), denial(2, "/a", "x")).is_some());
    let rest = folder.drain();
    assert_eq!(rest.iter().map(|draft| draft.count).collect::<Vec<_>>(), [Some(1000 - MOST_PER_CLIENT as u64 - 1)]);
    // Of many different ones it says only whose they were.
    assert_eq!((&rest[0].request, rest[0].client_ip), (&None, Some(IpAddr::from([192, 0, 2, 1]))));
}

#[test]
fn denials_of_different_methods_are_told_apart() {
    let mut folder = Folder::default();
    let mut other = denial(1, "/a", "x");
    if let Some(request) = &mut other.request {
        request.method = Shown::of("POST");
    }
    assert!(folder.note(at(0), denial(1, "/a", "x")).is_some() && folder.note(at(0), other).is_some());
}

#[test]
fn beyond_all_room_denials_are_folded_by_reason_and_name_nobody() {
    let mut folder = Folder::default();
    for client in 0..=255 {
        (0..3).for_each(|path| drop(folder.note(at(0), denial(client, &format!("/{path}"), "x"))));
    }
    folder.note(at(0), denial(255, "/new", "y"));
    folder.note(at(0), Draft { reason: Some("y"), ..of_token(3) });
    let rest = folder.drain();
    assert_eq!(
        rest.iter().map(|draft| (draft.reason, draft.count)).collect::<Vec<_>>(),
        [(Some("x"), Some(3 * 256 - MOST_KINDS as u64 - 1)), (Some("y"), Some(1)),]
    );
    assert!(rest.iter().all(|draft| draft.request.is_none() && draft.token_id.is_none() && draft.project_id.is_none()));
}

#[derive(Clone, Debug)]
enum Step {
    Note(u8, u16, bool),
    Wait(u64),
    Due,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = (0..3_u8, 0..3_u16, any::<bool>()).prop_map(|(client, path, reason)| Step::Note(client, path, reason));
    let many =
        (any::<u8>(), any::<u16>(), any::<bool>()).prop_map(|(client, path, reason)| Step::Note(client, path, reason));
    let wait = prop_oneof![0..5_u64, 55..65_u64, Just(1000)].prop_map(Step::Wait);
    prop::collection::vec(prop_oneof![6 => few, 8 => many, 2 => wait, 2 => Just(Step::Due)], 0..2000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_stands_for_all_that_was_noted_and_is_never_much(steps in steps()) {
        let mut folder = Folder::default();
        let (mut now, mut noted, mut told) = (0, 0_u64, 0_u64);
        let mut last: BTreeMap<Kind, u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Note(client, path, reason) => {
                    let draft = denial(client, &format!("/{path}"), if reason { "x" } else { "y" });
                    let kind = folder.kind_of(&draft);
                    noted += 1;
                    if let Some(written) = folder.note(at(now), draft) {
                        told += written.count.unwrap_or(1);
                        let before = last.insert(kind, now);
                        prop_assert!(before.is_none_or(|before| now >= before + 60), "two events in a minute");
                    }
                }
                Step::Wait(seconds) => now += seconds,
                Step::Due => {
                    let waiting: Vec<Kind> = folder.folds.iter().filter(|(_, fold)| fold.until <= at(now) && fold.repeats.is_some()).map(|(kind, _)| kind.clone()).collect();
                    let written = folder.due(at(now));
                    prop_assert_eq!(written.len(), waiting.len());
                    told += written.iter().filter_map(|draft| draft.count).sum::<u64>();
                    for kind in waiting {
                        let before = last.insert(kind, now);
                        prop_assert!(before.is_none_or(|before| now >= before + 60), "two events in a minute");
                    }
                }
            }
            prop_assert!(folder.folds.len() <= MOST_KINDS + 2, "one beyond the bound for each reason");
        }
        told += folder.drain().iter().filter_map(|draft| draft.count).sum::<u64>();
        prop_assert_eq!(told, noted);
        prop_assert!(folder.drain().is_empty() && folder.poll_timeout().is_none());
    }
}
