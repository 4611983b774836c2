//! Drives the core on smol: sockets, TLS, timers, tasks. async-h1's server serves each request and surf's client sends
//! each upstream request; both see canonical messages only, so that what they cannot say or understand never reaches
//! anybody. It performs what the core's machines ask for and decides nothing: every `if` about a request is in the core.
//!
//! - [`run`]: storage, workers, signals, and the order of the stop.
//! - `worker`: one thread, one executor of its own, one listener (SO_REUSEPORT), one pool of upstream connections.
//! - `client`: a client's connection, plain or TLS.
//! - `connection`: the loop that drives one client connection and its upstream, in one task.
//! - `guard`: carries a session's messages through async-h1; `call`: through surf.
//! - `pipe`: the memory between both libraries and the session.

mod alarm;
mod call;
mod client;
mod connection;
mod crossing;
mod drain;
mod guard;
#[cfg(test)]
mod known_faults;
mod phase;
mod pipe;
mod places;
mod ready;
mod server;
mod socket;
mod store_thread;
mod upstream;
mod worker;

pub use server::run;
