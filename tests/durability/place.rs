//! Where the program keeps what it acknowledges: a SQLite file, or a database of the test's own on a server; and beside
//! it the audit file. Says whether it is sound.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Database, Engine, Mock, Options, Proxy, sqlite_rows};

/// A kind of store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Store {
    Sqlite,
    Server(Engine),
}

/// A place, and the settings that lead to it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) options: Options,
    database: Option<Database>,
}

impl Place {
    /// In the proxy's own folder, or on the server that all tests share.
    pub(super) fn new(store: Store, mock: &Mock) -> Self {
        match store {
            Store::Sqlite => Self { options: Options::towards(mock), database: None },
            Store::Server(engine) => Self::at(Database::shared(engine), mock),
        }
    }

    /// On a database of a server.
    pub(super) fn at(database: Database, mock: &Mock) -> Self {
        Self { options: Options::towards(mock).on(&database), database: Some(database) }
    }

    /// Asserts that the store's own check finds nothing wrong.
    pub(super) fn assert_sound(&self, proxy: &Proxy) {
        match &self.database {
            None => assert_sqlite_sound(&proxy.database()),
            Some(database) => assert_server_sound(database),
        }
    }
}

/// Asserts that SQLite finds nothing wrong with a file that may be in use.
pub(super) fn assert_sqlite_sound(file: &Path) {
    assert_eq!(sqlite_rows(file, "PRAGMA integrity_check"), json!([["ok"]]));
}

fn assert_server_sound(database: &Database) {
    match database.engine {
        // Reads every page of every index of the table, and every row by each of them.
        Engine::Mysql => {
            let said = database.sql("CHECK TABLE projects EXTENDED; CHECK TABLE tokens EXTENDED").unwrap();
            assert_eq!(said.lines().filter(|line| line.ends_with("OK")).count(), 2, "{said}");
        }
        Engine::Postgres => {
            let check = "CREATE EXTENSION IF NOT EXISTS amcheck; \
                         SELECT bt_index_check(indexrelid, true) FROM pg_index \
                         WHERE indrelid IN ('projects'::regclass, 'tokens'::regclass)";
            database.sql(check).unwrap();
        }
    }
}

/// The audit file of a proxy whose settings do not name another.
pub(super) fn audit_file(proxy: &Proxy) -> PathBuf {
    proxy.folder().join("data/audit.log")
}
