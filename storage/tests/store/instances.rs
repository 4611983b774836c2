//! Several instances on one database file. Each has its own connections, so to SQLite they are as separate as processes.

use std::sync::Arc;

use llm_proxy_core::exchange::Spent;
use llm_proxy_core::manage::{CommandError, TokenChange};
use llm_proxy_storage::Store as _;
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
    const LIMIT: u64 = 40;
    let f = fixture().await;
    let path = path_in(&f.folder);
    let id = limited_token(&f.store, project(&f.store, "alpha").await, LIMIT).await;
    let (one, two) = (Arc::new(f.store), Arc::new(open(&path).await.unwrap()));
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &one } else { &two });
            tokio::spawn(async move { store.spend(id, at(1)).await.unwrap() })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u64::from(task.await.unwrap() == Spent::Allowed);
    }
    assert_eq!((allowed, get_token(&*two, id).await.unwrap().request_count), (LIMIT, LIMIT));
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
