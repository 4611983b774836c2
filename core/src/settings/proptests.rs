//! Laws of the providers file: every text has an answer, and an answer that is an error names a place in the text.

use proptest::prelude::*;

use super::*;

/// Pieces that real files are made of, so that random texts get past the first line.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "apis:", "default_api: a", "  a:", "    base_url: https://a.example", "    allowed_endpoints: [/v1]",
            "    timeouts: {request: 5s}", "    connection:", "      max_idle_conns: 1", "    auth: bearer",
            "&x ", "*x", "---", "...", "- ", "? ", ": ", "|", ">-", "'", "\"", "{", "}", "[", "]", "!t", "%YAML 1.2", "\t", "#",
            "<<: *x", "null", "~",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        2 => Just("\n".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in ".{0,200}") {
        let _ = parse_providers(&text, &ProviderDefaults::default());
    }

    #[test]
    fn an_error_names_a_place_in_the_text(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        if let Err(error) = parse_providers(&text, &ProviderDefaults::default()) {
            prop_assert!((1..=text.split('\n').count()).contains(&error.line), "{error}\n{text}");
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}\n{text}");
        }
    }

    #[test]
    fn what_is_read_holds_together(pieces in prop::collection::vec(piece(), 0..12)) {
        let text = format!(
            "apis:\n  a:\n    base_url: https://a.example\n    allowed_endpoints: [/v1]\n{}",
            pieces.concat()
        );
        if let Ok(providers) = parse_providers(&text, &ProviderDefaults::default()) {
            prop_assert!(providers.by_name.contains_key(&providers.default));
            prop_assert!(providers.by_name.values().all(|provider| !provider.endpoints.is_empty()));
        }
    }
}
