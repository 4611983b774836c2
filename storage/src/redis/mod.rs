//! What several instances keep together in a Redis: the counters of shared rate limits.
//!
//! The driver is the blocking one, on a thread of its own ([`link`]), so that it is the same under every runtime and
//! needs none. While that Redis works, each check is one atomic script ([`gcra`]) in Redis's own time; checks that come
//! while others are under way are sent together. While it does not, whoever asks is told so at once and never waits.
//!
//! It decides neither what is limited nor what is done without Redis: that is for who asks. No id and no address is in
//! a name that Redis sees ([`names`]), and no password in a message ([`address`]).

mod address;
mod connection;
mod gcra;
mod link;
mod names;
mod shared_rates;

pub use address::{RedisAddress, RedisAddressError};
pub(crate) use shared_rates::SharedRates;
pub use shared_rates::SharedRatesConfig;
