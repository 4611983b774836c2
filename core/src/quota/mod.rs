//! How much: limits that are counted rather than looked up. So far the number of requests that run at once; how many a
//! token may make in all is the store's, in one atomic step.
//!
//! It never waits: there is room, or there is not.

mod concurrency;

pub use concurrency::{Concurrency, Running};
