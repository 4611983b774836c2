//! Bytes to exchanges and back.
//!
//! - [`ClientConnection`] and [`UpstreamConnection`] turn one socket's bytes into messages and messages into bytes.
//! - [`Pool`] says which idle upstream connection to reuse or close.
//! - [`Session`] is what a driver of sockets holds: one client connection, the exchange that runs on it, and the
//!   upstream connection that the exchange uses, pumped as one machine.
//!
//! It decides how long a connection lives and what may wait in it. It never decides what a request may do, and never
//! lets a byte of one exchange be seen in another.

mod body_writer;
mod client;
mod out_queue;
mod pool;
mod pump;
mod read_buffer;
mod session;
mod upstream;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

pub use client::{ClientConnection, ClientEvent};
pub use out_queue::{MAX_SLICES, OutQueue};
pub use pool::Pool;
pub use session::{EffectId, Next, Session, SessionEffect, SessionInput};
pub use upstream::UpstreamConnection;
