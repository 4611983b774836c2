//! How much: limits that are counted rather than looked up. The number of requests that run at once, the content that is
//! held while it is looked at, how many requests come in a time, and how many a token may make in all, spent from leases
//! of the store.
//!
//! It never waits: there is room, or there is not, or the store must be asked.

mod account;
mod block;
mod concurrency;
mod holds;
mod ledger;
mod rate_key;
mod rates;

pub use block::{Lease, largest_lease};
pub use concurrency::{Concurrency, Running};
pub use holds::{Full, Hold, Holds};
pub use ledger::{Ledger, Settlement, Spend};
pub use rate_key::{CredentialDigest, RateCheck, RateKey, RateLimit, RateLimits, RateVerdict, Remaining};
pub use rates::RateTable;
