//! Walking the tables' history by hand, and several instances that start at once, on every kind of database.

use std::sync::Arc;

use llm_proxy_core::manage::{CommandError, TokenChange};
use llm_proxy_core::time::Now;
use llm_proxy_storage::{
    Database, DownTo, OpenError, Storage, StorageConfig, Store, migrate_down, migrate_up, migration_status,
    schema_version,
};
use sqlx::{MySql, Postgres};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::{path_in, raw};
use crate::servers::{LIMITS, OnServer, TestServer, key, taken};

/// Makes a test of each behaviour on a new, empty database of each kind.
macro_rules! on_every_database {
    ($($behaviour:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                let folder = tempfile::TempDir::new().unwrap();
                super::$behaviour(&super::InFile(folder)).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(&super::OnServer::<super::Postgres>::new().await).await;
            })+
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(&super::OnServer::<super::MySql>::new().await).await;
            })+
        }
    };
}

on_every_database! {
    all_steps_go_up_and_down_and_up_again
    a_second_migration_changes_nothing
    one_step_at_a_time_goes_down
    a_database_of_a_newer_version_is_refused
    tables_of_something_else_are_refused
    instances_that_start_together_migrate_once_and_agree_on_the_keys
}

/// A database that is reached beside the store, too.
trait Place {
    fn database(&self) -> Database;
    async fn damage(&self, statement: &str);
}

struct InFile(TempDir);

impl Place for InFile {
    fn database(&self) -> Database {
        Database::Sqlite { path: path_in(&self.0), pool_size: 2 }
    }

    async fn damage(&self, statement: &str) {
        let mut connection = raw(&path_in(&self.0)).await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    }
}

impl<S: TestServer> Place for OnServer<S> {
    fn database(&self) -> Database {
        OnServer::database(self)
    }

    async fn damage(&self, statement: &str) {
        self.run(statement).await;
    }
}

async fn all_steps_go_up_and_down_and_up_again(place: &impl Place) {
    let database = place.database();
    assert!(taken(&migration_status(&database).await.unwrap()).iter().all(|taken| !taken));
    assert_eq!(schema_version(&database).await.unwrap(), None);
    for _ in 0..2 {
        let up = migrate_up(&database).await.unwrap();
        assert!(taken(&up).iter().all(|taken| *taken));
        assert!(up.is_sorted_by_key(|step| step.version));
        assert_eq!(schema_version(&database).await.unwrap(), up.last().map(|step| step.version));
        assert!(up.iter().all(|step| step.applied_at.unwrap() > at(0)), "{up:?}");
        let down = migrate_down(&database, DownTo::Version(0)).await.unwrap();
        assert!(taken(&down).iter().all(|taken| !taken));
    }
    // What a step left behind would be in the way now.
    Storage::open(config(database)).await.unwrap().close(Now::default()).await;
}

async fn a_second_migration_changes_nothing(place: &impl Place) {
    let first = migrate_up(&place.database()).await.unwrap();
    assert_eq!(migrate_up(&place.database()).await.unwrap(), first);
    assert_eq!(migration_status(&place.database()).await.unwrap(), first);
}

async fn one_step_at_a_time_goes_down(place: &impl Place) {
    let mut left = migrate_up(&place.database()).await.unwrap().len();
    while left > 0 {
        let steps = migrate_down(&place.database(), DownTo::Steps(1)).await.unwrap();
        left -= 1;
        assert_eq!(taken(&steps).iter().filter(|taken| **taken).count(), left);
    }
    migrate_down(&place.database(), DownTo::Steps(1)).await.unwrap();
}

async fn a_database_of_a_newer_version_is_refused(place: &impl Place) {
    let known = migrate_up(&place.database()).await.unwrap().len();
    place.damage("UPDATE _sqlx_migrations SET version = 9000 WHERE version = 1").await;
    let refused = Storage::open(config(place.database())).await.unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 9000, known: k } if k == known as i64), "{refused:?}");
    assert!(!refused.is_temporary());
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert!(matches!(migrate_down(&place.database(), DownTo::Steps(1)).await, Err(OpenError::NewerSchema { .. })));
}

async fn tables_of_something_else_are_refused(place: &impl Place) {
    migrate_up(&place.database()).await.unwrap();
    place.damage("UPDATE _sqlx_migrations SET checksum = 'other' WHERE version = 1").await;
    let refused = Storage::open(config(place.database())).await.unwrap_err();
    assert!(matches!(refused, OpenError::ChangedMigration { version: 1 }), "{refused:?}");
    assert!(!refused.is_temporary());
}

async fn instances_that_start_together_migrate_once_and_agree_on_the_keys(place: &impl Place) {
    let opening: Vec<_> = (0..6).map(|_| tokio::spawn(Storage::open(config(place.database())))).collect();
    let mut digests = Vec::new();
    let (_, string) = {
        let store = llm_proxy_storage::MemoryStore::new().unwrap();
        let id = project(&store, "alpha").await;
        token(&store, id).await
    };
    for storage in opening {
        let storage = storage.await.unwrap().unwrap();
        digests.push(storage.token_key().get().unwrap().digest(&string));
        storage.close(Now::default()).await;
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

fn config(database: Database) -> StorageConfig {
    let encryption_key = matches!(database, Database::Server { .. }).then(key);
    StorageConfig { encryption_key, ..StorageConfig::new(database) }
}

/// Makes a test of each behaviour on a new database of each kind of server.
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
    a_limit_is_exact_over_several_instances
    of_equal_names_at_the_same_time_one_is_taken
    changes_in_all_directions_at_the_same_time_all_go_through
    a_key_is_required
    another_key_is_refused
    unused_connections_are_let_go
    a_call_given_up_leaves_all_or_nothing_and_a_store_that_works
    connections_that_the_server_cut_are_noticed
}

async fn a_limit_is_exact_over_several_instances<S: TestServer>(place: OnServer<S>) {
    const LIMIT: u64 = 40;
    let (one, two) = (place.store().await, place.store().await);
    let id = limited_token(&*one, project(&*one, "alpha").await, LIMIT).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &one } else { &two });
            tokio::spawn(async move { spend(&*store, id, at(1)).await })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u64::from(task.await.unwrap());
    }
    assert_eq!((allowed, get_token(&*two, id).await.unwrap().request_count), (LIMIT, LIMIT));
}

async fn of_equal_names_at_the_same_time_one_is_taken<S: TestServer>(place: OnServer<S>) {
    let stores = [place.store().await, place.store().await];
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let store = Arc::clone(&stores[n % 2]);
            tokio::spawn(async move { create(&*store, "alpha", at(1)).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(refusal) => assert_eq!(refusal, CommandError::ProjectNameTaken),
        }
    }
    assert_eq!(made, 1);
}

/// Tokens are made, changed and used while their projects are deactivated and deleted: these lock the same rows.
async fn changes_in_all_directions_at_the_same_time_all_go_through<S: TestServer>(place: OnServer<S>) {
    let stores = [place.store().await, place.store().await];
    for round in 0..6 {
        let id = project(&*stores[0], &format!("alpha {round}")).await;
        let used = limited_token(&*stores[0], id, 1000).await;
        let tasks: Vec<_> = (0..24)
            .map(|n| {
                let store = Arc::clone(&stores[n % 2]);
                tokio::spawn(async move {
                    let change = TokenChange { max_requests: Some(Some(500)), ..TokenChange::default() };
                    match n % 6 {
                        0 => drop(create_token(&*store, new_token(id, None), at(1)).await),
                        1 => drop(update_token(&*store, used, change).await),
                        2 => drop(spend(&*store, used, at(1)).await),
                        3 => drop(switch(&*store, id, n % 4 == 1).await),
                        4 => drop(revoke_token(&*store, used).await),
                        _ if n > 20 => drop(delete_project(&*store, id).await),
                        _ => drop(get_token(&*store, used).await),
                    }
                })
            })
            .collect();
        for task in tasks {
            // What the rules refuse is fine; a store that fails is a panic in the call.
            task.await.unwrap();
        }
    }
}

async fn switch(store: &dyn Store, id: llm_proxy_core::ids::ProjectId, active: bool) -> Result<(), CommandError> {
    let change = llm_proxy_core::manage::ProjectChange {
        is_active: Some(active),
        revoke_tokens: true,
        ..llm_proxy_core::manage::ProjectChange::default()
    };
    update_project(store, id, change, at(2)).await.map(drop)
}

async fn a_key_is_required<S: TestServer>(place: OnServer<S>) {
    let refused = S::connect(&place.url(), LIMITS, None).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::KeyRequired { .. }));
    assert!(refused.to_string().contains("ENCRYPTION_KEY") && !refused.is_temporary(), "{refused}");
}

async fn another_key_is_refused<S: TestServer>(place: OnServer<S>) {
    place.store().await.close().await;
    let other = secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=");
    let refused = S::connect(&place.url(), LIMITS, Some(&other)).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::WrongKey { .. }) && !refused.is_temporary(), "{refused:?}");
}

async fn unused_connections_are_let_go<S: TestServer>(place: OnServer<S>) {
    let store = place.store().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.ping().await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    // Those too many are closed by tasks of their own.
    let few = async {
        while place.sessions().await > u64::from(LIMITS.max_idle) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), few).await.unwrap();
}

async fn a_call_given_up_leaves_all_or_nothing_and_a_store_that_works<S: TestServer>(place: OnServer<S>) {
    let store = place.store().await;
    let id = project(&*store, "alpha").await;
    let (kept, _) = token(&*store, id).await;
    for round in 0..12 {
        let wait = std::time::Duration::from_micros(300 * round);
        let _ = tokio::time::timeout(wait, switch(&*store, id, false)).await;
        // Waits for whoever still holds the row.
        switch_project(&*store, id, round % 2 == 0, at(3)).await;
        get_token(&*store, kept).await.unwrap();
    }
}

async fn connections_that_the_server_cut_are_noticed<S: TestServer>(place: OnServer<S>) {
    let store = place.store().await;
    for _ in 0..3 {
        store.ping().await.unwrap();
        place.cut_sessions().await;
        // Not even one call fails.
        store.ping().await.unwrap();
    }
}
