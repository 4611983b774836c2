//! The in-memory harness: a [`Session`](crate::connection::Session) between a client and an upstream that exist only as
//! bytes, with a clock that moves when it is told to. For tests and fuzzing; it is in no build of the program.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a harness reports by panicking")]

#[cfg(test)]
pub(crate) mod attempts;
mod heard;
mod laws;
mod pair;
mod rules;
mod says;
mod store;
mod world;

pub use heard::{End, Message, requests, responses};
pub use laws::{check, settle};
pub use pair::Pair;
pub use rules::{KEY, MANAGEMENT_TOKEN, TOKEN, grant, provider, rules, rules_for};
pub use says::{WEBSOCKET_FIELDS, get, ok, post, request, switching, websocket};
pub use store::Store;
pub use world::{Split, Use, UseEnd};
