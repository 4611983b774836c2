//! The rules one by one; whole requests are in `dialogues::attempts`.

use bytes::Bytes;

use super::*;
use crate::http1::Fields;

fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|text| Glob::new(text)).collect()
}

fn models() -> ParamRules {
    ParamRules::new(vec![("model".to_owned(), globs(&["gpt-4o", "gpt-4.1-*"]))])
}

fn inspection(media: &str, rules: ParamRules) -> Result<BodyInspection, InspectError> {
    BodyInspection::new(&Fields::for_tests(&[("Content-Type", media)]), rules)
}

/// The verdict on content of that type.
fn verdict(media: &str, rules: ParamRules, content: &[u8]) -> Result<(), InspectError> {
    let mut inspection = inspection(media, rules)?;
    inspection.feed(content)?;
    inspection.finish()
}

fn not_allowed(name: &str) -> Result<(), InspectError> {
    Err(InspectError::ParamNotAllowed(name.into()))
}

#[test]
fn a_star_is_any_run_of_characters_and_all_else_is_itself() {
    for (pattern, value, matches) in [
        ("gpt-4o", "gpt-4o", true),
        ("gpt-4o", "gpt-4o-mini", false),
        ("gpt-4o", "GPT-4o", false),
        ("gpt-4o*", "gpt-4o", true),
        ("gpt-4o*", "gpt-4o-mini", true),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("*-mini", "gpt-4o-mini", true),
        ("*-mini", "gpt-4o-mini-x", false),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "abcb", false),
        ("**", "anything", true),
        ("a?c", "abc", false),
        ("[ab]", "a", false),
        ("é*", "école", true),
    ] {
        assert_eq!(Glob::new(pattern).matches(value.as_bytes()), matches, "{pattern} {value}");
    }
}

#[test]
fn many_stars_do_not_cost_more_than_the_product_of_both_lengths() {
    let pattern = "*a".repeat(60) + "b";
    assert!(!Glob::new(&pattern).matches("a".repeat(1024).as_bytes()));
}

/// Documents, and whether RFC 8259 has them. Each stands in a member, so that the top level is an object.
const DOCUMENTS: [(&[u8], bool); 62] = [
    (b"0", true),
    (b"-0", true),
    (b"1", true),
    (b"-1.5e+10", true),
    (b"1E5", true),
    (b"1e-05", true),
    (b"0.0", true),
    (b"123456789012345678901234567890", true),
    (b"00", false),
    (b"-", false),
    (b"-01", false),
    (b"1.", false),
    (b".5", false),
    (b"1.e5", false),
    (b"1e", false),
    (b"1e+", false),
    (b"+1", false),
    (b"0x1", false),
    (b"1_0", false),
    (b"Infinity", false),
    (b"-Infinity", false),
    (b"NaN", false),
    (b"1 2", false),
    (b"true", true),
    (b"false", true),
    (b"null", true),
    (b"True", false),
    (b"tru", false),
    (b"truee", false),
    (b"nul", false),
    (b"[]", true),
    (b"[ ]", true),
    (b"[1,[2,{}]]", true),
    (b"[,]", false),
    (b"[1,]", false),
    (b"[1 1]", false),
    (b"[1", false),
    (b"]", false),
    (b"[}", false),
    (b"{}", true),
    (b"{\"a\":1,\"a\":2}", true),
    (b"{\"a\":1,}", false),
    (b"{\"a\"}", false),
    (b"{\"a\":}", false),
    (b"{1:1}", false),
    (b"{\"a\":1;\"b\":2}", false),
    (b"\"\"", true),
    (b"\"\\u0000\\uFFFF\"", true),
    (b"\"\\ud834\\udd1e\"", true),
    (b"\"\\ud834\"", false),
    (b"\"\\ud834x\"", false),
    (b"\"\\ud834\\n\"", false),
    (b"\"\\ud834\\ud834\"", false),
    (b"\"\\udd1e\"", false),
    (b"\"\\u00g0\"", false),
    (b"\"\\u00\"", false),
    (b"\"\\a\"", false),
    (b"\"\\'\"", false),
    (b"\"\t\"", false),
    (b"\"\x7f\"", true),
    (b"\"\xF0\x9F\x98\x80\xEF\xBF\xBF\"", true),
    (b"\"\xF8\x88\x80\x80\x80\"", false),
];

#[test]
fn values_are_taken_as_the_grammar_has_them() {
    for (document, valid) in DOCUMENTS {
        let whole = [b"{\"x\":", document, b"}"].concat();
        let taken = verdict("application/json", models(), &whole).is_ok();
        assert_eq!(taken, valid, "{}", document.escape_ascii());
        crate::fuzzing::json_scanner(&whole);
    }
}

#[test]
fn arrays_and_objects_are_as_deep_as_serde_json_takes_them() {
    for (depth, taken) in [(126, true), (127, false)] {
        let document = format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(verdict("application/json", models(), document.as_bytes()).is_ok(), taken, "{depth}");
        crate::fuzzing::json_scanner(document.as_bytes());
    }
}

#[test]
fn each_listed_parameter_is_compared_with_its_own_list() {
    let rules = ParamRules::new(vec![("model".to_owned(), globs(&["a"])), ("voice".to_owned(), globs(&["x*", "y"]))]);
    let json = |text: &str| verdict("application/json", rules.clone(), text.as_bytes());
    assert_eq!(json(r#"{"model":"a","voice":"xylo"}"#), Ok(()));
    assert_eq!(json(r#"{"voice":"y"}"#), Ok(()));
    assert_eq!(json(r#"{"model":"a","voice":"a"}"#), not_allowed("voice"));
    assert_eq!(json(r#"{"model":"y","voice":"y"}"#), not_allowed("model"));
}

#[test]
fn a_value_is_compared_up_to_its_limit_and_not_beyond() {
    let rules = || ParamRules::new(vec![("m".to_owned(), globs(&["*"]))]);
    for (length, taken) in [(1024, Ok(())), (1025, not_allowed("m"))] {
        let value = "x".repeat(length);
        assert_eq!(verdict("application/json", rules(), format!("{{\"m\":\"{value}\"}}").as_bytes()), taken);
        assert_eq!(verdict("application/x-www-form-urlencoded", rules(), format!("m={value}").as_bytes()), taken);
        let part = format!("--b\r\nContent-Disposition: form-data; name=m\r\n\r\n{value}\r\n--b--");
        assert_eq!(verdict("multipart/form-data; boundary=b", rules(), part.as_bytes()), taken);
    }
}

#[test]
fn content_of_any_size_is_looked_at_in_little_memory() {
    let mut scanner = multipart::MultipartScanner::new(b"boundary", models()).unwrap();
    scanner.feed(b"--boundary\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n").unwrap();
    for _ in 0..1000 {
        scanner.feed(&[b'\r'; 16 * 1024]).unwrap();
        assert!(scanner.waiting() < 64, "{} bytes are kept", scanner.waiting());
    }
}

#[test]
fn a_media_type_is_read_strictly() {
    for (value, taken) in [
        ("application/json", true),
        ("application/json;charset=utf-8", true),
        ("application/json ; charset=\"utf8\" ; x=y;", true),
        ("application/json charset=utf-8", false),
        ("application/json; charset", false),
        ("application/json; charset =utf-8", false),
        ("application/json; charset= utf-8", false),
        ("application/json; charset=utf-8 x", false),
        ("application/json; charset=\"utf-8", false),
        ("application/json; charset=\"utf-8\\\"", false),
        ("application/json; charset*=utf-16''x", false),
        ("application/json;; charset=utf-8", false),
        ("json", false),
        ("*/*", false),
        ("application/jsonp", false),
        ("text/x+json", false),
    ] {
        assert_eq!(inspection(value, models()).is_ok(), taken, "{value}");
    }
}

#[test]
fn a_boundary_is_what_the_rfc_says() {
    for (boundary, taken) in [
        ("b", true),
        ("\"a b'()+_,-./:=?\"", true),
        ("\" b\"", true),
        ("\"b \"", false),
        ("\"\"", false),
        ("\"a\\b\"", false),
        ("\"a;b\"", false),
        ("a:b", false),
        (&"b".repeat(70), true),
        (&"b".repeat(71), false),
    ] {
        let media = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(inspection(&media, models()).is_ok(), taken, "{boundary}");
    }
}

#[test]
fn the_head_of_a_part_names_its_field() {
    let name = |head: &str| disposition::field_name(Bytes::from(format!("{head}\r\n\r\n")));
    let named = |name: &str| Ok(name.as_bytes().to_vec());
    assert_eq!(name("Content-Disposition: form-data; name=a"), named("a"));
    assert_eq!(name("content-disposition: form-data;name=\"a b;c=d\""), named("a b;c=d"));
    assert_eq!(name("Content-Disposition: form-data; filename=\"x;name=y\"; name=a"), named("a"));
    assert_eq!(name("Content-Disposition: form-data; filename*=utf-8''%41; name=a; filename=x"), named("a"));
    assert_eq!(name("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: BINARY"), named("a"));
    assert_eq!(name("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=UTF-8"), named("a"));
    for head in ["Content-Disposition: form-data; name=\"\"", "Content-Disposition: form-data; name=a b", "no field"] {
        assert!(name(head).is_err(), "{head}");
    }
}

#[test]
fn a_list_of_the_operators_own_for_the_purpose_counts_instead_of_ours() {
    let own = ParamRules::new(vec![("purpose".to_owned(), globs(&["batch"]))]);
    assert_eq!(own.and_no_batch(), own);
    let ours = models().and_no_batch();
    let json = |text: &str| verdict("application/json", ours.clone(), text.as_bytes());
    assert_eq!(json(r#"{"purpose":"user_data"}"#), Ok(()));
    assert!(json(r#"{"purpose":"Batch"}"#).is_err() && json(r#"{"purpose":null}"#).is_err());
}

#[test]
fn nothing_of_the_content_is_printed() {
    let mut inspection = inspection("application/json", models()).unwrap();
    inspection.feed(br#"{"model":"gpt-4.1-secr"#).unwrap();
    assert_eq!(format!("{inspection:?}"), "JSON");
}
