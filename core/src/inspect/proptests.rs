//! Laws: one verdict however content is cut, and JSON as `serde_json` has it.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::http1::Fields;
use crate::testing::attempts::{Attempt, attempts, passing};

/// Documents of all shapes, in which listed names are frequent, also deep within.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![Just("model".to_owned()), Just("gpt-4o".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What is done to bytes: put in, put over or take away, at a place.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, u8, u8)> {
    let special = prop::sample::select(b"{}[]\",:\\u0-+.eE \r\n\0x\xC0\xED\xFF-;&=%".to_vec());
    (any::<prop::sample::Index>(), 0..3_u8, prop_oneof![special, any::<u8>()])
}

fn mutate(bytes: &mut Vec<u8>, mutations: &[(prop::sample::Index, u8, u8)]) {
    for (place, how, byte) in mutations {
        let at = place.index(bytes.len() + 1);
        match how {
            0 => bytes.insert(at, *byte),
            1 if at < bytes.len() => bytes[at] = *byte,
            _ if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
}

/// What the dialogues send.
static KNOWN: LazyLock<Vec<Attempt>> = LazyLock::new(|| [attempts(), passing()].concat());

proptest! {
    #[test]
    fn documents_are_taken_as_serde_json_takes_them(
        document in document(),
        pretty in any::<bool>(),
        mutations in prop::collection::vec(mutation(), 0..4),
    ) {
        let mut bytes = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.unwrap();
        crate::fuzzing::json_scanner(&bytes);
        mutate(&mut bytes, &mutations);
        crate::fuzzing::json_scanner(&bytes);
    }

    #[test]
    fn a_cut_anywhere_changes_no_verdict(
        which in any::<prop::sample::Index>(),
        media in 0..4_usize,
        mutations in prop::collection::vec(mutation(), 0..3),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut content = KNOWN[which.index(KNOWN.len())].content.clone();
        mutate(&mut content, &mutations);
        let media = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "x/x+json"][media];
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
        places.extend([0, content.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &content[pair[0]..pair[1]]);
        prop_assert_eq!(verdict(media, pieces), verdict(media, [&content[..]]));
    }

    #[test]
    fn a_pattern_matches_what_it_was_filled_into(parts in prop::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-c]{0,4}") {
        let value = parts.join(&fill);
        prop_assert!(Glob::new(&parts.join("*")).matches(value.as_bytes()));
    }
}

fn verdict<'a>(media: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), InspectError> {
    let rules = ParamRules::new(vec![("model".to_owned(), vec![Glob::new("gpt-4o"), Glob::new("gpt-4.1-*")])]);
    let mut inspection = BodyInspection::new(&Fields::for_tests(&[("Content-Type", media)]), rules)?;
    pieces.into_iter().try_for_each(|piece| inspection.feed(piece))?;
    inspection.finish()
}
