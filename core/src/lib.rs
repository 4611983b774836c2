//! The sans-IO core of llm-proxy: every rule as a state machine over bytes and time.

#![forbid(unsafe_code)]

pub mod audit;
pub mod auth;
pub mod connection;
pub mod deadline;
#[cfg(test)]
mod dialogues;
pub mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http1;
pub mod ids;
pub mod inspect;
pub mod manage;
pub mod proxy;
pub mod quota;
pub mod reject;
pub mod routing;
pub mod rules;
pub mod secret;
pub mod settings;
#[cfg(any(test, feature = "fuzzing"))]
pub mod testing;
pub mod time;
