//! The bodies that make and change a token: what is accepted, and the sentences for what is not.

use super::*;

#[test]
fn a_token_is_made_with_its_limits() {
    for (fields, want) in [
        (r#""duration_minutes":1"#, new_token(1, None, None)),
        (r#""duration_minutes":525600"#, new_token(525_600, None, None)),
        (r#""duration_minutes":60,"max_requests":0"#, new_token(60, None, None)),
        (r#""duration_minutes":60,"max_requests":null,"requests_per_minute":null"#, new_token(60, None, None)),
        (r#""duration_minutes":60,"max_requests":7"#, new_token(60, Some(7), None)),
        (r#""duration_minutes":60,"requests_per_minute":9,"max_requests":7"#, new_token(60, Some(7), Some(9))),
        (r#""duration_minutes":60,"max_requests":9007199254740991"#, new_token(60, Some((1 << 53) - 1), None)),
    ] {
        let body = format!(r#"{{"project_id":"{ID}",{fields}}}"#);
        assert_is(sent(&Method::POST, ManageRoute::Tokens, &body), &want, fields);
    }
}

#[test]
fn a_token_with_something_wrong_is_refused_with_what_to_do() {
    let minutes = "duration_minutes must be a whole number from 1 to 525600";
    let max = "max_requests must be a whole number from 0 to 9007199254740991";
    let id = "project_id must be a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    let known = "project_id, duration_minutes, max_requests, requests_per_minute";
    let with_id = |fields: &str| format!(r#"{{"project_id":"{ID}",{fields}}}"#);
    for (body, want) in [
        (r#"{"duration_minutes":60}"#.to_owned(), "project_id is missing: it is required".to_owned()),
        (format!(r#"{{"project_id":"{ID}"}}"#), "duration_minutes is missing: it is required".to_owned()),
        (r#"{"project_id":"x","duration_minutes":60}"#.to_owned(), id.to_owned()),
        (r#"{"project_id":"017f22e279b07cc398c4dc0c0c07398f","duration_minutes":60}"#.to_owned(), id.to_owned()),
        (
            r#"{"project_id":7,"duration_minutes":60}"#.to_owned(),
            "project_id must be a string, but is a number".to_owned(),
        ),
        (with_id(r#""duration_minutes":0"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":525601"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":-1"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":60.0"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":6e1"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":99999999999999999999"#), minutes.to_owned()),
        (with_id(r#""duration_minutes":"60""#), "duration_minutes must be a whole number, but is a string".to_owned()),
        (with_id(r#""duration_minutes":null"#), "duration_minutes must be a whole number, but is null".to_owned()),
        (with_id(r#""duration_minutes":60,"max_requests":-1"#), max.to_owned()),
        (with_id(r#""duration_minutes":60,"max_requests":1.5"#), max.to_owned()),
        (with_id(r#""duration_minutes":60,"max_requests":9007199254740992"#), max.to_owned()),
        (
            with_id(r#""duration_minutes":60,"max_requests":"7""#),
            "max_requests must be a whole number, but is a string".to_owned(),
        ),
        (
            with_id(r#""duration_minutes":60,"requests_per_minute":-1"#),
            "requests_per_minute must be a whole number from 0 to 9007199254740991".to_owned(),
        ),
        (
            with_id(r#""duration_minutes":60,"token":"sk-mine""#),
            format!(r#"unknown field "token": this call takes {known}"#),
        ),
        (
            with_id(r#""duration_minutes":60,"duration_minutes":60"#),
            "duration_minutes is given more than once: send it once".to_owned(),
        ),
    ] {
        assert_bad(sent(&Method::POST, ManageRoute::Tokens, &body), &want, &body);
    }
}

#[test]
fn a_token_is_changed_in_what_is_sent_and_nothing_else() {
    for (body, want) in [
        (r#"{"is_active":true}"#, TokenChange { is_active: Some(true), ..Default::default() }),
        (r#"{"max_requests":5}"#, TokenChange { max_requests: Some(Some(5)), ..Default::default() }),
        (r#"{"max_requests":0}"#, TokenChange { max_requests: Some(None), ..Default::default() }),
        (r#"{"max_requests":null}"#, TokenChange { max_requests: Some(None), ..Default::default() }),
        (r#"{"requests_per_minute":5}"#, TokenChange { requests_per_minute: Some(Some(5)), ..Default::default() }),
        (r#"{"requests_per_minute":null}"#, TokenChange { requests_per_minute: Some(None), ..Default::default() }),
        (
            r#"{"is_active":false,"max_requests":1,"requests_per_minute":0}"#,
            TokenChange { is_active: Some(false), max_requests: Some(Some(1)), requests_per_minute: Some(None) },
        ),
    ] {
        let got = sent(&Method::PUT, ManageRoute::Token(Some(token_id())), body);
        assert_is(got, &Command::UpdateToken(token_id(), want), body);
    }
}

#[test]
fn a_change_of_a_token_that_makes_no_sense_is_refused() {
    let known = "is_active, max_requests, requests_per_minute";
    for (body, want) in [
        ("", format!("the body is empty: send a JSON object, this call takes {known}")),
        ("{}", format!("there is nothing to change: send at least one of {known}")),
        (r#"{"is_active":null}"#, "is_active must be true or false, but is null".to_owned()),
        (r#"{"request_count":0}"#, format!(r#"unknown field "request_count": this call takes {known}"#)),
        (r#"{"max_requests":-5}"#, "max_requests must be a whole number from 0 to 9007199254740991".to_owned()),
        (r#"{"max_requests":true}"#, "max_requests must be a whole number, but is true or false".to_owned()),
    ] {
        assert_bad(sent(&Method::PATCH, ManageRoute::Token(Some(token_id())), body), &want, body);
    }
}
