//! The in-memory harness: a [`Session`](crate::connection::Session) between a client and an upstream that exist only as
//! bytes, with a clock that moves when it is told to. For tests and fuzzing; it is in no build of the program.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a harness reports by panicking")]

mod pair;
mod rules;

pub use pair::{Pair, Split};
pub use rules::{KEY, MANAGEMENT_TOKEN, TOKEN, grant, rules};
