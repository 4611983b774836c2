//! Drives the core on tokio: sockets, TLS, timers, tasks. It performs what the core's machines ask for and decides
//! nothing: every `if` about a request is in the core.
//!
//! - [`run`]: storage, workers, signals, and the order of the stop.
//! - `worker`: one thread, one current-thread runtime, one listener (SO_REUSEPORT), one pool of upstream connections.
//! - `client`: a client's connection, plain or TLS.
//! - `connection`: the loop that drives one client connection and its upstream, in one task.
//!
//! A connection never changes its worker, so nothing on the way of a request is shared between threads but the grant
//! cache.

mod client;
mod connection;
mod drain;
mod places;
mod server;
mod store_thread;
mod upstream;
mod worker;

pub use server::run;
