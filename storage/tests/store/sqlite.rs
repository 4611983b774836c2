//! What only a database file has: modes, what survives, calls that are given up, the whole [`Storage`] on it.

use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use llm_proxy_core::audit::{Actor, RequestFacts, Shown};
use llm_proxy_core::exchange::{Component, Health, StoreEffect, StoreOutcome};
use llm_proxy_core::manage::{CallFacts, Command, CommandError, Page, ProjectChange, Reply, TokenChange};
use llm_proxy_core::quota::Settlement;
use llm_proxy_core::time::{Now, Timestamp};
use llm_proxy_storage::{Database, Storage, StorageConfig, Store as _};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::*;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[tokio::test]
async fn data_and_key_are_for_their_owner_only() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    project(&f.store, "alpha").await;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let mut seen = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = entry.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        seen.push(file.file_name().unwrap().to_str().unwrap().to_owned());
    }
    seen.sort();
    assert_eq!(seen, ["llm-proxy.db", "llm-proxy.db-shm", "llm-proxy.db-wal", "llm-proxy.db.key"]);
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_were_open_to_others_are_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let f = fixture().await;
    let path = path_in(&f.folder);
    f.store.close().await;
    for file in [path.clone(), key_file(&path)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    open(&path).await.unwrap();
    assert_eq!((mode(&path), mode(&key_file(&path))), (0o600, 0o600));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let made = create(&f.store, "alpha", at(1)).await.unwrap();
    let (id, string) = token(&f.store, made.id).await;
    f.store.lease(id, NonZeroU64::new(3).unwrap()).await.unwrap().unwrap();
    let spent = Settlement { token: id, spent: 2, returned: 0, given_back: 0, last_used_at: Some(at(2)) };
    f.store.settle(&[spent]).await.unwrap();
    let before = get_token(&f.store, id).await.unwrap();
    f.store.close().await;
    let again = open(&path).await.unwrap();
    assert_eq!(get_project(&again, made.id).await.unwrap(), made);
    assert_eq!(get_token(&again, id).await.unwrap(), before);
    assert_eq!(grant(&again, &string).await.unwrap().upstream_key.reveal(), KEY);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_refused_with_its_path() {
    let folder = TempDir::new().unwrap();
    let refused = open(folder.path()).await.unwrap_err();
    assert!(refused.to_string().contains(folder.path().to_str().unwrap()), "{refused}");
}

/// Polls `call` at most `polls` times; `None` if it was not done by then.
async fn give_up_after<F: Future>(polls: usize, call: F) -> Option<F::Output> {
    let mut call = Box::pin(call);
    let mut polled = 0;
    std::future::poll_fn(|cx| {
        polled += 1;
        match call.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled >= polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_given_up_at_any_point_leaves_all_or_nothing_and_a_store_that_works() {
    let f = fixture().await;
    let id = project(&f.store, "alpha").await;
    let (kept, _) = token(&f.store, id).await;
    let mut given_up = 0;
    for round in 0..40 {
        let change = ProjectChange { is_active: Some(false), revoke_tokens: true, ..ProjectChange::default() };
        let done = give_up_after(1 + round % 8, update_project(&f.store, id, change, at(1))).await;
        // Another change finds the write lock free.
        project(&f.store, &format!("unrelated {round}")).await;
        let (changed, token) = (get_project(&f.store, id).await.unwrap(), get_token(&f.store, kept).await.unwrap());
        assert_eq!(changed.is_active, token.is_active, "round {round}");
        match done {
            Some(_) => assert!(!changed.is_active),
            None => given_up += 1,
        }
        switch_project(&f.store, id, true, at(3)).await;
        let on = TokenChange { is_active: Some(true), ..TokenChange::default() };
        update_token(&f.store, kept, on).await.unwrap();
    }
    assert!(given_up > 0);
}

#[tokio::test]
async fn a_closed_storage_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let storage = Storage::open(config(&folder)).await.unwrap();
    storage.close(Now::default()).await;
    let now = Now::default();
    let health = storage.perform(StoreEffect::CheckHealth, now).await;
    assert!(matches!(health, StoreOutcome::Health(Health { store: Component::Down, .. })));
    let listed = storage.perform(managing(Command::ListProjects(Page::default())), now).await;
    assert!(matches!(listed, StoreOutcome::Managed(Err(CommandError::StoreUnavailable))));
}

#[tokio::test]
async fn uses_noted_before_the_close_are_in_the_file() {
    let folder = TempDir::new().unwrap();
    let storage = Storage::open(config(&folder)).await.unwrap();
    let now = Now { wall: at(1), ..Now::default() };
    let store = open(&path_in(&folder)).await.unwrap();
    let (id, string) = token(&store, project(&store, "alpha").await).await;
    let found =
        storage.perform(StoreEffect::FindGrant(storage.token_key().get().unwrap().digest(&string).into()), now).await;
    assert!(matches!(found, StoreOutcome::Grant(Ok(Some(_)))));
    storage.note_use(id, at(1));
    storage.close(Now::default()).await;
    let read = get_token(&store, id).await.unwrap();
    assert_eq!((read.request_count, read.last_used_at), (1, Some(at(1))));
}

/// Runs with the features `tokio` and `smol` both on, as a binary with both runtimes has them.
#[cfg(feature = "smol")]
#[test]
fn outside_a_tokio_runtime_the_store_works_on_smols_parts() {
    futures_lite::future::block_on(async {
        let f = fixture().await;
        let id = project(&f.store, "alpha").await;
        let (_, string) = token(&f.store, id).await;
        assert!(grant(&f.store, &string).await.is_some());
        f.store.close().await;
    });
}

#[tokio::test]
async fn a_memory_storage_works_the_same() {
    let storage = Storage::open(StorageConfig::new(Database::Memory)).await.unwrap();
    let listed = storage.perform(managing(Command::ListProjects(Page::default())), Now::default()).await;
    assert!(matches!(listed, StoreOutcome::Managed(Ok(Reply::Projects(projects, 0))) if projects.is_empty()));
}

/// The effect of a management call.
fn managing(command: Command) -> StoreEffect {
    let request = RequestFacts {
        request_id: Shown::of("r"),
        correlation_id: Shown::of("r"),
        client_ip: IpAddr::from([192, 0, 2, 7]),
        method: Shown::of("GET"),
        path: Shown::of("/manage"),
        user_agent: None,
    };
    let facts = CallFacts::of(&command, Timestamp::default(), Actor::ManagementApi, Box::new(request));
    StoreEffect::Manage(command, Box::new(facts))
}

fn config(folder: &TempDir) -> StorageConfig {
    let database = Database::Sqlite { path: path_in(folder), pool_size: 2 };
    StorageConfig { grant_max_age: Duration::ZERO, ..StorageConfig::new(database) }
}
