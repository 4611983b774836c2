//! The writer of audit events: exact and durable, in a file and in the database.
//!
//! - The **file is the write-ahead log**. The calls that change something wait for one another and are done in one
//!   transaction ([`Store::change`](crate::Store::change)); their events are sealed, appended and synced between the
//!   last call and the commit. So there is no change without its event, and what a crash takes was not acknowledged.
//! - The **database follows the file** and holds a prefix of each chain: with each batch of changes, before events are
//!   listed, and at each flush. What it did not take is in memory up to a bound, and beyond it read from the file
//!   again; at a start the file's end that the database lacks is given to it.
//! - **Denials** of proxied requests are folded and written by nobody's waiting.
//!
//! What an event says is the core's ([`llm_proxy_core::audit`]); here it gets its place, is written, and is never lost
//! without a word in the log.
//!
//! Files: `file` (the open log), `tail` (its end and its lines), `pending` (what the database lacks), `journal` (chain
//! and file as one thing), `thread` (the journal's own), `writer` (from the call to the database), `batch` (calls that change
//! something, together), `place`
//! (where the database is in the file), `retention`.

mod batch;
mod file;
mod journal;
mod pending;
mod place;
mod retention;
mod tail;
mod thread;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use batch::change_unrecorded;
pub use file::AuditFileError;
pub(crate) use journal::Unwritten;
pub use verify::{VerifyError, verify_database, verify_file};
pub(crate) use writer::Writer;
