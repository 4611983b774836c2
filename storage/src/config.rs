//! What [`Storage`](crate::Storage) must be told to open. Where the values come from is the caller's business.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;

use crate::redis::SharedRatesConfig;
use crate::sql::url::DatabaseUrl;

/// The grant age that the contract allows at most, and the default.
const GRANT_MAX_AGE: Duration = Duration::from_secs(5);
const GRANT_CAPACITY: usize = 10_000;

/// Where state is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a SQLite file.
    Sqlite {
        /// The file; it and its folder are made where they are missing.
        path: PathBuf,
        /// How many connections may read at the same time, at least 1. Writes always go one after the other.
        pool_size: u32,
    },
    /// On a PostgreSQL, MySQL or MariaDB server.
    Server {
        /// Where, and as whom.
        url: DatabaseUrl,
        /// The connections to it.
        pool: PoolLimits,
    },
    /// In this process, until it ends.
    Memory,
}

/// Where it is, without the password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => write!(f, "{}", path.display()),
            Self::Server { url, .. } => write!(f, "{url}"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

/// How many connections to a server there are, and how old they become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolLimits {
    /// How many at most; at least 1.
    pub size: u32,
    /// How many are kept that nobody uses.
    pub max_idle: u32,
    /// How old one becomes; `None` is as old as it likes.
    pub max_lifetime: Option<Duration>,
}

/// How to open a [`Storage`](crate::Storage).
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// Where state is kept.
    pub database: Database,
    /// ENCRYPTION_KEY, base64 of 32 bytes. `None` on SQLite: the key file beside the database. A server needs one.
    pub encryption_key: Option<Secret>,
    /// How long a grant may be used without asking the store again; zero asks every time.
    pub grant_max_age: Duration,
    /// How long after the last answer of a store that fails now a grant may be used that is older than that; zero is not
    /// at all.
    pub outage_grace: Duration,
    /// How many grants are kept in memory, about.
    pub grant_capacity: usize,
    /// Where audit events go; `None` is nowhere.
    pub audit: Option<AuditConfig>,
    /// How rates are shared with other instances; `None` is not at all, and no connection is made for it.
    pub shared_rates: Option<SharedRatesConfig>,
}

/// Where audit events go, and what the first of them says.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// The file that they are appended to, one JSON object a line; `None` is no file. One instance writes one file.
    pub file: Option<PathBuf>,
    /// Whether its folder is made where it is missing.
    pub make_folder: bool,
    /// Whether they are kept in the database.
    pub in_database: bool,
    /// How long the database keeps them; zero is for ever.
    pub retention: Duration,
    /// When this run began.
    pub started_at: Timestamp,
    /// The version of the program.
    pub version: &'static str,
    /// The runtime that it runs on.
    pub runtime: &'static str,
}

impl StorageConfig {
    /// The defaults for a database: no encryption key of its own, 5 s, no grace, 10,000 grants, no audit, no
    /// shared rates.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self {
            database,
            encryption_key: None,
            grant_max_age: GRANT_MAX_AGE,
            outage_grace: Duration::ZERO,
            grant_capacity: GRANT_CAPACITY,
            audit: None,
            shared_rates: None,
        }
    }
}
