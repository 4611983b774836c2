//! States in which the database file can be found: shared by instances, on a read-only file system, no database at all.

use std::fs;
use std::sync::mpsc::channel;

use tempfile::TempDir;

use super::RUNTIMES;
use super::isolated::{isolated, mount};
use super::ledger::Fate;
use super::place::assert_sqlite_sound;
use super::random::Random;
use super::worker::{Refusal, Workers};
use crate::harness::{Exited, Mock, Options, PATIENCE, Proxy};

#[test]
fn two_instances_on_one_sqlite_file_lose_nothing_and_refuse_nothing() {
    let mut random = Random::announced("two instances on one file");
    let mock = Mock::agreeable();
    let options = Options::towards(&mock);
    let first = Proxy::start(RUNTIMES[0], &options);
    let second = Proxy::start(RUNTIMES[1], &options.env("DATABASE_PATH", first.database().to_str().unwrap()));
    let mut workers = Workers::new(8, Refusal::Never, &mut random);
    let (ended, ends) = channel();
    workers.stream(&[&first, &second], &ended, || {
        for _ in 0..1000 {
            assert_eq!(ends.recv_timeout(PATIENCE).expect("no call ends any more"), Fate::Acknowledged);
        }
    });
    workers.settle(&second);
    workers.settle(&first);
    assert_sqlite_sound(&first.database());
}

#[test]
fn on_a_read_only_file_system_it_says_so_in_one_line_and_does_not_start() {
    isolated(module_path!(), "on_a_read_only_file_system_it_says_so_in_one_line_and_does_not_start", || {
        for runtime in RUNTIMES {
            let (mock, folder) = (Mock::agreeable(), TempDir::new().unwrap());
            mount(&["-t", "tmpfs", "tmpfs"], folder.path());
            let database = folder.path().join("proxy.db");
            let options = Options::towards(&mock).env("DATABASE_PATH", database.to_str().unwrap());
            // With a database that was written before, and without one.
            for name in ["proxy.db", "new.db"] {
                if name == "proxy.db" {
                    let mut proxy = Proxy::start(runtime, &options);
                    proxy.credential();
                    proxy.terminate();
                    assert_eq!(proxy.wait(), Some(0));
                    mount(&["-o", "remount,bind,ro"], folder.path());
                }
                let path = folder.path().join(name);
                let exited =
                    Proxy::start_in_vain(runtime, &options.clone().env("DATABASE_PATH", path.to_str().unwrap()));
                assert_said(&exited, &["writable", "Read-only file system", name]);
            }
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_as_it_is() {
    for runtime in RUNTIMES {
        let (mock, folder) = (Mock::agreeable(), TempDir::new().unwrap());
        let path = folder.path().join("notes.txt");
        fs::write(&path, "no database, but somebody's notes\n".repeat(100)).unwrap();
        let options = Options::towards(&mock).env("DATABASE_PATH", path.to_str().unwrap());
        let exited = Proxy::start_in_vain(runtime, &options);
        assert_said(&exited, &["not a database", "notes.txt"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "no database, but somebody's notes\n".repeat(100));
    }
}

/// Asserts that the program gave up with one line of error that holds all these words.
fn assert_said(exited: &Exited, words: &[&str]) {
    assert_eq!(exited.code, Some(1), "{exited:?}");
    let lines = exited.stderr.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
    assert_eq!(lines, 1, "no line says {words:?}: {}", exited.stderr);
}
