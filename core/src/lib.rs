//! The sans-IO core of llm-proxy: every rule as a state machine over bytes and time.

#![forbid(unsafe_code)]

pub mod auth;
pub mod connection;
pub mod deadline;
pub mod exchange;
pub mod http1;
pub mod ids;
pub mod manage;
pub mod proxy;
pub mod reject;
pub mod routing;
pub mod rules;
pub mod secret;
pub mod settings;
pub mod time;
