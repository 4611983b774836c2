//! Events and chains.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::ids::ChainId;
use crate::time::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn chain() -> Chain {
    Chain::new(ChainId::from_uuid(Uuid::from_u128(7)))
}

#[test]
fn an_event_of_the_system_reads_as_written_here() {
    let event = chain().seal(Draft::of_system(at(1), Action::ServerStart), &[0; 10]);

    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        json!({
            "id": "00000000-03e8-7000-8000-000000000000",
            "chain": "00000000-0000-0000-0000-000000000007",
            "timestamp": "1970-01-01T00:00:01Z",
            "action": "server.start",
            "actor": "system",
            "outcome": "success",
            "prev": "0".repeat(64),
            "hash": event.hash,
        })
    );
}

#[test]
fn the_hash_is_that_of_the_hash_before_and_the_canonical_json() {
    let mut chain = chain();
    let first = chain.seal(Draft::of_system(at(1), Action::ServerStart), &[0; 10]);
    let second = chain.seal(Draft::of_system(at(2), Action::ServerStop), &[0; 10]);

    assert_eq!(second.prev, first.hash);
    // printf %s "$prev$json" | sha256sum
    assert_eq!(first.hash, "526e214ea769b9a9c92e5cc04b42bfaf66b3dea207234d87e8c203f088204770");
}

#[test]
fn ids_grow_also_where_the_clock_goes_back() {
    let mut chain = chain();
    let ids: Vec<_> =
        [5, 5, 3].map(|second| chain.seal(Draft::of_system(at(second), Action::ServerStart), &[9; 10]).id).to_vec();

    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn an_event_read_back_is_the_same_event() {
    let event = chain().seal(Draft::of_system(at(1), Action::ServerStart), &[0; 10]);
    let line = serde_json::to_string(&event).unwrap();

    assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
}

#[test]
fn canonical_json_has_one_form() {
    let value = json!({"b": [1, null, true], "a": {"é": "\u{1}\"/\n"}});

    assert_eq!(canonical_json(&value), r#"{"a":{"é":"\u0001\"/\n"},"b":[1,null,true]}"#);
}
