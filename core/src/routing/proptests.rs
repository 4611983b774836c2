//! The law of routing: a path never matches an endpoint that it is not under, in any encoding, dot segment or case, and
//! no upstream reads another place out of what it is sent.

use proptest::prelude::*;

use super::*;

/// Pieces of which paths are put together: names, near misses and all that is special.
const PIECES: [&str; 44] = [
    "/",
    "/",
    "/",
    "v1",
    "models",
    "modelsx",
    "MODELS",
    "x",
    ".",
    "..",
    "/./",
    "/../",
    "%2e",
    "%2E",
    "%2f",
    "%5C",
    "\\",
    "%25",
    "2e",
    "2f",
    "%",
    "%6d",
    "%6D",
    ";",
    ";a=b",
    "%3b",
    "%20",
    " ",
    "%00",
    "/%252e%252e/",
    "/..;/",
    "//",
    "\u{1}",
    "%c3%a9",
    "%ff",
    "#",
    "?",
    "%23",
    "é",
    "{any}",
    "%7Bany%7D",
    "V1",
    "%2525",
    "/%2e%2e;/",
];

/// Most begin at or near the endpoint, so that the laws speak of paths that match and not only of refused ones.
fn any_path() -> impl Strategy<Value = String> {
    const BEGINS: [&str; 7] =
        ["/", "/v1/models", "/v1/models/x/", "/v1/models/", "/v1/x/", "/x/../v1/models/", "/v1/%6dodels"];
    let pieces = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..8);
    (proptest::sample::select(&BEGINS[..]), pieces).prop_map(|(begin, pieces)| begin.to_owned() + &pieces.concat())
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[a-zA-Z0-9._:@é-]{0,6}[a-z0-9]", 1..5)
}

/// Decodes one segment the long way; `None` if it cannot be.
fn model_decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = String::from_utf8(vec![rest.next()?, rest.next()?]).ok()?;
            bytes.push(u8::from_str_radix(&digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The reference: split, decode each segment, look for trouble, resolve. `None` is refused.
fn model(path: &str) -> Option<Vec<String>> {
    let raw: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let mut resolved = Vec::new();
    for (at, raw_segment) in raw.iter().enumerate() {
        let segment = model_decode(raw_segment)?;
        let twice = segment.match_indices('%').any(|(at, _)| {
            let byte = segment.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            byte.is_some_and(|byte| byte < 0x20 || byte == 0x7f || b"./\\%;?#".contains(&byte))
        });
        let seen_by_some = segment.split([';', '?', '#']).next()?.trim_matches(' ');
        let disguised = seen_by_some != segment && ["", ".", ".."].contains(&seen_by_some);
        let forbidden = segment.contains(['/', '\\']) || segment.bytes().any(|byte| byte.is_ascii_control());
        if twice || disguised || forbidden || raw_segment.contains(['?', '#']) {
            return None;
        }
        match segment.as_str() {
            "." => {}
            ".." => drop(resolved.pop()?),
            "" if at + 1 == raw.len() => {}
            "" => return None,
            _ => resolved.push(segment),
        }
    }
    Some(resolved)
}

/// What an upstream may make of a path, beside what we do: each is a habit of some server.
fn readings(sent: &str) -> Vec<Vec<String>> {
    let once: Vec<String> = sent[1..].split('/').map(|segment| model_decode(segment).unwrap()).collect();
    let resolve = |segments: Vec<String>| {
        segments.into_iter().fold(Vec::new(), |mut kept, segment| {
            match segment.as_str() {
                "." => {}
                ".." => drop(kept.pop()),
                _ => kept.push(segment),
            }
            kept
        })
    };
    let merged: Vec<String> = once.iter().filter(|segment| !segment.is_empty()).cloned().collect();
    let bare = |segment: &String| segment.split([';', '?', '#']).next().unwrap().trim_matches(' ').to_owned();
    let without_parameters: Vec<String> = once.iter().map(bare).collect();
    let twice: Vec<String> = once
        .iter()
        .flat_map(|segment| {
            let segment = model_decode(segment).unwrap_or_else(|| segment.clone());
            segment.split(['/', '\\']).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    vec![once.clone(), resolve(once), resolve(merged), resolve(without_parameters), resolve(twice)]
}

/// The same path in another spelling: encodes the characters that `dice` picks, and puts dot segments between.
fn respell(names: &[String], dice: &[u8]) -> String {
    let mut dice = dice.iter().cycle();
    let mut roll = || *dice.next().unwrap_or(&0);
    let mut path = String::new();
    for name in names {
        path.push_str(["/", "/./", "/x/../", "/%2E/", "/y/z/%2e./.%2e/", "/"][usize::from(roll()) % 6]);
        for character in name.chars() {
            let encode = !character.is_ascii() || roll() % 3 == 0;
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                path.push_str(&if encode { format!("%{byte:02x}") } else { char::from(byte).to_string() });
            }
        }
    }
    path
}

/// Endpoints at every depth, some with a placeholder.
const ENDPOINTS: [&str; 5] = ["/v1", "/v1/models", "/v1/models/{id}", "/v1/models/{id}/x", "/v1/{any}/x/x/{any}"];

/// Whether the model places a path, in its segments, under an endpoint as it is written.
fn is_under(asked: &[String], endpoint: &str) -> bool {
    let wanted: Vec<&str> = endpoint[1..].split('/').collect();
    let same = |(want, got): (&&str, &String)| want == got || want.starts_with('{');
    asked.len() >= wanted.len() && wanted.iter().zip(asked).all(same)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parsing_agrees_with_the_model(path in any_path()) {
        let parsed = NormalPath::parse(&path).ok().map(|path| path.segments().map(str::to_owned).collect::<Vec<_>>());
        prop_assert_eq!(parsed, model(&path));
    }

    #[test]
    fn a_match_is_a_prefix_of_whole_segments(path in any_path()) {
        for endpoint in [&["v1", "models"][..], &["v1"], &["x"], &["v1", "{any}", "x"]] {
            let pattern = EndpointPattern::parse(&format!("/{}", endpoint.join("/"))).unwrap();
            let matches = NormalPath::parse(&path).is_ok_and(|path| pattern.contains(&path));
            let expected = model(&path).is_some_and(|segments| {
                let same = |(want, got): (&&str, &String)| want == got || *want == "{any}";
                segments.len() >= endpoint.len() && endpoint.iter().zip(&segments).all(same)
            });
            prop_assert_eq!(matches, expected, "{:?}", endpoint);
        }
    }

    #[test]
    fn no_upstream_reads_a_sent_path_as_lying_elsewhere(path in any_path()) {
        let pattern = EndpointPattern::parse("/v1/models").unwrap();
        let path = NormalPath::parse(&path).ok().filter(|path| pattern.contains(path));
        for reading in path.iter().flat_map(|path| readings(&path.upstream_path())) {
            prop_assert!(reading.starts_with(&["v1", "models"].map(str::to_owned)), "{:?}", reading);
        }
    }

    #[test]
    fn a_sent_path_reads_as_it_was_compared_and_has_no_dots_left(path in any_path()) {
        if let Ok(normal) = NormalPath::parse(&path) {
            let sent = normal.upstream_path().into_owned();
            let again = NormalPath::parse(&sent).unwrap();
            prop_assert!(again == normal);
            prop_assert_eq!(again.upstream_path(), sent.as_str());
        }
    }

    #[test]
    fn every_spelling_matches_as_the_plain_path_does(
        names in names(),
        endpoint in names(),
        dice in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let (plain, other) = (format!("/{}", names.join("/")), respell(&names, &dice));
        let (plain, other) = (NormalPath::parse(&plain).unwrap(), NormalPath::parse(&other).unwrap());
        prop_assert!(plain == other);
        let own = EndpointPattern::parse(&format!("/{}", names.join("/"))).unwrap();
        prop_assert!(own.contains(&other));
        let foreign = EndpointPattern::parse(&format!("/{}", endpoint.join("/"))).unwrap();
        prop_assert_eq!(foreign.contains(&other), names.starts_with(&endpoint));
    }

    #[test]
    fn another_case_is_another_path(names in names()) {
        let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        let swapped: Vec<String> = names.iter().map(|name| name.chars().map(swap).collect()).collect();
        let own = EndpointPattern::parse(&format!("/{}", names.join("/"))).unwrap();
        let swapped_path = format!("/{}", swapped.join("/"));
        prop_assert_eq!(own.contains(&NormalPath::parse(&swapped_path).unwrap()), swapped == names);
    }

    #[test]
    fn no_path_below_manage_is_proxied(tail in any_path()) {
        let path = format!("/manage{tail}");
        prop_assert!(matches!(route(&http::Method::GET, &path), Route::Manage(_)), "{}", path);
    }

    #[test]
    fn the_longest_endpoint_that_a_path_is_under_says_how_large_a_request_may_be(
        path in any_path(),
        endpoints in proptest::collection::btree_set(proptest::sample::select(&ENDPOINTS[..]), 0..ENDPOINTS.len()),
    ) {
        let Ok(normal) = NormalPath::parse(&path) else { return Ok(()) };
        let mut provider = crate::testing::provider();
        let limits = endpoints.iter().zip(1000..);
        provider.max_request_size =
            limits.map(|(endpoint, limit)| (EndpointPattern::parse(endpoint).unwrap(), limit)).collect();
        let asked = model(&path).unwrap();
        let under = endpoints.iter().zip(1000..).filter(|(endpoint, _)| is_under(&asked, endpoint));
        // No two of the list that have the same length fit one path.
        let longest = under.max_by_key(|(endpoint, _)| endpoint.matches('/').count());
        prop_assert_eq!(
            provider.max_request_size_for(&normal),
            longest.map_or(provider.max_request_default, |(_, limit)| limit)
        );
    }

    #[test]
    fn endpoints_match_what_the_model_places_under_them_and_nothing_else(path in any_path()) {
        for endpoint in ENDPOINTS {
            let pattern = EndpointPattern::parse(endpoint).unwrap();
            let matches = NormalPath::parse(&path).is_ok_and(|path| pattern.contains(&path));
            prop_assert_eq!(matches, model(&path).is_some_and(|asked| is_under(&asked, endpoint)), "{}", endpoint);
        }
    }

    #[test]
    fn any_two_texts_keep_the_laws_of_the_fuzz_target(endpoint in any_path(), path in any_path()) {
        crate::fuzzing::path(format!("{endpoint}\n{path}").as_bytes());
    }
}
