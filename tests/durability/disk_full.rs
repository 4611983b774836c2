//! A full disk: management changes are refused and not made, proxied traffic goes on, and all is well when there is
//! room again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::isolated::{isolated, mount};
use super::ledger::Fate;
use super::place::assert_sqlite_sound;
use super::random::Random;
use super::worker::{Refusal, Workers};
use super::{RUNTIMES, books};
use crate::harness::{Client, Mock, Options, PATIENCE, Proxy, get};

/// What is on the disk that gets full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    Database,
    AuditFile,
    Both,
}

#[test]
fn with_its_database_on_a_full_disk_it_refuses_changes_and_recovers() {
    isolated(module_path!(), "with_its_database_on_a_full_disk_it_refuses_changes_and_recovers", || {
        fill_and_free(Holds::Database);
    });
}

#[test]
fn with_its_audit_file_on_a_full_disk_it_refuses_changes_and_recovers() {
    isolated(module_path!(), "with_its_audit_file_on_a_full_disk_it_refuses_changes_and_recovers", || {
        fill_and_free(Holds::AuditFile);
    });
}

#[test]
fn with_both_on_a_full_disk_it_refuses_changes_and_recovers() {
    isolated(module_path!(), "with_both_on_a_full_disk_it_refuses_changes_and_recovers", || {
        fill_and_free(Holds::Both);
    });
}

fn fill_and_free(holds: Holds) {
    for runtime in RUNTIMES {
        let mut random = Random::announced(&format!("{holds:?} on a full disk, {runtime}"));
        let (mock, small, large) = (Mock::agreeable(), TempDir::new().unwrap(), TempDir::new().unwrap());
        mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], small.path());
        let on = |full: bool, file: &str| if full { small.path().join(file) } else { large.path().join(file) };
        let database = on(holds != Holds::AuditFile, "proxy.db");
        let audit = on(holds != Holds::Database, "audit.log");
        let options = Options::towards(&mock)
            .env("DATABASE_PATH", database.to_str().unwrap())
            .env("AUDIT_LOG_FILE", audit.to_str().unwrap())
            // What was looked up before must be looked up again.
            .env("GRANT_MAX_AGE", "10ms")
            .errors_expected();
        let mut proxy = Proxy::start(runtime, &options);
        let project = proxy.project();
        let token = proxy.token(&project);
        let mut workers = Workers::new(1, Refusal::NotMade, &mut random);
        workers.leave_out([project.id, token.id.clone()]);
        call_until(&mut workers, &proxy, Fate::Acknowledged, 100);

        let ballast = fill(small.path());
        let calls = call_until(&mut workers, &proxy, Fate::Refused, 50);
        println!("{holds:?} on a full disk, {runtime}: {calls} calls, 50 of them refused");
        until_health(&proxy, 503, "degraded");
        assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);

        fs::remove_file(ballast).unwrap();
        call_until(&mut workers, &proxy, Fate::Acknowledged, 100);
        until_health(&proxy, 200, "ok");
        check(&mut workers, &proxy, &options, (&database, &audit));
        proxy.restart(&options);
        check(&mut workers, &proxy, &options, (&database, &audit));
    }
}

/// Makes calls until one more that ends so is the last of `count`; gives how many calls it took.
fn call_until(workers: &mut Workers, proxy: &Proxy, wanted: Fate, count: usize) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let (mut calls, mut found) = (0, 0);
    workers.alone(proxy, |end| {
        assert_ne!(end, Fate::Unanswered, "a call was cut off");
        calls += 1;
        found += usize::from(end == wanted);
        assert!(Instant::now() < deadline, "of {calls} calls {found} were {wanted:?}, not {count}");
        found == count
    });
    calls
}

/// Takes all room that there is: the file that holds it.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = File::create(&path).unwrap();
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return path,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Asks until `/health` says so.
fn until_health(proxy: &Proxy, code: u16, status: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let response = proxy.manage_with("GET", "/health", "", "");
        if response.status() == code && response.json()["status"] == status {
            return;
        }
        assert!(Instant::now() < deadline, "/health is not {status}: {response:?} {}", response.text());
    }
}

/// Asserts that all that was acknowledged is there, nothing that was refused, and that the files are sound.
fn check(workers: &mut Workers, proxy: &Proxy, options: &Options, (database, audit): (&Path, &Path)) {
    let calls = workers.settle(proxy);
    assert_sqlite_sound(database);
    books::assert_complete(proxy, options, audit, &calls);
}
