//! Audit: which events there are, how they read, and how they hang together so that a later change shows.
//!
//! It decides what an event holds, and its place in a chain. It never writes one, reads a clock or makes a random byte,
//! and no event can hold a secret: its text comes from closed lists, from ids, or through [`Shown`].
//!
//! A [`Draft`] says what happened. A writer gives it a place: [`Chain::seal`] makes it an [`Event`], whose `hash` covers
//! the event and the hash before it. One run of one instance writes one chain, which begins with `server.start`.

mod chain;
mod draft;
mod event;
mod fold;
mod shown;
mod verify;
mod words;

#[cfg(test)]
mod tests;

pub use chain::{Chain, canonical_json, hash_of};
pub use draft::{Draft, Fact, RequestFacts};
pub use event::Event;
pub use fold::{FOLD_EVERY, Folder, MOST_KINDS, MOST_PER_CLIENT};
pub use shown::Shown;
pub(crate) use shown::begins_like_a_key;
pub use verify::{Fault, IN_DATABASE, Last, Place, Source, Verified, Verifier};
pub use words::{Action, Actor, Outcome};
