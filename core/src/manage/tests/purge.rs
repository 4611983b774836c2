//! Purging the cache: what may be named.

use super::*;

fn purge(body: &str) -> Result<Command, Refusal> {
    sent(&Method::POST, ManageRoute::PurgeCache, body)
}

#[test]
fn one_resource_or_all_below_a_prefix_may_be_named() {
    let url = |method, url: &str| PurgeWhat::Url { method, url: url.to_owned() };
    for (body, what, project_id) in [
        (r#"{"method":"GET","url":"/v1/models?a=b"}"#.to_owned(), url(Method::GET, "/v1/models?a=b"), None),
        (r#"{"method":"POST","url":"/"}"#.to_owned(), url(Method::POST, "/"), None),
        (format!(r#"{{"prefix":"/v1","project_id":"{ID}"}}"#), PurgeWhat::Prefix("/v1".to_owned()), Some(project_id())),
    ] {
        let Ok(Command::PurgeCache(purge)) = purge(&body) else { panic!("{body}") };
        assert_eq!((purge.what, purge.project_id), (what, project_id), "{body}");
    }
}

#[test]
fn anything_else_is_refused_by_name() {
    let path = "a path as clients send it, such as /v1/models: it begins with a slash, in visible ASCII";
    for (body, want) in [
        ("{}", "url or prefix is missing: it is required".to_owned()),
        (r#"{"method":"GET"}"#, "url or prefix is missing: it is required".to_owned()),
        (r#"{"url":"/a"}"#, "method is missing: it is required".to_owned()),
        (
            r#"{"method":"PUT","url":"/a"}"#,
            "method must be GET, HEAD or POST: no other method's answers are cached".to_owned(),
        ),
        (
            r#"{"method":"get","url":"/a"}"#,
            "method must be GET, HEAD or POST: no other method's answers are cached".to_owned(),
        ),
        (r#"{"method":"GET","url":"https://x/a"}"#, format!("url must be {path}")),
        (r#"{"method":"GET","url":"/a b"}"#, format!("url must be {path}")),
        (r#"{"prefix":""}"#, format!("prefix must be {path}")),
        (
            r#"{"prefix":"/a","url":"/a","method":"GET"}"#,
            "url and prefix do not go together: send one of them".to_owned(),
        ),
        (r#"{"prefix":"/a","method":"GET"}"#, "method and prefix do not go together: send one of them".to_owned()),
        (
            r#"{"prefix":"/a","project_id":"x"}"#,
            "project_id must be a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f".to_owned(),
        ),
        (r#"{"path":"/a"}"#, r#"unknown field "path": this call takes method, url, prefix, project_id"#.to_owned()),
    ] {
        assert_bad(purge(body), &want, body);
    }
}

#[test]
fn without_a_cache_a_purge_is_refused() {
    assert_eq!(render(Err(CommandError::CacheDisabled)).unwrap_err(), Refusal::CacheDisabled);
}

#[test]
fn what_a_purge_names_is_not_printed() {
    let Ok(command) = purge(r#"{"method":"GET","url":"/v1?key=hidden"}"#) else { panic!("no purge") };
    let printed = format!("{command:?}");
    assert!(!printed.contains("hidden"), "{printed}");
}
