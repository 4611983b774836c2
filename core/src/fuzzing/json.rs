//! JSON documents, and what is nearly one.

use crate::inspect::{Glob, InspectError, JsonScanner, ParamRules};

/// Any bytes as a document, beside `serde_json`, whole and in pieces.
///
/// # Panics
/// If the scanner takes what `serde_json` refuses or the other way round, if a cut changes its verdict, or if it lets a
/// listed member pass that `serde_json` finds with another value.
pub fn json_scanner(data: &[u8]) {
    let verdict = scan([data]);
    for length in [1, 2, 3, 7, usize::from(data.first().copied().unwrap_or(1)).max(1)] {
        assert_eq!(scan(data.chunks(length)), verdict, "pieces of {length} bytes mean something else");
    }
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    match (verdict, theirs) {
        (Ok(()), Ok(value)) => {
            assert!(value.is_object(), "no object was taken: {value}");
            let listed =
                value.get("model").is_none_or(|model| model.as_str().is_some_and(|model| model.starts_with('g')));
            assert!(listed, "another model passed: {value}");
        }
        (Ok(()), Err(error)) => {
            assert!(error.to_string().starts_with("number out of range"), "taken, although {error}");
        }
        (Err(InspectError::NotInspectable(why)), Ok(value)) => {
            // What serde_json takes and the scanner refuses: other types, a listed name twice, one that ends in a NUL.
            let named = why.contains("twice") || why.contains("a name that some servers");
            assert!(!value.is_object() || named, "{why}: {value}");
        }
        (Err(InspectError::ParamNotAllowed(_) | InspectError::NotInspectable(_)), _) => {}
    }
}

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), InspectError> {
    let mut scanner = JsonScanner::new(ParamRules::new(vec![("model".to_owned(), vec![Glob::new("g*")])]));
    pieces.into_iter().try_for_each(|piece| scanner.feed(piece))?;
    scanner.finish()
}
