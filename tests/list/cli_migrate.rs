//! `llm-proxy migrate`: the database without a server.

use super::start_in_vain;
use crate::harness::{Mock, Options, cli};

#[test]
fn up_makes_a_database_that_a_server_can_use() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("new").join("proxy.db");

    let ran = cli(&["migrate", "up", "--database", database.to_str().unwrap()], &[], "");

    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(database.exists());
    // Its server gets as far as an address that nobody has (RFC 5737).
    let options = Options::towards(&Mock::agreeable()).env("DATABASE_PATH", database.to_str().unwrap());
    let exited = start_in_vain(&options.env("LISTEN_ADDR", "192.0.2.1:1"));
    assert!(exited.stderr.contains("192.0.2.1:1"), "{}", exited.stderr);
}

#[test]
fn a_file_that_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy.db");
    std::fs::write(&file, "x".repeat(4096)).unwrap();
    let ran = cli(&["migrate", "up", "--database", file.to_str().unwrap()], &[], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (Some(1), "", 1), "{ran:?}");
    assert!(ran.err.contains("proxy.db"), "{}", ran.err);
}

#[test]
fn taking_back_is_confirmed_first() {
    let ran = cli(&["migrate", "down"], &[], "y\n");
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("--yes"), "{}", ran.err);
}

#[test]
fn settings_that_are_wrong_are_told_as_a_server_tells_them() {
    let ran = cli(&["migrate", "status"], &[("DATABASE_POOL_SIZE", "0")], "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("error: DATABASE_POOL_SIZE (environment): "), "{}", ran.err);
}
