//! What was not touched is fine, and every single change of a file is found where it is.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::audit::{Chain, Draft, Event, Fact, Shown};
use crate::ids::ChainId;

const EVENTS: [Action; 5] =
    [Action::ServerStart, Action::ProjectCreate, Action::TokenCreate, Action::ProxyRequest, Action::ServerStop];

fn chain(number: u128) -> Chain {
    Chain::new(ChainId::from_uuid(Uuid::from_u128(number)))
}

fn seal(chain: &mut Chain, second: i64, action: Action) -> Event {
    chain.seal(Draft::of_system(Timestamp::from_micros(second * 1_000_000), action), &[7; 10])
}

fn text(text: &str) -> Fact {
    Fact::Text(Shown::of(text))
}

/// A start that names the event before it.
fn start(chain: &mut Chain, second: i64, previous: Option<&Event>, place: Option<&'static str>) -> Event {
    let mut draft = Draft::of_system(Timestamp::from_micros(second * 1_000_000), Action::ServerStart);
    if let Some(event) = previous {
        let mut names = BTreeMap::from([("chain", text(&event.chain.to_string())), ("hash", text(&event.hash))]);
        names.extend(place.map(|place| ("in", Fact::Word(place))));
        draft.metadata.insert("previous", Fact::Map(names));
    }
    chain.seal(draft, &[7; 10])
}

/// Three runs, one after the other, of five events each.
fn runs() -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for run in 0..3 {
        let mut chain = chain(run + 1);
        let second = i64::try_from(run).unwrap() * 10;
        events.push(start(&mut chain, second, events.last(), None));
        events.extend(EVENTS[1..].iter().map(|action| seal(&mut chain, second + 1, *action)));
    }
    events
}

fn lines(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(|event| (serde_json::to_string(event).unwrap() + "\n").into_bytes()).collect()
}

fn file(lines: &[Vec<u8>]) -> Result<Verified, Fault> {
    let bytes = lines.concat();
    let mut verifier = Verifier::of(Source::File);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        verifier.line(line)?;
    }
    verifier.line(b"")?;
    verifier.finish()
}

fn database(events: &[&Event]) -> Result<Verified, Fault> {
    let mut verifier = Verifier::of(Source::Database);
    for event in events {
        verifier.event(&serde_json::to_value(event).unwrap())?;
    }
    verifier.finish()
}

fn place(fault: Fault) -> Place {
    match fault {
        Fault::Torn(place)
        | Fault::NotJson(place)
        | Fault::NotAnEvent(place)
        | Fault::Changed(place)
        | Fault::OutOfPlace(place)
        | Fault::Headless(place)
        | Fault::WrongPrevious(place) => place,
    }
}

/// The place of the event at that index, where another index says which number it has now.
fn at(events: &[Event], index: usize, number: usize) -> Place {
    Place { number: number as u64 + 1, id: Some(events[index].id) }
}

#[test]
fn what_was_not_touched_is_fine() {
    let events = runs();
    let last = events.last().unwrap();
    let want = Verified {
        events: 15,
        chains: 3,
        times: Some((Timestamp::from_micros(0), Timestamp::from_micros(21_000_000))),
        last: Some(Last { chain: last.chain, id: last.id, hash: last.hash.clone() }),
    };
    assert_eq!(file(&lines(&events)), Ok(want.clone()));
    assert_eq!(database(&events.iter().collect::<Vec<_>>()), Ok(want));
    assert_eq!(file(&[]).map(|verified| verified.events), Ok(0));
}

#[test]
fn chains_may_be_interleaved() {
    let (mut one, mut two) = (chain(1), chain(2));
    let first = start(&mut one, 0, None, None);
    let second = start(&mut two, 1, Some(&first), None);
    let rest: Vec<Event> =
        (2..6).map(|n| seal(if n % 2 == 0 { &mut one } else { &mut two }, n, Action::ProjectList)).collect();
    assert_eq!(file(&lines(&[vec![first, second], rest].concat())).map(|verified| verified.chains), Ok(2));
}

#[test]
fn any_changed_byte_is_found_in_its_line() {
    let lines = lines(&runs());
    for (number, line) in lines.iter().enumerate().take(7) {
        for index in 0..line.len() {
            for byte in [line[index] ^ 1, line[index] ^ 0x20, b' ', b'0', b'"', b'\n'] {
                if byte == line[index] {
                    continue;
                }
                let mut changed = lines.clone();
                changed[number][index] = byte;
                let fault = file(&changed).expect_err(&String::from_utf8_lossy(&changed[number]));
                assert_eq!(place(fault).number, number as u64 + 1, "{fault} {}", changed[number].escape_ascii());
            }
        }
    }
}

#[test]
fn a_changed_value_is_named_as_a_change_of_its_event() {
    let events = runs();
    for number in 0..events.len() {
        let mut changed = events.clone();
        changed[number].outcome = "denied".to_owned();
        assert_eq!(file(&lines(&changed)), Err(Fault::Changed(at(&events, number, number))));
    }
}

#[test]
fn a_removed_line_shows_at_the_next() {
    let events = runs();
    for number in 0..events.len() - 1 {
        let mut left = events.clone();
        left.remove(number);
        let found = at(&events, number + 1, number);
        let want = match number {
            0 => Fault::Headless(found),
            _ if events[number + 1].action == "server.start" => Fault::WrongPrevious(found),
            _ if events[number].action == "server.start" => Fault::Headless(found),
            _ => Fault::OutOfPlace(found),
        };
        assert_eq!(file(&lines(&left)), Err(want), "{number}");
    }
}

#[test]
fn two_swapped_lines_show_at_the_first_in_a_wrong_place() {
    let events = runs();
    for one in 0..events.len() {
        for two in one + 1..events.len() {
            let mut swapped = events.clone();
            swapped.swap(one, two);
            let fault = file(&lines(&swapped)).expect_err("a swap");
            assert_eq!(place(fault), at(&events, two, one), "{one} {two}: {fault}");
        }
    }
}

#[test]
fn a_repeated_line_shows_where_it_is_repeated() {
    let events = runs();
    for number in 0..events.len() {
        let mut repeated = events.clone();
        repeated.insert(number, events[number].clone());
        assert_eq!(file(&lines(&repeated)), Err(Fault::OutOfPlace(at(&events, number, number + 1))));
    }
}

#[test]
fn a_head_that_was_cut_shows_at_the_first_line() {
    let events = runs();
    for cut in 1..events.len() {
        let found = at(&events, cut, 0);
        let want = if cut % 5 == 0 { Fault::WrongPrevious(found) } else { Fault::Headless(found) };
        assert_eq!(file(&lines(&events[cut..])), Err(want));
    }
}

#[test]
fn a_run_that_was_cut_at_its_end_shows_at_the_next_start() {
    let events = runs();
    for cut in 1..5 {
        let left = [&events[..5 - cut], &events[5..]].concat();
        assert_eq!(file(&lines(&left)), Err(Fault::WrongPrevious(at(&events, 5, 5 - cut))), "{cut}");
    }
}

#[test]
fn a_start_that_names_nothing_is_only_the_first() {
    let events = runs();
    let mut other = chain(9);
    let start = start(&mut other, 9, None, None);
    let found = Place { number: 6, id: Some(start.id) };
    let with = [&events[..5], &[start]].concat();
    assert_eq!(file(&lines(&with)), Err(Fault::WrongPrevious(found)));
}

#[test]
fn a_file_may_continue_a_database_but_not_a_file() {
    let before = &runs()[4];
    let continues = |place| file(&lines(&[start(&mut chain(9), 9, Some(before), place)]));
    assert_eq!(continues(Some(IN_DATABASE)).map(|verified| verified.events), Ok(1));
    assert!(matches!(continues(Some("file")), Err(Fault::WrongPrevious(_))));
    assert!(matches!(continues(None), Err(Fault::WrongPrevious(_))));
}

#[test]
fn lines_that_hold_no_event_are_named() {
    let lines = lines(&runs());
    for (line, want) in [
        (&b"nothing\n"[..], Fault::NotJson(Place { number: 16, id: None })),
        (b"\n", Fault::NotJson(Place { number: 16, id: None })),
        (b"{}\n", Fault::NotAnEvent(Place { number: 16, id: None })),
        (b"[1]\n", Fault::NotAnEvent(Place { number: 16, id: None })),
        (b"{\"id\":", Fault::Torn(Place { number: 16, id: None })),
    ] {
        assert_eq!(file(&[lines.clone(), vec![line.to_vec()]].concat()), Err(want));
    }
}

#[test]
fn a_line_that_says_more_than_its_event_was_changed() {
    let events = runs();
    let line = serde_json::to_string(&events[0]).unwrap();
    let twice = line.replacen('{', r#"{"outcome":"denied","#, 1);
    for line in [twice, format!("{line} "), line.replacen(':', ": ", 1), line.replacen("server", r"\u0073erver", 1)] {
        let fault = file(&[(line.clone() + "\n").into_bytes()]).expect_err(&line);
        assert_eq!(fault, Fault::Changed(at(&events, 0, 0)), "{line}");
    }
}

#[test]
fn fields_of_a_newer_version_are_covered_too() {
    let mut event = serde_json::to_value(&runs()[0]).unwrap();
    event["tenant"] = json!({"b": 1, "a": [true]});
    event["hash"] = hash_of(event["prev"].as_str().unwrap(), &event).into();
    let line = event.to_string() + "\n";
    assert!(file(&[line.clone().into_bytes()]).is_ok());
    let changed = line.replace("true", "null");
    assert!(matches!(file(&[changed.into_bytes()]), Err(Fault::Changed(_))));
}

#[test]
fn ids_that_do_not_grow_are_out_of_place() {
    let mut chain = chain(1);
    let first = seal(&mut chain, 5, Action::ServerStart);
    let mut second = seal(&mut chain, 6, Action::ServerStop);
    second.id = first.id;
    second.hash = hash_of(&second.prev, &serde_json::to_value(&second).unwrap());
    assert!(matches!(database(&[&first, &second]), Err(Fault::OutOfPlace(_))));
}

/// A prune that names the last removed event of each of these chains.
fn prune(chain: &mut Chain, removed: &[&Event]) -> Event {
    let mut draft = Draft::of_system(Timestamp::from_micros(99_000_000), Action::AuditPrune);
    let entry = |event: &&Event| {
        Fact::Map(BTreeMap::from([("chain", text(&event.chain.to_string())), ("hash", text(&event.hash))]))
    };
    draft.metadata.insert("chains", Fact::List(removed.iter().map(entry).collect()));
    chain.seal(draft, &[7; 10])
}

#[test]
fn a_pruned_chain_is_anchored_by_what_the_prune_names() {
    let events = runs();
    let mut other = chain(9);
    let begun = seal(&mut other, 50, Action::ServerStart);
    let prune = prune(&mut other, &[&events[1], &events[6]]);
    let left: Vec<&Event> = events[2..5].iter().chain(&events[7..]).chain([&begun, &prune]).collect();
    assert_eq!(database(&left).map(|verified| verified.events), Ok(13));
    let before: Vec<&Event> = [&begun, &prune].into_iter().chain(&events[2..5]).chain(&events[7..]).collect();
    assert_eq!(database(&before).map(|verified| verified.events), Ok(13));
}

#[test]
fn a_chain_that_lost_more_than_the_prune_names_is_headless() {
    let events = runs();
    let mut other = chain(9);
    let begun = seal(&mut other, 50, Action::ServerStart);
    let prune = prune(&mut other, &[&events[1]]);
    let left: Vec<&Event> = events[3..5].iter().chain([&begun, &prune]).collect();
    assert_eq!(database(&left), Err(Fault::Headless(at(&events, 3, 0))));
    let without: Vec<&Event> = events[2..5].iter().chain([&begun]).collect();
    assert_eq!(database(&without), Err(Fault::Headless(at(&events, 2, 0))));
}

#[test]
fn a_prune_excuses_nothing_in_a_file() {
    let events = runs();
    let mut other = chain(9);
    let begun = start(&mut other, 50, events.last(), None);
    let prune = prune(&mut other, &[&events[1]]);
    let left = [&events[2..], &[begun, prune]].concat();
    assert_eq!(file(&lines(&left)), Err(Fault::Headless(at(&events, 2, 0))));
}

#[test]
fn a_fault_names_the_event() {
    let events = runs();
    let fault = Fault::Changed(at(&events, 3, 3));
    assert_eq!(
        fault.to_string(),
        format!("event 4 ({}) was changed: its hash is that of another content", events[3].id)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_fine_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = file(&[bytes]);
    }
}

/// What a writer begins a new file with where the one before was moved away.
fn continuation(chain: &mut Chain, second: i64, (id, hash): (&EventId, &str)) -> Event {
    let mut draft = Draft::of_system(Timestamp::from_micros(second * 1_000_000), Action::AuditPrune);
    let named = [("chain", text(&chain.id().to_string())), ("hash", text(hash)), ("id", text(&id.to_string()))];
    draft.metadata.insert("chains", Fact::List(vec![Fact::Map(BTreeMap::from(named))]));
    chain.seal(draft, &[7; 10])
}

#[test]
fn a_file_may_follow_on_one_that_was_moved_away_if_its_first_event_says_so() {
    let mut chain = chain(1);
    let first = start(&mut chain, 1, None, None);
    let second = continuation(&mut chain, 2, (&first.id, &first.hash));
    let third = seal(&mut chain, 3, Action::ServerStop);
    let all = lines(&[first, second, third]);

    assert_eq!(file(&all).unwrap().events, 3);
    assert_eq!(file(&all[1..]).unwrap().events, 2);
    assert!(matches!(file(&all[2..]), Err(Fault::Headless(Place { number: 1, .. }))));
}

#[test]
fn a_file_that_names_another_event_before_it_lacks_its_beginning() {
    let mut chain = chain(1);
    let first = start(&mut chain, 1, None, None);
    seal(&mut chain, 2, Action::ProjectCreate);
    let wrong = continuation(&mut chain, 3, (&first.id, &first.hash));

    assert!(matches!(file(&lines(&[wrong])), Err(Fault::Headless(Place { number: 1, .. }))));
}
