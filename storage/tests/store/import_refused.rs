//! What refuses an import as a whole, and what is done to the original's file: nothing.

use std::fs;
use std::path::{Path, PathBuf};

use llm_proxy_core::manage::Page;
use llm_proxy_storage::{ImportError, ImportOptions, LeftOutReason, Row, Store as _, import};
use tempfile::TempDir;

use crate::calls::{at, list_projects};
use crate::file::{open_with, path_in, raw};
use crate::import::*;
use crate::original::*;

const OTHER_SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=";

/// Refused with that sentence's beginning, and no store was made.
async fn assert_refused(folder: &TempDir, path: &Path, sentence: &str) {
    let refused = bring(folder, path).await.unwrap_err();
    assert!(refused.to_string().contains(sentence), "{refused}");
    assert!(!path_in(folder).exists());
}

#[tokio::test]
async fn a_file_that_is_no_original_is_refused_in_words() {
    let folder = TempDir::new().unwrap();
    assert_refused(&folder, &folder.path().join("none.db"), "there is no file").await;
    assert_refused(&folder, folder.path(), "is not a SQLite database").await;
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but long enough to be one by its size").unwrap();
    assert_refused(&folder, &text, "is not a SQLite database").await;
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    assert_refused(&folder, &empty, "it has no table projects").await;
}

#[tokio::test]
async fn another_programs_database_is_refused_with_what_it_lacks() {
    let folder = TempDir::new().unwrap();
    let layout = "CREATE TABLE projects (id TEXT, name TEXT); CREATE TABLE tokens (token TEXT, project_id TEXT);";
    let path = original(&folder, layout, &[]).await;
    assert_refused(&folder, &path, "it has no column api_key in projects").await;
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_named_damaged() {
    let folder = TempDir::new().unwrap();
    let names: Vec<String> = (0..400).map(|n| old_project(&format!("id {n}"), &format!("name {n}"))).collect();
    let rows: Vec<&str> = names.iter().map(String::as_str).collect();
    let path = original(&folder, OLDEST, &rows).await;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    assert_refused(&folder, &path, "is damaged").await;
}

#[tokio::test]
async fn damage_that_no_row_is_touched_by_is_found_too() {
    let folder = TempDir::new().unwrap();
    let path = original(&folder, OLDEST, &[&old_project(ALPHA, "alpha")]).await;
    let page: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_projects_1'")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let start = (usize::try_from(page).unwrap() - 1) * 4096;
    bytes[start..start + 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    assert_refused(&folder, &path, "is damaged").await;
}

#[tokio::test]
async fn a_database_of_ours_is_refused_and_the_one_to_import_into_too() {
    let folder = TempDir::new().unwrap();
    let elsewhere = folder.path().join("elsewhere/llm-proxy.db");
    open_with(&elsewhere, SETTING).await.unwrap().close().await;
    assert_refused(&folder, &elsewhere, "is already a database of this version").await;
    open_with(&path_in(&folder), SETTING).await.unwrap().close().await;
    let same = bring(&folder, &path_in(&folder)).await.unwrap_err();
    assert!(matches!(same, ImportError::SameFile { .. }), "{same}");
}

#[tokio::test]
async fn sealed_keys_need_the_originals_key() {
    let folder = TempDir::new().unwrap();
    let path = original(&folder, NEWEST, &[&new_project(ALPHA, "alpha", SEALED_KEY)]).await;
    let options = ImportOptions { provider: "openai".to_owned(), at: at(0) };
    let without = import(&config(&folder, None), &path, &options).await.unwrap_err();
    assert!(matches!(without, ImportError::KeyNeeded { projects: 1 }), "{without}");
    let wrong = import(&config(&folder, Some(OTHER_SETTING)), &path, &options).await.unwrap_err();
    assert!(matches!(wrong, ImportError::WrongKey { projects: 1 }), "{wrong}");
    assert!(!path_in(&folder).exists());
}

#[tokio::test]
async fn one_key_that_does_not_open_leaves_out_its_project_only() {
    let folder = TempDir::new().unwrap();
    let rows = [
        &*new_project(ALPHA, "alpha", SEALED_KEY),
        &new_project(BETA, "beta", &SEALED_KEY.replace("ZGVmZ2hp", "ZGVmZ2hq")),
    ];
    let (report, _) = brought(&folder, NEWEST, &rows).await;
    assert_eq!(report.left_out, [left_out(Row::Project, BETA, LeftOutReason::KeyUnreadable)]);
    assert_eq!(report.projects, counted(1, 0));
}

#[tokio::test]
async fn a_store_that_fails_at_the_last_row_has_nothing() {
    let folder = TempDir::new().unwrap();
    let store = open_with(&path_in(&folder), SETTING).await.unwrap();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON tokens BEGIN SELECT RAISE(ABORT, 'no'); END")
        .execute(&mut raw(&path_in(&folder)).await)
        .await
        .unwrap();
    let rows = [&*old_project(ALPHA, "alpha"), &old_token(TOKEN, ALPHA)];
    let path = original(&folder, OLDEST, &rows).await;
    let failed = bring(&folder, &path).await.unwrap_err();
    assert!(matches!(failed, ImportError::Store(_)), "{failed}");
    assert_eq!(list_projects(&store, Page::default()).await.1, 0);
}

fn files_beside(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.is_file())
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_old_file_is_not_touched_and_nothing_is_made_beside_it() {
    let folder = TempDir::new().unwrap();
    let path = original(&folder, OLDEST, &[&old_project(ALPHA, "alpha")]).await;
    let before = fs::read(&path).unwrap();
    bring(&folder, &path).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(files_beside(&path), [path]);
}

#[tokio::test]
async fn what_is_still_in_the_log_is_brought() {
    let folder = TempDir::new().unwrap();
    let path = original(&folder, OLDEST, &[]).await;
    let mut running = writer(&path).await;
    add(&mut running, &[&old_project(ALPHA, "alpha"), &old_token(TOKEN, ALPHA)]).await;
    let report = bring(&folder, &path).await.unwrap();
    assert_eq!((report.projects, report.tokens), (counted(1, 0), counted(1, 0)));
    drop(running);
}
