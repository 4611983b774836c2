//! Bodies before any field counts: JSON or not, objects or not, too large, or of no use.

use super::*;

#[test]
fn a_body_that_is_no_json_object_is_refused_with_its_place() {
    let no_object = r#"the body is not a JSON object: send one, such as {"name": "value"}"#;
    for (body, want) in [
        ("[]", no_object),
        ("null", no_object),
        (r#""text""#, no_object),
        ("name=a&api_key=k", no_object),
        ("\u{feff}{}", no_object),
        ("{", "the body is not valid JSON: EOF while parsing an object at line 1 column 1"),
        (r#"{"name":}"#, "the body is not valid JSON: expected value at line 1 column 9"),
        ("{\n\"name\": \"a\",\n}", "the body is not valid JSON: trailing comma at line 3 column 1"),
        (r#"{"name":"a"} {}"#, "the body is not valid JSON: trailing characters at line 1 column 14"),
        (r#"{"name":'a'}"#, "the body is not valid JSON: expected value at line 1 column 9"),
        (r#"{"name":"a"#, "the body is not valid JSON: EOF while parsing a string at line 1 column 10"),
        (r#"{name:"a"}"#, "the body is not valid JSON: key must be a string at line 1 column 2"),
        (r#"{"name":"\ud800"}"#, "the body is not valid JSON: unexpected end of hex escape at line 1 column 16"),
        (r#"{"name":1e999}"#, "the body is not valid JSON: number out of range at line 1 column 13"),
    ] {
        assert_bad(sent(&Method::POST, ManageRoute::Projects, body), want, body);
    }
}

#[test]
fn a_body_that_is_not_utf8_is_refused_with_its_place() {
    let got = call(&Method::POST, ManageRoute::Projects, "", b"{\"name\":\"\xff\"}");
    assert_bad(got, "the body is not UTF-8 text from byte 9 on: send UTF-8", "0xff");
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let body = format!(r#"{{"name":{}"#, "[".repeat(60_000));
    let refusal = sent(&Method::POST, ManageRoute::Projects, &body).unwrap_err();
    assert!(refusal.to_string().contains("recursion limit"), "{refusal}");
}

#[test]
fn a_body_of_64_kib_is_read_and_one_byte_more_is_not() {
    let fits = r#"{"name":"a","api_key":"k"}"#.to_owned() + &" ".repeat(MAX_BODY - 26);
    assert_eq!(fits.len(), 65_536);
    assert_is(sent(&Method::POST, ManageRoute::Projects, &fits), &new_project("a", "k", "openai"), "64 KiB");
    let refusal = sent(&Method::POST, ManageRoute::Projects, &(fits + " ")).unwrap_err();
    assert_eq!(refusal, Refusal::RequestTooLarge(65_536));
}

#[test]
fn a_bulk_revocation_takes_no_field() {
    let route = ManageRoute::RevokeTokens(Some(project_id()));
    for body in ["", " ", "{}"] {
        assert_is(sent(&Method::POST, route, body), &Command::RevokeProjectTokens(project_id()), body);
    }
    let refused = r#"unknown field "dry_run": this call takes no fields"#;
    assert_bad(sent(&Method::POST, route, r#"{"dry_run":true}"#), refused, "dry_run");
}

#[test]
fn bodies_without_a_use_are_not_looked_at() {
    let route = ManageRoute::Token(Some(token_id()));
    assert_is(sent(&Method::GET, route, "{"), &Command::GetToken(token_id()), "GET");
    assert_is(sent(&Method::DELETE, route, "{"), &Command::RevokeToken(token_id()), "DELETE");
}
