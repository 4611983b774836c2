//! The same program with its state on PostgreSQL and on MySQL: management, exact quotas over instances, the audit chain.

use serde_json::{Value, json};

use super::quota::{counts, flood};
use super::start;
use crate::harness::{Client, Database, Engine, Mock, Options, get, sqlite_rows};

#[test]
fn a_thousand_of_four_thousand_requests_on_two_instances_pass_on_postgresql() {
    a_thousand_of_four_thousand_pass(Engine::Postgres);
}

#[test]
fn a_thousand_of_four_thousand_requests_on_two_instances_pass_on_mysql() {
    a_thousand_of_four_thousand_pass(Engine::Mysql);
}

fn a_thousand_of_four_thousand_pass(engine: Engine) {
    let (mock, database) = (Mock::agreeable(), Database::shared(engine));
    let options = Options::towards(&mock).on(&database);
    let (mut first, mut second) = (start(&options), start(&options));
    let token = first.token_with(&first.project(), &json!({"max_requests": 1000}));
    let served = flood(&[first.addr, second.addr], &token.secret, 64, 4000);
    assert_eq!((served, mock.count()), (1000, 1000));
    for proxy in [&mut first, &mut second] {
        proxy.terminate();
        assert_eq!(proxy.wait(), Some(0));
    }
    first.restart(&options);
    assert_eq!(counts(&first, &token.id), (1000, 0));
}

#[test]
fn what_is_managed_on_postgresql_works_and_is_recorded() {
    what_is_managed_works_and_is_recorded(Engine::Postgres);
}

#[test]
fn what_is_managed_on_mysql_works_and_is_recorded() {
    what_is_managed_works_and_is_recorded(Engine::Mysql);
}

fn what_is_managed_works_and_is_recorded(engine: Engine) {
    let (mock, database) = (Mock::agreeable(), Database::shared(engine));
    let options = Options::towards(&mock).on(&database);
    let mut proxy = start(&options);
    let project = proxy.project();
    let token = proxy.token_with(&project, &json!({}));
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 200);
    proxy.manage("DELETE", &format!("/manage/tokens/{}", token.id), None);
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token.secret)).status(), 401);

    let listed: Value =
        proxy.manage("GET", &format!("/manage/audit?action=token.revoke&project_id={}", project.id), None).json();
    assert_eq!(listed["events"][0]["token_id"], token.id.as_str(), "{listed}");
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    for arguments in [&["audit", "verify"][..], &["audit", "verify", "--db"]] {
        let said = proxy.tool(&options, arguments);
        assert!(said.status.success() && said.stdout.starts_with(b"OK: "), "{said:?}");
    }
    proxy.restart(&options);
    let read: Value = proxy.manage("GET", &format!("/manage/tokens/{}", token.id), None).json();
    assert_eq!((&read["is_active"], &read["request_count"]), (&json!(false), &json!(1)));
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    database.sql("UPDATE audit_events SET project_id = 'zz' WHERE action = 'token.revoke'").unwrap();
    let said = proxy.tool(&options, &["audit", "verify", "--db"]);
    let said = String::from_utf8(said.stdout).unwrap();
    let changed = listed["events"][0]["id"].as_str().unwrap();
    assert!(said.starts_with("NOT OK: ") && said.contains(changed), "{said}");

    let stored = database.sql("SELECT api_key FROM projects").unwrap();
    assert!(stored.trim().starts_with("enc:v1:"), "{stored}");
}

#[test]
fn what_is_stored_in_a_file_is_sealed_too() {
    let mock = Mock::agreeable();
    let proxy = start(&Options::towards(&mock));
    proxy.project();
    let stored = sqlite_rows(&proxy.database(), "SELECT api_key FROM projects");
    assert!(stored[0][0].as_str().unwrap().starts_with("enc:v1:"), "{stored}");
}
