//! Encryption at rest, brought up to another key.

use std::fs;
use std::path::{Path, PathBuf};
use std::task::Poll;

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{KeyView, Page};
use llm_proxy_storage::{
    Database, EncryptError, EncryptReport, EncryptStatus, OpenError, SealedValue, SqlStore, StorageConfig, Store as _,
    encrypt, encrypt_status,
};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::*;

const FIRST: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECOND: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=";
const THIRD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0=";

fn config(path: &Path, setting: Option<&str>) -> StorageConfig {
    let database = Database::Sqlite { path: path.to_owned(), pool_size: 1 };
    StorageConfig { encryption_key: setting.map(secret), ..StorageConfig::new(database) }
}

async fn run(path: &Path, setting: &str, old: Option<&str>) -> Result<EncryptReport, EncryptError> {
    encrypt(&config(path, Some(setting)), old.map(secret).as_ref()).await
}

async fn status(path: &Path, setting: &str) -> EncryptStatus {
    encrypt_status(&config(path, Some(setting))).await.unwrap()
}

/// A database of `projects` projects under FIRST, and a token of the last one.
async fn sealed(folder: &TempDir, projects: usize) -> (PathBuf, ProjectId, TokenString) {
    let path = path_in(folder);
    let store = open_with(&path, FIRST).await.unwrap();
    filled(store, path, projects).await
}

async fn filled(store: SqlStore, path: PathBuf, projects: usize) -> (PathBuf, ProjectId, TokenString) {
    let mut id = project(&store, "project 1").await;
    for n in 1..projects {
        id = project(&store, &format!("project {}", n + 1)).await;
    }
    let (_, string) = token(&store, id).await;
    store.close().await;
    (path, id, string)
}

async fn opens(path: &Path, setting: &str, string: &TokenString) {
    let store = open_with(path, setting).await.unwrap();
    assert_eq!(grant(&store, string).await.unwrap().upstream_key.reveal(), KEY);
    for project in list_projects(&store, Page::default()).await.0 {
        assert_eq!(project.api_key, KeyView::Masked(KEY_MASK.to_owned()));
    }
    store.close().await;
}

async fn set_key(path: &Path, id: ProjectId, stored: &str) {
    let mut raw = raw(path).await;
    let update = sqlx::query("UPDATE projects SET api_key = ?1 WHERE id = ?2").bind(stored).bind(id.to_string());
    update.execute(&mut raw).await.unwrap();
    sqlx::Connection::close(raw).await.unwrap();
}

fn unreadable(id: ProjectId) -> Vec<SealedValue> {
    vec![SealedValue::ProjectKey(id.to_string())]
}

#[tokio::test]
async fn a_rotation_moves_everything_to_the_new_key_and_tokens_stay_valid() {
    let folder = TempDir::new().unwrap();
    let (path, _, string) = sealed(&folder, 3).await;
    let report = run(&path, SECOND, Some(FIRST)).await.unwrap();
    // Three keys and the key of the token digests.
    assert_eq!((report.resealed, report.sealed, report.status.sealed), (4, 0, 4));
    assert!(report.status.is_complete());
    opens(&path, SECOND, &string).await;
    assert!(matches!(open_with(&path, FIRST).await, Err(OpenError::WrongKey { .. })));
}

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let folder = TempDir::new().unwrap();
    let (path, ..) = sealed(&folder, 2).await;
    run(&path, SECOND, Some(FIRST)).await.unwrap();
    let before = bytes_at_rest(&path);
    let again = run(&path, SECOND, Some(FIRST)).await.unwrap();
    assert_eq!((again.resealed, again.sealed, again.status.sealed), (0, 0, 3));
    assert_eq!(bytes_at_rest(&path), before);
}

#[tokio::test]
async fn a_plain_key_is_sealed_and_its_text_is_gone_from_the_files() {
    let folder = TempDir::new().unwrap();
    let (path, id, string) = sealed(&folder, 1).await;
    set_key(&path, id, KEY).await;
    assert!(contains(&bytes_at_rest(&path), KEY.as_bytes()));
    assert_eq!(status(&path, FIRST).await, EncryptStatus { plain: 1, sealed: 1, unreadable: vec![] });
    let report = run(&path, FIRST, None).await.unwrap();
    assert_eq!((report.sealed, report.resealed, report.status.sealed), (1, 0, 2));
    assert!(!contains(&bytes_at_rest(&path), KEY.as_bytes()));
    opens(&path, FIRST, &string).await;
}

#[tokio::test]
async fn a_plain_text_is_gone_from_the_log_too_while_a_server_keeps_it_open() {
    let folder = TempDir::new().unwrap();
    let (path, id, _) = sealed(&folder, 1).await;
    let running = open_with(&path, FIRST).await.unwrap();
    list_projects(&running, Page::default()).await;
    set_key(&path, id, KEY).await;
    run(&path, FIRST, None).await.unwrap();
    assert!(!contains(&bytes_at_rest(&path), KEY.as_bytes()));
    running.close().await;
}

#[tokio::test]
async fn a_wrong_old_key_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let (path, id, string) = sealed(&folder, 2).await;
    set_key(&path, id, "a plain key").await;
    let before = bytes_at_rest(&path);
    for old in [Some(THIRD), None] {
        let refused = run(&path, SECOND, old).await.unwrap_err();
        assert!(matches!(refused, EncryptError::WrongOldKey), "{refused}");
        assert!(refused.to_string().contains("ENCRYPTION_KEY_OLD"), "{refused}");
    }
    assert_eq!(bytes_at_rest(&path), before);
    run(&path, SECOND, Some(FIRST)).await.unwrap();
    set_key(&path, id, KEY).await;
    run(&path, SECOND, None).await.unwrap();
    opens(&path, SECOND, &string).await;
}

#[tokio::test]
async fn one_key_that_opens_under_neither_is_left_and_named() {
    let folder = TempDir::new().unwrap();
    let (path, id, _) = sealed(&folder, 2).await;
    set_key(&path, id, "enc:v1:ZGVmZ2hpamtsbW5vO3DzEwmaIuxbAzLFsQAT/k/ZDAFSTIvuYXScsH6hXA==").await;
    let report = run(&path, SECOND, Some(FIRST)).await.unwrap();
    assert_eq!((report.resealed, &report.status.unreadable), (2, &unreadable(id)));
    assert!(!report.status.is_complete());
    assert!(report.to_string().contains(&id.to_string()), "{report}");
}

#[tokio::test]
async fn a_key_that_an_old_server_wrote_after_the_rotation_is_moved_by_another_run() {
    let folder = TempDir::new().unwrap();
    let (path, _, string) = sealed(&folder, 1).await;
    let forgotten = open_with(&path, FIRST).await.unwrap();
    run(&path, SECOND, Some(FIRST)).await.unwrap();
    let late = project(&forgotten, "late").await;
    forgotten.close().await;
    assert_eq!(status(&path, SECOND).await.unreadable, unreadable(late));
    let report = run(&path, SECOND, Some(FIRST)).await.unwrap();
    assert_eq!((report.resealed, report.status.sealed), (1, 3));
    opens(&path, SECOND, &string).await;
}

/// Polls at most `polls` times, and gives up then as a process that is killed does.
async fn killed_after<F: Future>(polls: usize, call: F) -> Option<F::Output> {
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

/// Waits for what was under way when a call was given up: a commit holds the write lock.
async fn settled(path: &Path) {
    let mut raw = raw(path).await;
    sqlx::Connection::begin_with(&mut raw, "BEGIN IMMEDIATE").await.unwrap().rollback().await.unwrap();
    sqlx::Connection::close(raw).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_given_up_at_any_point_is_all_or_nothing_and_can_be_run_again() {
    let (mut broken_off, mut done) = (0, 0);
    for polls in 1..60 {
        let folder = TempDir::new().unwrap();
        let (path, _, string) = sealed(&folder, 6).await;
        if killed_after(polls, run(&path, SECOND, Some(FIRST))).await.is_none() {
            broken_off += 1;
            settled(&path).await;
            // Under one of the two keys all is sealed, and a server starts with it.
            let (first, second) = (status(&path, FIRST).await, status(&path, SECOND).await);
            assert!(first.is_complete() != second.is_complete(), "{polls}: {first} {second}");
            opens(&path, if first.is_complete() { FIRST } else { SECOND }, &string).await;
        } else {
            done += 1;
        }
        let report = run(&path, SECOND, Some(FIRST)).await.unwrap();
        assert_eq!((report.status.sealed, report.status.is_complete()), (7, true), "{polls}");
        opens(&path, SECOND, &string).await;
    }
    assert!(broken_off > 10 && done > 0, "{broken_off} {done}");
}

#[tokio::test]
async fn a_setting_takes_the_place_of_the_key_file_which_is_renamed() {
    let f = fixture().await;
    let (path, _, string) = filled(f.store, path_in(&f.folder), 2).await;
    let in_file = fs::read_to_string(key_file(&path)).unwrap();
    assert!(!status(&path, FIRST).await.is_complete());
    let report = run(&path, FIRST, None).await.unwrap();
    let away = report.key_file.clone().unwrap();
    assert_eq!((report.resealed, away.file_name().unwrap().to_str()), (3, Some("llm-proxy.db.key.old")));
    assert_eq!((fs::read_to_string(&away).unwrap(), key_file(&path).exists()), (in_file, false));
    assert!(report.to_string().contains("llm-proxy.db.key.old"), "{report}");
    opens(&path, FIRST, &string).await;
}

#[tokio::test]
async fn an_older_key_file_is_not_written_over() {
    let f = fixture().await;
    let (path, ..) = filled(f.store, path_in(&f.folder), 1).await;
    let older = path.with_file_name("llm-proxy.db.key.old");
    fs::write(&older, "older").unwrap();
    let report = run(&path, FIRST, None).await.unwrap();
    assert_eq!(report.key_file.unwrap().file_name().unwrap(), "llm-proxy.db.key.old2");
    assert_eq!(fs::read_to_string(older).unwrap(), "older");
}

#[tokio::test]
async fn a_key_file_that_a_crash_left_behind_is_put_away_by_the_next_run() {
    let f = fixture().await;
    let (path, _, string) = filled(f.store, path_in(&f.folder), 1).await;
    let content = fs::read(key_file(&path)).unwrap();
    run(&path, FIRST, None).await.unwrap();
    fs::write(key_file(&path), content).unwrap();
    opens(&path, FIRST, &string).await;
    let report = run(&path, FIRST, None).await.unwrap();
    assert_eq!((report.resealed, report.status.sealed, report.key_file.is_some()), (0, 2, true));
}

#[tokio::test]
async fn without_a_setting_the_key_file_counts_and_stays() {
    let f = fixture().await;
    let (path, id, _) = filled(f.store, path_in(&f.folder), 1).await;
    set_key(&path, id, KEY).await;
    let report = encrypt(&config(&path, None), None).await.unwrap();
    assert_eq!((report.sealed, report.status.sealed, report.key_file), (1, 2, None));
    assert!(key_file(&path).exists());
    assert!(encrypt_status(&config(&path, None)).await.unwrap().is_complete());
}

#[tokio::test]
async fn a_deleted_project_has_nothing_to_seal() {
    let folder = TempDir::new().unwrap();
    let (path, id, _) = sealed(&folder, 2).await;
    let store = open_with(&path, FIRST).await.unwrap();
    delete_project(&store, id).await.unwrap();
    store.close().await;
    let report = run(&path, SECOND, Some(FIRST)).await.unwrap();
    assert_eq!((report.resealed, report.sealed, report.status.is_complete()), (2, 0, true));
    let erased = sqlx::query("SELECT id FROM projects WHERE api_key IS NULL").fetch_all(&mut raw(&path).await).await;
    assert_eq!(erased.unwrap().len(), 1);
}

#[tokio::test]
async fn what_another_key_sealed_is_not_complete() {
    let folder = TempDir::new().unwrap();
    let (path, id, _) = sealed(&folder, 1).await;
    let status = status(&path, SECOND).await;
    let token_key = SealedValue::Secret("token_key".to_owned());
    assert_eq!(status.unreadable, [vec![token_key], unreadable(id)].concat());
    assert!(!status.is_complete());
}

#[tokio::test]
async fn the_status_changes_nothing() {
    let f = fixture().await;
    let (path, ..) = filled(f.store, path_in(&f.folder), 1).await;
    let before = bytes_at_rest(&path);
    status(&path, FIRST).await;
    assert_eq!(bytes_at_rest(&path), before);
    assert!(key_file(&path).exists());
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let folder = TempDir::new().unwrap();
    let memory = StorageConfig { encryption_key: Some(secret(FIRST)), ..StorageConfig::new(Database::Memory) };
    assert!(matches!(encrypt(&memory, None).await, Err(EncryptError::NothingAtRest)));
    let path = path_in(&folder);
    assert!(matches!(run(&path, FIRST, None).await, Err(EncryptError::NoDatabase { .. })));
    assert!(!path.exists());
    let (path, ..) = sealed(&folder, 1).await;
    assert!(matches!(encrypt(&config(&path, None), Some(&secret(FIRST))).await, Err(EncryptError::NoKey)));
    assert!(matches!(run(&path, "short", None).await, Err(EncryptError::Open(OpenError::BadEncryptionKey))));
    let bad_old = run(&path, SECOND, Some("short")).await.unwrap_err();
    assert!(bad_old.to_string().starts_with("ENCRYPTION_KEY_OLD must be"), "{bad_old}");
}
