//! What keeps the program from starting, and that it says so in words that help.

use std::net::TcpListener;

use super::start_in_vain;
use crate::harness::{Entry, Mock, Options};

#[test]
fn a_taken_address_is_said_in_one_clear_line() {
    let mock = Mock::agreeable();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let exited = start_in_vain(&Options::towards(&mock).env("LISTEN_ADDR", &addr));
    assert_eq!(exited.code, Some(1), "{exited:?}");
    let said = exited.stderr.lines().filter(|line| line.to_lowercase().contains("address already in use")).count();
    assert_eq!(said, 1, "{}", exited.stderr);
    assert!(exited.stderr.contains(&addr), "{}", exited.stderr);
}

#[test]
fn a_setting_that_does_not_parse_is_named_and_the_program_does_not_start() {
    let mock = Mock::agreeable();
    for (name, value) in [
        ("MANAGEMENT_TOKEN", "short"),
        ("LISTEN_ADDR", "nonsense"),
        ("REQUEST_TIMEOUT", "soon"),
        ("MAX_REQUEST_SIZE", "much"),
        ("GRANT_MAX_AGE", "-1s"),
        ("WORKERS", "few"),
        ("RUNTIME", "none"),
        ("LOG_LEVEL", "loud"),
        ("DB_DRIVER", "paper"),
    ] {
        let exited = start_in_vain(&Options::towards(&mock).env(name, value));
        assert!(exited.code.is_some_and(|code| code != 0), "{name}: {exited:?}");
        assert!(exited.stderr.contains(name), "{name} is not named: {}", exited.stderr);
    }
}

#[test]
fn a_broken_providers_file_is_refused_with_its_place() {
    let mock = Mock::agreeable();
    let base = Entry::new("mock", &mock.base_url());
    for line in ["timeouts: {response_header: soon}", "colour: red", "auth: cookie", "max_request_size: many"] {
        let exited = start_in_vain(&Options::with(base.clone().line(line)));
        assert!(exited.code.is_some_and(|code| code != 0), "{line}: {exited:?}");
        assert!(
            exited.stderr.contains("providers.yaml") && exited.stderr.contains("line 6"),
            "{line}: {}",
            exited.stderr
        );
    }
}
