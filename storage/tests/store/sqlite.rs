//! What only a database file has: modes, keys, several instances, secrets at rest, what survives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use llm_proxy_core::exchange::{Spent, StoreEffect, StoreOutcome};
use llm_proxy_core::manage::{Command, CommandError, KeyView, Page, ProjectChange, Reply, TokenChange};
use llm_proxy_core::time::Now;
use llm_proxy_storage::{Database, OpenError, SqlStore, Storage, StorageConfig, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use crate::calls::*;

const SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=";

/// A store on a new file, which goes with it.
pub(crate) struct Fixture {
    pub(crate) store: SqlStore,
    folder: TempDir,
}

pub(crate) async fn fixture() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = open(&path_in(&folder)).await.unwrap();
    Fixture { store, folder }
}

fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("data/llm-proxy.db")
}

async fn open(path: &Path) -> Result<SqlStore, OpenError> {
    SqlStore::open(path, 4, None).await
}

async fn open_with(path: &Path, setting: &str) -> Result<SqlStore, OpenError> {
    SqlStore::open(path, 4, Some(&secret(setting))).await
}

/// A connection beside the store, to look at and to damage what it keeps.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

fn key_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// All bytes of all files beside the database, its key file left out.
fn bytes_at_rest(path: &Path) -> Vec<u8> {
    let files = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| *file != key_file(path)).flat_map(|file| fs::read(file).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

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
async fn no_secret_is_in_the_files() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let id = project(&f.store, "a name that is no secret").await;
    let (_, string) = token(&f.store, id).await;
    let before = bytes_at_rest(&path);
    f.store.close().await;
    for bytes in [before, bytes_at_rest(&path)] {
        assert!(contains(&bytes, b"a name that is no secret"));
        assert!(!contains(&bytes, KEY.as_bytes()));
        assert!(!contains(&bytes, string.reveal().as_bytes()));
        assert!(!contains(&bytes, &string.reveal().as_bytes()[3..]));
        let encryption_key = fs::read(key_file(&path)).unwrap();
        assert!(!contains(&bytes, encryption_key.trim_ascii()));
    }
}

#[tokio::test]
async fn a_deleted_projects_sealed_key_is_erased_and_its_record_stays() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let id = project(&f.store, "alpha").await;
    let mut raw = raw(&path).await;
    let sealed: String = sqlx::query_scalar("SELECT api_key FROM projects").fetch_one(&mut raw).await.unwrap();
    assert!(sealed.starts_with("enc:v1:"), "{sealed}");
    delete_project(&f.store, id).await.unwrap();
    let left: (String, Option<String>, Option<i64>) =
        sqlx::query_as("SELECT name, api_key, deleted_at FROM projects").fetch_one(&mut raw).await.unwrap();
    assert_eq!(left, ("alpha".to_owned(), None, Some(at(50).as_micros())));
    sqlx::Connection::close(raw).await.unwrap();
    f.store.close().await;
    assert!(!contains(&bytes_at_rest(&path), sealed.as_bytes()));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let made = create(&f.store, "alpha", at(1)).await.unwrap();
    let (id, string) = token(&f.store, made.id).await;
    f.store.spend(id, at(2)).await.unwrap();
    let before = get_token(&f.store, id).await.unwrap();
    f.store.close().await;
    let again = open(&path).await.unwrap();
    assert_eq!(get_project(&again, made.id).await.unwrap(), made);
    assert_eq!(get_token(&again, id).await.unwrap(), before);
    assert_eq!(grant(&again, &string).await.unwrap().upstream_key.reveal(), KEY);
}

#[tokio::test]
async fn one_unreadable_key_does_not_break_the_list() {
    let f = fixture().await;
    let (good, bad) = (project(&f.store, "good").await, project(&f.store, "bad").await);
    let (_, string) = token(&f.store, bad).await;
    // The key of another project, sealed for that one.
    sqlx::query("UPDATE projects SET api_key = (SELECT api_key FROM projects WHERE id = ?1) WHERE id = ?2")
        .bind(good.to_string())
        .bind(bad.to_string())
        .execute(&mut raw(&path_in(&f.folder)).await)
        .await
        .unwrap();
    let (projects, total) = list_projects(&f.store, Page::default()).await;
    let key_of = |id| projects.iter().find(|project| project.id == id).unwrap().api_key.clone();
    assert_eq!((key_of(good), total), (KeyView::Masked(KEY_MASK.to_owned()), 2));
    assert_eq!(key_of(bad), KeyView::Unreadable);
    let failure = f.store.find_grant(f.store.token_key().digest(&string)).await.unwrap_err();
    assert!(matches!(failure, StoreError::KeyUnreadable(id) if id == bad));
    switch_project(&f.store, bad, false, at(1)).await;
}

#[tokio::test]
async fn the_key_file_is_made_once_and_used_again() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let made = fs::read_to_string(key_file(&path)).unwrap();
    assert_eq!(made.trim_end().len(), 44);
    f.store.close().await;
    open(&path).await.unwrap();
    assert_eq!(fs::read_to_string(key_file(&path)).unwrap(), made);
}

#[tokio::test]
async fn a_setting_makes_no_key_file() {
    let folder = TempDir::new().unwrap();
    open_with(&path_in(&folder), SETTING).await.unwrap();
    assert!(!key_file(&path_in(&folder)).exists());
}

#[tokio::test]
async fn another_key_is_refused_and_the_right_one_still_opens() {
    let folder = TempDir::new().unwrap();
    let path = path_in(&folder);
    open_with(&path, SETTING).await.unwrap().close().await;
    let refused = open_with(&path, OTHER_SETTING).await.unwrap_err();
    assert!(matches!(refused, OpenError::WrongKey { .. }));
    assert!(refused.to_string().contains("ENCRYPTION_KEY"), "{refused}");
    open_with(&path, SETTING).await.unwrap();
}

#[tokio::test]
async fn a_setting_beside_the_key_file_that_counts_is_refused_with_a_hint() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    let refused = open_with(&path, SETTING).await.unwrap_err();
    assert!(refused.to_string().contains("llm-proxy.db.key"), "{refused}");
}

#[tokio::test]
async fn a_sealed_database_without_a_key_is_refused_and_no_new_key_is_made() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    f.store.close().await;
    fs::rename(key_file(&path), path.with_extension("away")).unwrap();
    let refused = open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::KeyMissing { .. }));
    assert!(refused.to_string().contains("llm-proxy.db.key"), "{refused}");
    assert!(!key_file(&path).exists());
}

#[tokio::test]
async fn a_setting_that_is_no_key_is_refused_without_showing_it() {
    let folder = TempDir::new().unwrap();
    let refused = open_with(&path_in(&folder), "c2VjcmV0IGJ1dCBzaG9ydA==").await.unwrap_err();
    assert!(matches!(refused, OpenError::BadEncryptionKey));
    assert!(!format!("{refused} {refused:?}").contains("c2Vj"), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_key_file_is_refused_and_kept() {
    let f = fixture().await;
    let path = path_in(&f.folder);
    f.store.close().await;
    for damaged in [&b"half a ke"[..], b"", b"\xff\xfe"] {
        fs::write(key_file(&path), damaged).unwrap();
        assert!(matches!(open(&path).await, Err(OpenError::KeyFileDamaged { .. })));
        assert_eq!(fs::read(key_file(&path)).unwrap(), damaged);
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_refused_with_its_path() {
    let folder = TempDir::new().unwrap();
    let refused = open(folder.path()).await.unwrap_err();
    assert!(refused.to_string().contains(folder.path().to_str().unwrap()), "{refused}");
}

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
    storage.close().await;
    let now = Now::default();
    let health = storage.perform(StoreEffect::CheckHealth, now).await;
    assert!(matches!(health, StoreOutcome::Health(Err(_))));
    let listed = storage.perform(StoreEffect::Manage(Command::ListProjects(Page::default())), now).await;
    assert!(matches!(listed, StoreOutcome::Managed(Err(CommandError::StoreUnavailable))));
}

#[tokio::test]
async fn uses_noted_before_the_close_are_in_the_file() {
    let folder = TempDir::new().unwrap();
    let storage = Storage::open(config(&folder)).await.unwrap();
    let now = Now { wall: at(1), ..Now::default() };
    let store = open(&path_in(&folder)).await.unwrap();
    let (id, string) = token(&store, project(&store, "alpha").await).await;
    let found = storage.perform(StoreEffect::FindGrant(storage.token_key().digest(&string)), now).await;
    assert!(matches!(found, StoreOutcome::Grant(Ok(Some(_)))));
    storage.note_use(id, at(1));
    storage.close().await;
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
    let listed = storage.perform(StoreEffect::Manage(Command::ListProjects(Page::default())), Now::default()).await;
    assert!(matches!(listed, StoreOutcome::Managed(Ok(Reply::Projects(projects, 0))) if projects.is_empty()));
}

fn config(folder: &TempDir) -> StorageConfig {
    let database = Database::Sqlite { path: path_in(folder), pool_size: 2 };
    StorageConfig { grant_max_age: Duration::ZERO, ..StorageConfig::new(database) }
}
