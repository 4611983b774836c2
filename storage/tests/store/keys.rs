//! Secrets at rest, and the key that they are sealed under.

use std::fs;

use llm_proxy_core::manage::{KeyView, Page};
use llm_proxy_storage::{OpenError, Store, StoreError};
use tempfile::TempDir;

use crate::calls::*;
use crate::file::*;

const SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=";

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
    token(&f.store, id).await;
    let mut raw = raw(&path).await;
    let sealed: String = sqlx::query_scalar("SELECT api_key FROM projects").fetch_one(&mut raw).await.unwrap();
    assert!(sealed.starts_with("enc:v1:"), "{sealed}");
    delete_project(&f.store, id).await.unwrap();
    let left: (String, Option<String>, Option<i64>) =
        sqlx::query_as("SELECT name, api_key, deleted_at FROM projects").fetch_one(&mut raw).await.unwrap();
    assert_eq!(left, ("alpha".to_owned(), None, Some(at(50).as_micros())));
    let token_active: i64 = sqlx::query_scalar("SELECT is_active FROM tokens").fetch_one(&mut raw).await.unwrap();
    assert_eq!(token_active, 0);
    sqlx::Connection::close(raw).await.unwrap();
    f.store.close().await;
    assert!(!contains(&bytes_at_rest(&path), sealed.as_bytes()));
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
