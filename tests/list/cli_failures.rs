//! What `llm-proxy manage` says and which code it ends with when a call comes to nothing.

use super::agreeable;
use crate::harness::{Authority, Connection, MANAGEMENT_TOKEN, Mock, Ran, cli, ok};

/// Lists the projects of the server at `url`.
fn list_at(url: &str, environment: &[(&str, &str)]) -> Ran {
    let environment = [&[("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)], environment].concat();
    let ran = cli(&["manage", "project", "list", "-q", "--manage-api-base-url", url], &environment, "");
    assert!(!ran.err.contains(MANAGEMENT_TOKEN) && !ran.err.contains("panicked"), "{ran:?}");
    assert!(ran.code == Some(0) || ran.out.is_empty(), "{ran:?}");
    ran
}

/// Lists the projects of a server that answers with these bytes.
fn list_answered(response: &str) -> Ran {
    list_at(&Mock::answering(response).base_url(), &[])
}

/// An answer with that status and body.
fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_server_that_is_not_there_has_a_code_of_its_own() {
    let url = "http://127.0.0.1:1";
    let ran = list_at(url, &[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains(url) && ran.err.contains("--manage-api-base-url"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
}

#[test]
fn a_server_that_closes_without_an_answer_was_not_reached_either() {
    let mock = Mock::raw(|connection: &mut Connection| drop(connection.request()));
    let ran = list_at(&mock.base_url(), &[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("no answer") && ran.err.contains("may have been done"), "{}", ran.err);
    assert_eq!(mock.count(), 1, "a call is made once");
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    let mock = Mock::raw(|connection: &mut Connection| {
        if connection.request().is_some() {
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[");
        }
    });
    assert_eq!(list_at(&mock.base_url(), &[]).code, Some(2));
}

#[test]
fn refused_credentials_have_a_code_of_their_own() {
    let (_mock, proxy, _) = agreeable();
    for token in ["another-management-token", "short"] {
        let ran = proxy.cli(&["project", "list", "--management-token", token], "");
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{ran:?}");
        assert!(ran.err.contains("MANAGEMENT_TOKEN") && !ran.err.contains(token), "{}", ran.err);
    }
    assert_eq!(list_answered(&answer("403 Forbidden", "no entry")).code, Some(3));
}

#[test]
fn what_the_server_says_is_shown() {
    let (_mock, proxy, _) = agreeable();
    let project = proxy.project();
    proxy.cli_fine(&["project", "update", &project.id, "--name", "taken"]);

    let taken = proxy.cli(&["project", "create", "--name", "taken", "--api-key", "sk-key-of-no-use"], "");
    assert_eq!(
        (taken.code, taken.err.as_str()),
        (Some(1), "error: another project has that name (project_name_taken)\n")
    );

    let masked = proxy.cli(&["project", "update", &project.id, "--api-key", "sk-abcde...wxyz"], "");
    assert_eq!(masked.code, Some(1));
    assert!(masked.err.contains("(bad_request)") && !masked.err.contains("sk-abcde"), "{}", masked.err);

    proxy.cli_fine(&["project", "update", &project.id, "--deactivate"]);
    let inactive = proxy.cli(&["token", "create", "--project", &project.id, "--duration", "1h"], "");
    assert_eq!((inactive.code, inactive.out.as_str()), (Some(1), ""));
    assert!(inactive.err.contains("(project_inactive)"), "{}", inactive.err);
}

#[test]
fn what_a_terminal_would_obey_is_not_passed_on() {
    let body = r#"{"error": "a\u001b[2Jb", "code": "c", "description": "d\ne"}"#;
    let ran = list_answered(&answer("503 Service Unavailable", body));
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "error: a\u{fffd}[2Jb (c): d\u{fffd}e\n"));
}

#[test]
fn another_server_is_told_apart() {
    for response in [
        answer("200 OK", "<html>"),
        answer("200 OK", "{}"),
        answer("404 Not Found", "<html>"),
        answer("302 Found\r\nLocation: http://127.0.0.1:9/", ""),
        "SMTP ready\r\n".to_owned(),
    ] {
        let ran = list_answered(&response);
        assert_eq!(ran.code, Some(1), "{response:?} {ran:?}");
        assert!(ran.err.contains("none of the management API"), "{}", ran.err);
    }
}

#[test]
fn the_token_goes_to_the_named_server_only() {
    let elsewhere = Mock::agreeable();
    let redirect = format!("307 Temporary Redirect\r\nLocation: {}/", elsewhere.base_url());
    let mock = Mock::answering(answer(&redirect, ""));
    let ran = list_at(&mock.base_url(), &[("http_proxy", &elsewhere.base_url()), ("ALL_PROXY", &elsewhere.base_url())]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!((mock.count(), elsewhere.connections()), (1, 0));
    let authorization = format!("Bearer {MANAGEMENT_TOKEN}");
    assert_eq!(mock.only_request().head.value("authorization"), Some(authorization.as_str()));
}

#[test]
fn a_server_behind_tls_is_verified_by_the_named_roots() {
    let authority = Authority::new();
    let mock = Mock::tls(authority.server("localhost"), ok(r#"[{"id":"the-id"}]"#));
    let url = format!("https://localhost:{}/behind/", mock.addr.port());
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();

    let trusted = list_at(&url, &[("SSL_CERT_FILE", roots.to_str().unwrap())]);
    assert_eq!((trusted.code, trusted.out.as_str()), (Some(0), "the-id\n"), "{}", trusted.err);
    assert!(mock.only_request().head.start_line.starts_with("GET /behind/manage/projects "));

    std::fs::write(&roots, Authority::new().pem()).unwrap();
    let unknown = list_at(&url, &[("SSL_CERT_FILE", roots.to_str().unwrap())]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert_eq!(mock.count(), 1);
}
