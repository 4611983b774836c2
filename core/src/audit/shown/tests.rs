//! What is taken out, what stays, and the law that no known secret is ever left.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    Shown::of(text).as_str().to_owned()
}

/// Undoes percent-encoding as often as a very patient reader.
fn decoded(text: &str) -> Vec<Vec<u8>> {
    let mut layers = vec![Layer::of(text.as_bytes())];
    while let Some(below) = layers.last().and_then(Layer::decoded).filter(|_| layers.len() <= MOST_LAYERS) {
        layers.push(below);
    }
    layers.into_iter().map(|layer| layer.bytes).collect()
}

#[test]
fn what_looks_like_a_credential_is_taken_out() {
    for (text, want) in [
        ("/v1/sk-AAECAwQFBgcICQoLDA0ODw/x", "/v1/[redacted]/x"),
        ("/v1/sk-proj-abc_DEF-0123456789", "/v1/[redacted]"),
        ("/sk-ant-api03-abcdefgh", "/[redacted]"),
        ("/a:sk-12345678", "/a:[redacted]"),
        ("xsk-AAECAwQFBgcICQoLDA0ODw", "x[redacted]"),
        ("key AIzaSyA0123456789abcdefghijklmnopqrstu.", "key [redacted]"),
        ("/x/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "/x/[redacted]"),
        ("Bearer hunter2-hunter2", "Bearer [redacted]"),
        ("/bEARER%20hunter2-hunter2/x", "/bEARER%20[redacted]/x"),
        ("Basic+dXNlcjpwYXNz", "Basic+[redacted]"),
        ("/k/9fK2mQ7xR4tY8wZ1bN5vC3jH6gL0pD2s", "/k/[redacted]"),
        ("/v1/%73k-AAECAwQFBgcICQoLDA0ODw", "/v1/[redacted]"),
        ("/v1/%2573%256B%252DAAECAwQFBgcICQoLDA0ODw", "/v1/[redacted]"),
    ] {
        assert_eq!(shown(text), want, "{text}");
    }
}

#[test]
fn what_is_no_credential_stays() {
    for text in [
        "",
        "/v1/chat/completions",
        "/v1/models/gpt-4o-mini-2024-07-18",
        "/v1/task-force-of-the-day/risk-assessment",
        "/v1/sk-short",
        "/manage/tokens/017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "/v1/responses/resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "OpenAI/Python 1.54.3",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        "/v1beta/models/Gemini-2.5-Flash-Preview-05-20:generateContent",
        "Bearer x",
        "/a%2Fb%",
        "/ä/日本",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn known_secrets_are_taken_out_wherever_they_stand() {
    let hide = |text: &str| Shown::hiding(text.as_bytes(), &[b"hunter2-hunter2", b"short"], 99).0;
    assert_eq!(hide("/a/hunter2-hunter2/hunter2-hunter2-b"), "/a/[redacted]/[redacted]-b");
    assert_eq!(hide("xhunter2-hunter2hunter2-hunter2x"), "x[redacted]x");
    assert_eq!(hide("/%68unter2%2dhunter2"), "/[redacted]");
    assert_eq!(hide("/shorter"), "/shorter");
}

#[test]
fn a_secret_with_a_percent_sign_is_found_as_it_came() {
    assert_eq!(Shown::hiding(b"/abc%41defgh/", &[b"abc%41defgh"], 99).as_str(), "/[redacted]/");
}

#[test]
fn it_is_one_printable_line() {
    assert_eq!(shown("a\r\nb\u{1b}[31m\u{202e}c\u{85}d"), r"a\u{d}\u{a}b\u{1b}[31m\u{202e}c\u{85}d");
    assert_eq!(Shown::hiding(b"a\xffb", &[], 99).as_str(), "a\u{fffd}b");
}

#[test]
fn a_long_text_ends_with_a_mark() {
    assert_eq!(Shown::hiding(b"abcdef", &[], 6).as_str(), "abcdef");
    assert_eq!(Shown::hiding(b"abcdefg", &[], 6).as_str(), "abcdef…");
    let long = Shown::hiding(b"ab sk-AAECAwQFBgcICQoLDA0ODw", &[], 5);
    assert_eq!(long.as_str(), "ab [r…");
}

/// A text with each byte encoded or not, as many times as said.
fn encode(text: &str, layers: usize, which: u64) -> String {
    (0..layers).fold(text.to_owned(), |text, layer| {
        let encoded = text.bytes().enumerate().map(|(at, byte)| {
            let is_encoded =
                byte == b'%' || which.rotate_left(u32::try_from(at + layer).unwrap_or(0)).is_multiple_of(2);
            if is_encoded { format!("%{byte:02X}") } else { char::from(byte).to_string() }
        });
        encoded.collect()
    })
}

proptest! {
    #[test]
    fn no_known_secret_is_left_whatever_stands_around_it(
        secret in "[!-~]{8,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}",
        layers in 0..4_usize, which in any::<u64>(), longest in 0..200_usize,
    ) {
        prop_assume!(!MARK.contains(&secret));
        let text = format!("{before}{}{after}", encode(&secret, layers, which));
        let shown = Shown::hiding(text.as_bytes(), &[secret.as_bytes()], longest);
        for layer in decoded(shown.as_str()) {
            prop_assert!(memchr::memmem::find(&layer, secret.as_bytes()).is_none(), "{} in {:?}", secret, shown);
        }
    }

    #[test]
    fn no_key_of_a_known_shape_is_left(
        key in "sk-(proj-|ant-api03-)?[A-Za-z0-9_-]{8,80}|AIza[A-Za-z0-9_-]{35}", before in "([a-z/ ]{0,20}[/ :=])?",
        after in "([/ ,:;][ -~]{0,20})?", layers in 0..3_usize, which in any::<u64>(),
    ) {
        let text = format!("{before}{}{after}", encode(&key, layers, which));
        let shown = Shown::of(&text);
        for layer in decoded(shown.as_str()) {
            prop_assert!(memchr::memmem::find(&layer, key.as_bytes()).is_none(), "{} in {:?}", key, shown);
        }
    }

    #[test]
    fn any_bytes_become_a_bounded_printable_text(text in prop::collection::vec(any::<u8>(), 0..300), longest in 0..50_usize) {
        let shown = Shown::hiding(&text, &[], longest);
        prop_assert!(shown.as_str().chars().count() <= longest + 1);
        prop_assert!(!shown.as_str().chars().any(would_disturb));
    }
}
