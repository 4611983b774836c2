//! A SQLite store on a file of its own, and ways to look at that file beside the store.

use std::fs;
use std::path::{Path, PathBuf};

use llm_proxy_storage::{OpenError, SqlStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use crate::calls::secret;

/// A store on a new file, which goes with it.
pub(crate) struct Fixture {
    pub(crate) store: SqlStore,
    pub(crate) folder: TempDir,
}

pub(crate) async fn fixture() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = open(&path_in(&folder)).await.unwrap();
    Fixture { store, folder }
}

pub(crate) fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("data/llm-proxy.db")
}

pub(crate) async fn open(path: &Path) -> Result<SqlStore, OpenError> {
    SqlStore::open(path, 4, None).await
}

pub(crate) async fn open_with(path: &Path, setting: &str) -> Result<SqlStore, OpenError> {
    SqlStore::open(path, 4, Some(&secret(setting))).await
}

/// A connection beside the store, to look at and to damage what it keeps.
pub(crate) async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

pub(crate) fn key_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// All bytes of all files beside the database, its key file left out.
pub(crate) fn bytes_at_rest(path: &Path) -> Vec<u8> {
    let files = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| *file != key_file(path)).flat_map(|file| fs::read(file).unwrap()).collect()
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
