//! Black-box tests: the built program, seen only from outside, by its sockets, its log, its exit code and its files.
//!
//! Decides whether the program keeps its contract. Never looks into a crate of the workspace. The list of tests is
//! written once (`list/`) and instantiated once per runtime, so a test that is missing on one runtime does not compile.
//! Run by `./scripts/test`, which installs the SDKs that some of the tests drive.

#![expect(clippy::duplicate_mod, reason = "the list is one text that is instantiated once per runtime")]

#[cfg(test)]
mod harness;

/// What is tried around a list of models; the core's own tests read the same table.
#[cfg(test)]
#[path = "../core/src/testing/attempts.rs"]
mod attempts;

/// The list on the tokio runtime.
#[cfg(test)]
#[path = "."]
mod tokio {
    const RUNTIME: &str = "tokio";
    #[path = "list/mod.rs"]
    mod list;
}

/// The list on the smol runtime.
#[cfg(test)]
#[path = "."]
mod smol {
    const RUNTIME: &str = "smol";
    #[path = "list/mod.rs"]
    mod list;
}
