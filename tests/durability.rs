//! Durability tests: what the built program acknowledged is there after kill -9, after its database server was killed,
//! and after the disk was full; what it refused is not.
//!
//! Decides whether the promise "nothing acknowledged is lost" holds, seen from outside. Each test keeps a ledger of what
//! was acknowledged and compares it with what the program shows afterwards. Power cuts are beyond it: the pages that a
//! killed process wrote are still in the system's memory, so a forgotten fsync is not found here.
//!
//!     scripts/with-databases --durable cargo test --test durability -- --nocapture
//!
//! Each random choice follows from a seed, which is printed; LLM_PROXY_TEST_SEED repeats one (the moments of the threads
//! are not repeated).

#[cfg(test)]
#[path = "durability/mod.rs"]
mod durability;

#[cfg(test)]
#[expect(dead_code, unused_imports, reason = "the harness is shared with the black-box tests, which use all of it")]
mod harness;
