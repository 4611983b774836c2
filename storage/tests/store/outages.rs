//! Databases that cannot be reached or used: how soon a call ends, that it goes well again later, and whether waiting
//! may mend an error.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use llm_proxy_storage::{OpenError, Store as _};
use sqlx::{MySql, Postgres};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::{open, path_in, raw};
use crate::relay::Relay;
use crate::servers::{LIMITS, OnServer, TestServer, key};

/// What a call takes at most while the database does not answer.
const SOON: Duration = Duration::from_secs(4);

macro_rules! on_every_server {
    ($($behaviour:ident)+) => {
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(super::OnServer::<super::Postgres>::new().await).await;
            })+
        }
        mod on_mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(super::OnServer::<super::MySql>::new().await).await;
            })+
        }
    };
}

on_every_server! {
    a_server_that_is_gone_fails_calls_soon_and_is_found_again
    a_server_that_vanished_fails_calls_soon_and_is_found_again
    a_server_that_nobody_started_is_waited_for
    a_server_that_does_not_answer_is_waited_for
    a_refused_login_is_not_waited_for
    a_database_that_is_not_there_is_not_waited_for
    a_host_without_a_name_is_waited_for
}

async fn connect<S: TestServer>(url: &str) -> Result<S::Store, OpenError> {
    S::connect(url, LIMITS, Some(&key())).await
}

async fn refusal<S: TestServer>(url: &str) -> OpenError {
    let started = Instant::now();
    let error = connect::<S>(url).await.map(drop).unwrap_err();
    assert!(started.elapsed() < SOON + SOON / 2, "{:?}", started.elapsed());
    error
}

async fn a_server_that_is_gone_fails_calls_soon_and_is_found_again<S: TestServer>(place: OnServer<S>) {
    let relay = Relay::before(&place.place());
    let store = connect::<S>(&place.url_at(relay.place)).await.unwrap();
    store.ping().await.unwrap();
    for _ in 0..2 {
        relay.cut();
        let started = Instant::now();
        store.ping().await.unwrap_err();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        relay.open();
        project(&store, &format!("{:?}", started)).await;
    }
}

/// Callers give up, as the program's do, while the connections look alive.
async fn a_server_that_vanished_fails_calls_soon_and_is_found_again<S: TestServer>(place: OnServer<S>) {
    let relay = Relay::before(&place.place());
    let store = connect::<S>(&place.url_at(relay.place)).await.unwrap();
    store.ping().await.unwrap();
    relay.freeze();
    // More than there are places in the pool.
    for _ in 0..3 {
        let started = Instant::now();
        let calls = (0..4).map(|_| tokio::time::timeout(SOON, store.ping())).collect::<Vec<_>>();
        for call in calls {
            assert!(!matches!(call.await, Ok(Ok(()))));
            if started.elapsed() > SOON {
                break;
            }
        }
    }
    relay.open();
    let found = async { while store.ping().await.is_err() {} };
    tokio::time::timeout(SOON, found).await.unwrap();
}

async fn a_server_that_nobody_started_is_waited_for<S: TestServer>(place: OnServer<S>) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refusal::<S>(&place.url_at(free)).await;
    assert!(error.is_temporary(), "{error:?}");
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("refused"), "{reason}");
}

async fn a_server_that_does_not_answer_is_waited_for<S: TestServer>(place: OnServer<S>) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = refusal::<S>(&place.url_at(silent.local_addr().unwrap())).await;
    assert!(error.is_temporary(), "{error:?}");
}

async fn a_refused_login_is_not_waited_for<S: TestServer>(place: OnServer<S>) {
    let url = place.url().replacen(&format!("{}@", place.login()), "nobody:hunter2@", 1);
    let error = refusal::<S>(&url).await;
    assert!(!error.is_temporary(), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
}

async fn a_database_that_is_not_there_is_not_waited_for<S: TestServer>(place: OnServer<S>) {
    let error = refusal::<S>(&place.url().replace("llm_proxy_test_", "llm_proxy_none_")).await;
    assert!(!error.is_temporary(), "{error:?}");
}

async fn a_host_without_a_name_is_waited_for<S: TestServer>(place: OnServer<S>) {
    let error = refusal::<S>(&place.url().replacen(&place.place(), "no-such-host.invalid:1", 1)).await;
    assert!(error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(path_in(&folder).parent().unwrap()).unwrap();
    fs::write(path_in(&folder), "this is a text, and it is longer than the head of a database".repeat(20)).unwrap();
    let error = open(&path_in(&folder)).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }) && !error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn a_locked_file_is_waited_for() {
    let folder = TempDir::new().unwrap();
    open(&path_in(&folder)).await.unwrap().close().await;
    let mut other = raw(&path_in(&folder)).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = open(&path_in(&folder)).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}
