//! The tests, one cause of loss a file, and what they share: steps that clients take, the ledger of what was
//! acknowledged, and the places where the program keeps it.

mod books;
mod database_killed;
mod disk_full;
mod files;
mod isolated;
mod ledger;
mod place;
mod process_killed;
mod random;
mod servers;
mod step;
mod worker;

/// The runtimes, for tests that alternate between them.
const RUNTIMES: [&str; 2] = ["tokio", "smol"];
