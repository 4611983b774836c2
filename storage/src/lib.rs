//! Keeps state for llm-proxy: projects, tokens, their use, and the secrets at rest.
//!
//! [`Storage`] performs the core's [`StoreEffect`](llm_proxy_core::exchange::StoreEffect)s, in one place for every
//! runtime. Behind it stands a [`Store`]: [`SqlStore`] (SQLite, PostgreSQL, MySQL or MariaDB, through sqlx) or
//! [`MemoryStore`]. In front of it stand the grant cache, the counts of uses and the leases of limited tokens, so that
//! most proxied requests do no I/O here.
//!
//! The crate decides no policy: what is valid, allowed or answered is the core's. It starts no runtime, spawns nothing
//! and reads no clock; timeouts around its futures are the caller's.
//!
//! The SQL pool needs a runtime's timers. The features `tokio` and `smol` choose it. With both built in, sqlx looks at
//! each call: within a tokio runtime (its time driver enabled) it uses tokio, elsewhere async-io and smol's global
//! executor. With neither, or with `tokio` alone outside a tokio runtime, opening a database panics in sqlx.

#![forbid(unsafe_code)]

mod audit;
mod changes;
mod commands;
mod config;
mod encrypt;
mod error;
mod faults;
mod files;
mod grants;
mod import;
mod key;
mod leases;
mod memory;
mod opening;
mod outage;
mod random;
mod rate_checks;
mod rates;
mod redis;
mod seal;
mod sql;
mod storage;
mod store;
mod turns;
mod uses;

pub use audit::{AuditFileError, VerifyError, verify_database, verify_file};
pub use config::{AuditConfig, Database, PoolLimits, StorageConfig};
pub use encrypt::{EncryptError, EncryptReport, EncryptStatus, SealedValue, encrypt, encrypt_status};
pub use error::{OpenError, described};
pub use import::{
    Counted, ImportBatch, ImportError, ImportOptions, ImportReport, ImportedProject, ImportedToken, LeftOut,
    LeftOutReason, NewId, Renamed, Row, import,
};
pub use memory::MemoryStore;
pub use opening::{Attempt, Opening};
pub use random::NoRandomness;
pub use redis::{RedisAddress, RedisAddressError, SharedRatesConfig};
pub use seal::SealError;
pub use sql::SqlStore;
pub use sql::migrate::{DownTo, MigrationStep, migrate_down, migrate_up, migration_status, schema_version};
pub use sql::url::{DatabaseUrl, Driver, UrlError};
pub use storage::Storage;
pub use store::{
    ChangeBatch, ChangeError, EventList, ExecuteError, NotSealed, Seal, SettleError, Store, StoreError, StoreFuture,
    TokenUse, is_change,
};
