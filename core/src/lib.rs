//! The sans-IO core of llm-proxy: every rule as a state machine over bytes and time.

#![forbid(unsafe_code)]

pub mod auth;
pub mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http1;
pub mod ids;
pub mod manage;
pub mod reject;
pub mod routing;
pub mod secret;
pub mod settings;
pub mod time;
