//! `llm-proxy manage` towards the running program: projects and tokens, in every form of output.

use std::io;
use std::process::Command;

use serde_json::json;

use super::{agreeable, start};
use crate::harness::{Client, MANAGEMENT_TOKEN, Mock, Options, Proxy, cli, get};

const KEY: &str = "sk-canary-typed-upstream-key";

/// The program in front of an upstream, and a project made by a command.
fn with_project() -> (Mock, Proxy, String) {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    proxy.guard(KEY);
    let made = proxy.cli(&["project", "create", "--name", "my team", "--api-key", "-", "--quiet"], &format!("{KEY}\n"));
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""), "{made:?}");
    (mock, proxy, made.out.trim_end().to_owned())
}

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn a_project_made_by_a_command_has_the_key_that_was_piped_in() {
    let (mock, proxy, id) = with_project();
    let token = proxy.cli_fine(&["token", "create", "--project", &id, "--duration", "1h", "-q"]);
    let token = token.trim_end();
    proxy.guard(token);

    let response = Client::once(proxy.addr, &get("/v1/models", token));

    assert_eq!(response.status(), 200);
    assert_eq!(mock.only_request().head.value("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn a_key_can_be_in_a_file() {
    let (_mock, proxy, id) = with_project();
    let file = proxy.folder().join("key");
    let key = "sk-another-canary-key";
    proxy.guard(key);
    std::fs::write(&file, format!("{key}\n")).unwrap();

    let changed = proxy.cli_json(&["project", "update", &id, "--api-key-file", file.to_str().unwrap()]);

    assert_eq!(changed["api_key"], "sk-anoth...-key");
}

#[test]
fn projects_are_shown_as_a_table_as_json_and_as_ids() {
    let (_mock, proxy, id) = with_project();

    let table = proxy.cli_fine(&["project", "list"]);
    let lines = words(&table);
    assert_eq!(lines[0], ["ID", "NAME", "PROVIDER", "ACTIVE", "CREATED", "(UTC)", "KEY"]);
    assert_eq!(lines[1][..5], [id.as_str(), "my", "team", "mock", "yes"]);
    assert_eq!(lines.len(), 2, "{table}");

    let raw = proxy.manage("GET", "/manage/projects", None).text();
    assert_eq!(proxy.cli_fine(&["project", "list", "--json"]), format!("{raw}\n"));
    assert_eq!(proxy.cli_fine(&["--quiet", "projects", "ls"]), format!("{id}\n"));
}

#[test]
fn a_project_is_shown_changed_switched_off_and_deleted() {
    let (_mock, proxy, id) = with_project();

    let shown = proxy.cli_fine(&["project", "get", &id]);
    assert!(words(&shown).contains(&vec!["name", "my", "team"]), "{shown}");
    assert!(words(&shown).contains(&vec!["deactivated", "at", "-"]), "{shown}");

    let changed = proxy.cli_json(&["project", "update", &id, "--name", "other", "--deactivate"]);
    assert_eq!((&changed["name"], &changed["is_active"]), (&json!("other"), &json!(false)));
    assert_eq!(proxy.cli_json(&["project", "update", &id, "--activate"])["is_active"], true);

    let gone = proxy.cli_fine(&["project", "delete", &id, "--yes"]);
    assert_eq!(gone, format!("project {id} is deleted\n"));
    let missing = proxy.cli(&["project", "get", &id], "");
    assert_eq!((missing.code, missing.out.as_str()), (Some(1), ""));
    assert_eq!(missing.err, "error: there is no such project (not_found)\n");
}

#[test]
fn a_new_token_stands_alone_on_the_standard_output_and_nowhere_else_later() {
    let (_mock, proxy, project) = with_project();

    let made = proxy.cli(&["token", "create", "--project", &project, "--duration", "90m"], "");
    let token = made.out.strip_suffix('\n').unwrap();
    proxy.guard(token);
    assert!(token.starts_with("sk-") && token.len() == 25, "{made:?}");
    assert!(made.err.contains("not shown again") && !made.err.contains(token), "{}", made.err);

    for arguments in [&["token", "list"][..], &["token", "list", "--json"]] {
        assert!(!proxy.cli_fine(arguments).contains(token));
    }
}

#[test]
fn a_token_is_listed_limited_and_revoked() {
    let (_mock, proxy, project) = with_project();
    let create = ["token", "create", "--project", &project, "--duration", "2", "--max-requests", "5"];
    let made = proxy.cli_json(&create);
    proxy.guard(made["token"].as_str().unwrap());
    let id = made["id"].as_str().unwrap();

    let table = proxy.cli_fine(&["token", "list", "--project", &project, "--active-only"]);
    assert_eq!(words(&table)[1][..3], [id, "active", "0/5"], "{table}");

    let changed = proxy.cli_json(&["token", "update", id, "--max-requests", "0", "--rpm", "7"]);
    assert_eq!((&changed["max_requests"], &changed["requests_per_minute"]), (&json!(null), &json!(7)));

    assert_eq!(proxy.cli_fine(&["token", "revoke", id]), format!("token {id} is revoked\n"));
    assert_eq!(proxy.cli_fine(&["token", "list", "--active-only", "-q"]), "");
    assert!(proxy.cli_fine(&["token", "get", id]).contains("is active            no\n"));
}

#[test]
fn all_tokens_of_a_project_are_revoked_once_it_is_confirmed() {
    let (_mock, proxy, project) = with_project();
    for _ in 0..2 {
        proxy.guard(proxy.cli_fine(&["token", "create", "--project", &project, "--duration", "1h", "-q"]).trim_end());
    }

    // A piped answer is no person's.
    let refused = proxy.cli(&["project", "revoke-tokens", &project], "y\n");
    assert_eq!(refused.code, Some(64));
    assert!(refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(proxy.cli_fine(&["token", "list", "--active-only", "-q"]).lines().count(), 2);

    let counts = proxy.cli_json(&["project", "revoke-tokens", &project, "--yes"]);
    assert_eq!(counts, json!({"revoked_count": 2, "already_revoked_count": 0, "total_tokens": 2}));
}

#[test]
fn a_deletion_that_nobody_confirms_is_not_done() {
    let (_mock, proxy, project) = with_project();
    for arguments in
        [&["project", "delete", &project][..], &["project", "update", &project, "--deactivate", "--revoke-tokens"]]
    {
        let refused = proxy.cli(arguments, "yes\n");
        assert_eq!((refused.code, refused.out.as_str()), (Some(64), ""), "{refused:?}");
    }
    assert_eq!(proxy.cli_json(&["project", "get", &project])["is_active"], true);
}

#[test]
fn a_list_is_whole_or_the_page_that_is_asked_for() {
    let (_mock, proxy, _) = agreeable();
    for _ in 0..24 {
        proxy.project();
    }
    assert_eq!(proxy.cli_fine(&["project", "list", "-q"]).lines().count(), 25);
    let page = proxy.cli_fine(&["project", "list", "-q", "--page", "3", "--page-size", "10"]);
    assert_eq!(page.lines().count(), 5);
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let (_mock, proxy, _) = with_project();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_llm-proxy"))
        .args(["manage", "project", "list"])
        .env_clear()
        .env("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)
        .env("LISTEN_ADDR", proxy.addr.to_string())
        .current_dir(proxy.folder())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
}

#[test]
fn the_token_can_be_in_an_env_file_or_a_flag() {
    let (_mock, proxy, id) = with_project();
    let file = proxy.folder().join("env");
    std::fs::write(&file, format!("MANAGEMENT_TOKEN={MANAGEMENT_TOKEN}\nLISTEN_ADDR={}\n", proxy.addr)).unwrap();
    let list = ["manage", "project", "list", "-q"];

    let by_file = cli(&[&list[..], &["--env-file", file.to_str().unwrap()]].concat(), &[], "");
    let url = format!("http://{}/", proxy.addr);
    let flags = ["--management-token", MANAGEMENT_TOKEN, "--manage-api-base-url", &url];
    let by_flag = cli(&[&list[..], &flags].concat(), &[("MANAGEMENT_TOKEN", "another-token-of-16")], "");

    assert_eq!((by_file.code, by_file.out), (Some(0), format!("{id}\n")), "{}", by_file.err);
    assert_eq!((by_flag.code, by_flag.out), (Some(0), format!("{id}\n")), "{}", by_flag.err);
}
