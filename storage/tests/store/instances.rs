//! Several instances on one database file. Each has its own connections, so to SQLite they are as separate as processes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use llm_proxy_core::exchange::{Spent, StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{CommandError, TokenChange};
use llm_proxy_core::time::{Instant, Now};
use llm_proxy_storage::{Database, Storage, StorageConfig};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_open_a_new_database_together_agree_on_the_keys() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let path = path_in(&folder);
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { open(&path).await.unwrap() })
            })
            .collect();
        let mut stores = Vec::new();
        for store in opening {
            stores.push(store.await.unwrap());
        }
        let id = project(&stores[0], "alpha").await;
        let (_, string) = token(&stores[1], id).await;
        for store in &stores {
            assert_eq!(grant(store, &string).await.unwrap().upstream_key.reveal(), KEY);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_exact_over_several_instances() {
    const LIMIT: u64 = 300;
    let f = fixture().await;
    let path = path_in(&f.folder);
    let id = limited_token(&f.store, project(&f.store, "alpha").await, LIMIT).await;
    let storages = [storage(&path).await, storage(&path).await];
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let storage = storages[n % 2].clone();
            tokio::spawn(async move {
                let mut allowed = 0;
                while spends(&storage, id, 0).await {
                    allowed += 1;
                }
                allowed
            })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += task.await.unwrap();
    }
    // What one instance has left when the other finds nothing more is not lost.
    for storage in &storages {
        storage.flush(Now { mono: Instant::default() + Duration::from_secs(60), ..Now::default() }).await;
    }
    while spends(&storages[0], id, 60).await {
        allowed += 1;
    }
    for storage in &storages {
        storage.close(Now::default()).await;
    }
    let read = get_token(&f.store, id).await.unwrap();
    assert_eq!((allowed, read.request_count, read.leased_count), (LIMIT, LIMIT, 0));
}

async fn storage(path: &Path) -> Storage {
    let database = Database::Sqlite { path: path.to_owned(), pool_size: 2 };
    let grant_max_age = Duration::from_secs(5);
    Storage::open(StorageConfig { grant_max_age, grant_capacity: 10, ..StorageConfig::new(database) }).await.unwrap()
}

/// Spends one, if one is left.
async fn spends(storage: &Storage, token: TokenId, seconds: u64) -> bool {
    let mono = Instant::default() + Duration::from_secs(seconds);
    let (effect, now) = (StoreEffect::Spend(token), Now { mono, ..Now::default() });
    let outcome = match storage.perform_now(&effect, now) {
        Some(outcome) => outcome,
        None => storage.perform(effect, now).await,
    };
    matches!(outcome, StoreOutcome::Spent(Ok(Spent::Allowed(_))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_names_at_the_same_time_one_is_taken() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let stores = [Arc::new(f.store), Arc::new(open(&path).await.unwrap())];
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

/// Each change reads before it writes, which is where SQLite would refuse to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_by_several_instances_wait_for_each_other() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let id = limited_token(&f.store, project(&f.store, "alpha").await, 0).await;
    let stores = [Arc::new(f.store), Arc::new(open(&path).await.unwrap())];
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let store = Arc::clone(&stores[n % 2]);
            let change = TokenChange { max_requests: Some(Some(1)), ..TokenChange::default() };
            tokio::spawn(async move { update_token(&*store, id, change).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().max_requests, Some(1));
    }
}
