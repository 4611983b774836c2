//! Opens a store until it is open: one attempt after the other, with growing pauses between them, for as long as only
//! waiting is needed. It decides what can be waited for, how long a pause is and what is said; it starts no timer and no
//! thread, those are the caller's.

use std::time::Duration;

use llm_proxy_core::time::Instant;

use crate::config::{Database, StorageConfig};
use crate::error::{OpenError, described};
use crate::memory::MemoryStore;
use crate::sql::SqlStore;
use crate::storage::Storage;
use crate::store::Store;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the same reason is said again.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// A [`Storage`] whose store is being opened.
#[derive(Debug)]
pub struct Opening {
    config: StorageConfig,
    storage: Storage,
    waiting: Waiting,
}

/// What an attempt came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The store is open, and the token key in its slot.
    Opened,
    /// The database cannot be reached; try again after that time.
    Again(Duration),
}

/// The attempts so far.
#[derive(Debug, Default)]
struct Waiting {
    attempts: u32,
    since: Instant,
    said_at: Instant,
    reason: String,
}

impl Opening {
    /// The store is not opened yet, but the storage is there: it answers that it is not available. The audit log is open.
    ///
    /// # Errors
    /// If the audit log cannot be used.
    pub fn new(config: StorageConfig) -> Result<Self, OpenError> {
        let storage = Storage::closed(&config)?;
        Ok(Self { config, storage, waiting: Waiting::default() })
    }

    /// The storage, before and after its store is open.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Tries once. `now` is when the attempt begins. Dropping the future breaks it off; nothing is half made then.
    ///
    /// # Errors
    /// What waiting cannot mend: see [`OpenError::is_temporary`].
    pub async fn attempt(&mut self, now: Instant) -> Result<Attempt, OpenError> {
        if self.waiting.attempts == 0 {
            self.storage.begin().await?;
        }
        let result = open(&self.config).await;
        self.conclude(result, now).await
    }

    async fn conclude(
        &mut self,
        result: Result<Box<dyn Store>, OpenError>,
        now: Instant,
    ) -> Result<Attempt, OpenError> {
        match result {
            Ok(store) => {
                self.storage.fill(store).await?;
                if self.waiting.attempts > 0 {
                    tracing::warn!(took = ?now.since(self.waiting.since), "the database is open now: the program is ready");
                }
                Ok(Attempt::Opened)
            }
            Err(error) if error.is_temporary() => Ok(Attempt::Again(self.waiting.failed(described(&error), now))),
            Err(error) => Err(error),
        }
    }
}

impl Waiting {
    /// One more attempt failed: says so where it is news, and gives the pause before the next.
    fn failed(&mut self, reason: String, now: Instant) -> Duration {
        if self.attempts == 0 {
            self.since = now;
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST_PAUSE);
        self.attempts = self.attempts.saturating_add(1);
        if self.is_news(&reason, now) {
            tracing::error!(
                error = reason,
                attempts = self.attempts,
                "not ready: the database cannot be reached; trying again until it can"
            );
            (self.said_at, self.reason) = (now, reason);
        }
        pause
    }

    fn is_news(&self, reason: &str, now: Instant) -> bool {
        self.reason != reason || now.since(self.said_at) >= SAY_EVERY
    }
}

/// Opens what the configuration names: files, migrations, keys.
pub(crate) async fn open(config: &StorageConfig) -> Result<Box<dyn Store>, OpenError> {
    Ok(match &config.database {
        Database::Sqlite { path, pool_size } => {
            Box::new(SqlStore::open(path, *pool_size, config.encryption_key.as_ref()).await?)
        }
        Database::Server { url, pool } => url.open(*pool, config.encryption_key.as_ref()).await?,
        Database::Memory => Box::new(MemoryStore::new()?),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use llm_proxy_core::secret::Secret;
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions as _, Connection as _};

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    fn at_path(path: PathBuf) -> Opening {
        Opening::new(StorageConfig::new(Database::Sqlite { path, pool_size: 1 })).unwrap()
    }

    #[test]
    fn pauses_grow_to_five_seconds_and_stay_there() {
        let mut waiting = Waiting::default();
        let pauses: Vec<u128> = (0..40).map(|n| waiting.failed("busy".into(), at(n)).as_millis()).collect();
        assert_eq!(pauses[..7], [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pauses[39], 5000);
    }

    #[test]
    fn a_reason_is_news_when_it_changes_and_every_half_minute() {
        let mut waiting = Waiting::default();
        let mut said = Vec::new();
        for (seconds, reason) in [(0, "a"), (1, "a"), (2, "b"), (3, "b"), (31, "b"), (32, "b"), (33, "b"), (34, "a")] {
            if waiting.is_news(reason, at(seconds)) {
                said.push(seconds);
            }
            waiting.failed(reason.into(), at(seconds));
        }
        assert_eq!(said, [0, 2, 32, 34]);
    }

    #[tokio::test]
    async fn a_locked_file_is_waited_for_and_opens_once_it_is_free() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        let mut other = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
        let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        let mut opening = at_path(path);
        assert_eq!(opening.attempt(at(1)).await.unwrap(), Attempt::Again(FIRST_PAUSE));
        assert!(opening.storage().token_key().get().is_none());
        lock.rollback().await.unwrap();
        assert_eq!(opening.attempt(at(2)).await.unwrap(), Attempt::Opened);
        assert!(opening.storage().token_key().get().is_some());
    }

    #[tokio::test]
    async fn what_waiting_cannot_mend_is_an_error_at_once_also_after_an_attempt_that_could_wait() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        let mut opening = at_path(path);
        opening.waiting.failed("busy".into(), at(0));
        let error = opening.attempt(at(1)).await.unwrap_err();
        assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_wrong_key_a_newer_version_and_a_folder_that_is_none_are_not_waited_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        at_path(path.clone()).attempt(at(0)).await.unwrap();
        let error = at_path(path.join("below a file.db")).attempt(at(0)).await.unwrap_err();
        assert!(matches!(error, OpenError::File { .. }), "{error:?}");

        let mut other = StorageConfig::new(Database::Sqlite { path: path.clone(), pool_size: 1 });
        other.encryption_key = Some(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()));
        let error = Opening::new(other).unwrap().attempt(at(0)).await.unwrap_err();
        assert!(matches!(error, OpenError::WrongKey { .. }), "{error:?}");

        let mut newer = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                    VALUES (9999, 'later', 1, x'00', 0)";
        sqlx::query(step).execute(&mut newer).await.unwrap();
        let error = at_path(path).attempt(at(0)).await.unwrap_err();
        assert!(matches!(error, OpenError::NewerSchema { found: 9999, .. }), "{error:?}");
    }
}
