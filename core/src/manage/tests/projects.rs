//! The bodies that make and change a project: what is accepted, and the sentences for what is not.

use super::*;

#[test]
fn a_project_is_made_with_the_provider_it_names_or_the_default() {
    for (body, want) in [
        (r#"{"name":"a","api_key":"sk-1"}"#, new_project("a", "sk-1", "openai")),
        (r#"{"name":"a","openai_api_key":"sk-1"}"#, new_project("a", "sk-1", "openai")),
        (r#" {"provider":"anthropic","api_key":"sk-1","name":"a"} "#, new_project("a", "sk-1", "anthropic")),
        (r#"{"n\u0061me":"\u00e4","api_key":"sk-1"}"#, new_project("ä", "sk-1", "openai")),
        (r#"{"name":" Team A ","api_key":"sk-1"}"#, new_project(" Team A ", "sk-1", "openai")),
    ] {
        let got = sent(&Method::POST, ManageRoute::Projects, body);
        let Ok(Command::CreateProject(NewProject { api_key, .. })) = &got else { panic!("{body}: {got:?}") };
        assert_eq!(api_key.reveal(), "sk-1", "{body}");
        assert_is(got, &want, body);
    }
}

#[test]
fn a_name_has_1_to_255_characters_however_many_bytes() {
    for (name, accepted) in [
        ("", false),
        ("a", true),
        (&"ä".repeat(255), true),
        (&"ä".repeat(256), false),
        (&"a".repeat(256), false),
        ("   ", false),
        ("\u{2003}", false),
        ("a\u{0}", false),
        ("a\nb", false),
        ("a\u{85}b", false),
    ] {
        let body = serde_json::json!({ "name": name, "api_key": "k" }).to_string();
        let got = sent(&Method::POST, ManageRoute::Projects, &body);
        assert_eq!(got.is_ok(), accepted, "{name:?}: {got:?}");
    }
}

#[test]
fn a_project_with_something_wrong_is_refused_with_what_to_do() {
    let known = "name, api_key, openai_api_key, provider";
    let name_rule = "name must be 1 to 255 characters, not all of them spaces, without control characters";
    let key_rule = "must be visible ASCII characters without spaces, at least one: it becomes a header's value";
    let masked = "is a mask, as reads show it: send the key itself";
    for (body, want) in [
        ("", format!("the body is empty: send a JSON object, this call takes {known}")),
        (" \r\n\t", format!("the body is empty: send a JSON object, this call takes {known}")),
        ("{}", "name is missing: it is required".to_owned()),
        (r#"{"name":"a"}"#, "api_key is missing: it is required".to_owned()),
        (r#"{"api_key":"k"}"#, "name is missing: it is required".to_owned()),
        (r#"{"name":"","api_key":"k"}"#, name_rule.to_owned()),
        (r#"{"name":"a\u001fb","api_key":"k"}"#, name_rule.to_owned()),
        (r#"{"name":1,"api_key":"k"}"#, "name must be a string, but is a number".to_owned()),
        (r#"{"name":null,"api_key":"k"}"#, "name must be a string, but is null".to_owned()),
        (r#"{"name":["a"],"api_key":"k"}"#, "name must be a string, but is an array".to_owned()),
        (r#"{"name":"a","api_key":{"k":1}}"#, "api_key must be a string, but is an object".to_owned()),
        (r#"{"name":"a","openai_api_key":true}"#, "openai_api_key must be a string, but is true or false".to_owned()),
        (r#"{"name":"a","api_key":""}"#, format!("api_key {key_rule}")),
        (r#"{"name":"a","api_key":"sk 1"}"#, format!("api_key {key_rule}")),
        (r#"{"name":"a","api_key":"sk-1\r\nX: y"}"#, format!("api_key {key_rule}")),
        (r#"{"name":"a","api_key":"sk-ä"}"#, format!("api_key {key_rule}")),
        (r#"{"name":"a","api_key":"sk-\u007f"}"#, format!("api_key {key_rule}")),
        (r#"{"name":"a","openai_api_key":""}"#, format!("openai_api_key {key_rule}")),
        (r#"{"name":"a","api_key":"sk-proj-...cdef"}"#, format!("api_key {masked}")),
        (r#"{"name":"a","api_key":"sk****"}"#, format!("api_key {masked}")),
        (r#"{"name":"a","api_key":"unreadable"}"#, format!("api_key {masked}")),
        (r#"{"name":"a","openai_api_key":"****"}"#, format!("openai_api_key {masked}")),
        (
            r#"{"name":"a","api_key":"k","openai_api_key":"k"}"#,
            "api_key and openai_api_key mean the same: send one of them".to_owned(),
        ),
        (
            r#"{"name":"a","api_key":"k","provider":"other"}"#,
            "provider is not known: use one of anthropic, openai".to_owned(),
        ),
        (
            r#"{"name":"a","api_key":"k","provider":"OpenAI"}"#,
            "provider is not known: use one of anthropic, openai".to_owned(),
        ),
        (r#"{"name":"a","api_key":"k","provider":null}"#, "provider must be a string, but is null".to_owned()),
        (
            r#"{"name":"a","api_key":"k","is_active":true}"#,
            format!(r#"unknown field "is_active": this call takes {known}"#),
        ),
        (r#"{"Name":"a","api_key":"k"}"#, format!(r#"unknown field "Name": this call takes {known}"#)),
        (r#"{"":"a"}"#, format!(r#"unknown field "": this call takes {known}"#)),
        (r#"{"a\nb":1}"#, format!(r#"unknown field "a\nb": this call takes {known}"#)),
        (
            r#"{"sk-proj-0123456789abcdefghij":1}"#,
            format!(r#"unknown field "sk-proj-...ghij": this call takes {known}"#),
        ),
        (r#"{"name":"a","name":"b","api_key":"k"}"#, "name is given more than once: send it once".to_owned()),
        (r#"{"name":"a","n\u0061me":"a","api_key":"k"}"#, "name is given more than once: send it once".to_owned()),
    ] {
        assert_bad(sent(&Method::POST, ManageRoute::Projects, body), &want, body);
    }
}

#[test]
fn a_project_is_changed_in_what_is_sent_and_nothing_else() {
    let off = || ProjectChange { is_active: Some(false), ..Default::default() };
    let name = || Some("b".to_owned());
    let key = || Some(Secret::new("sk-2".to_owned()));
    for (body, want) in [
        (r#"{"name":"b"}"#, ProjectChange { name: name(), ..Default::default() }),
        (r#"{"api_key":"sk-2"}"#, ProjectChange { api_key: key(), ..Default::default() }),
        (r#"{"openai_api_key":"sk-2"}"#, ProjectChange { api_key: key(), ..Default::default() }),
        (r#"{"provider":"anthropic"}"#, ProjectChange { provider: Some("anthropic".to_owned()), ..Default::default() }),
        (r#"{"is_active":true}"#, ProjectChange { is_active: Some(true), ..Default::default() }),
        (r#"{"is_active":false}"#, off()),
        (r#"{"is_active":false,"revoke_tokens":false}"#, off()),
        (r#"{"revoke_tokens":true,"is_active":false}"#, ProjectChange { revoke_tokens: true, ..off() }),
        (r#"{"name":"b","is_active":false}"#, ProjectChange { name: name(), ..off() }),
    ] {
        let got = sent(&Method::PATCH, ManageRoute::Project(Some(project_id())), body);
        if let (Ok(Command::UpdateProject(_, ProjectChange { api_key: Some(key), .. })), true) =
            (&got, want.api_key.is_some())
        {
            assert_eq!(key.reveal(), "sk-2", "{body}");
        }
        assert_is(got, &Command::UpdateProject(project_id(), want), body);
    }
}

#[test]
fn a_change_of_a_project_that_makes_no_sense_is_refused() {
    let known = "name, api_key, openai_api_key, provider, is_active, revoke_tokens";
    let revoke = r#"revoke_tokens goes only together with "is_active": false"#;
    for (body, want) in [
        ("", format!("the body is empty: send a JSON object, this call takes {known}")),
        ("{}", format!("there is nothing to change: send at least one of {known}")),
        (r#"{"revoke_tokens":true}"#, revoke.to_owned()),
        (r#"{"revoke_tokens":false}"#, revoke.to_owned()),
        (r#"{"revoke_tokens":true,"is_active":true}"#, revoke.to_owned()),
        (r#"{"revoke_tokens":true,"name":"b"}"#, revoke.to_owned()),
        (
            r#"{"revoke_tokens":"yes","is_active":false}"#,
            "revoke_tokens must be true or false, but is a string".to_owned(),
        ),
        (r#"{"is_active":null}"#, "is_active must be true or false, but is null".to_owned()),
        (r#"{"is_active":0}"#, "is_active must be true or false, but is a number".to_owned()),
        (r#"{"name":null}"#, "name must be a string, but is null".to_owned()),
        (r#"{"provider":"other"}"#, "provider is not known: use one of anthropic, openai".to_owned()),
        (r#"{"id":"x"}"#, format!(r#"unknown field "id": this call takes {known}"#)),
        (r#"{"api_key":"unreadable"}"#, "api_key is a mask, as reads show it: send the key itself".to_owned()),
    ] {
        assert_bad(sent(&Method::PUT, ManageRoute::Project(Some(project_id())), body), &want, body);
    }
}
