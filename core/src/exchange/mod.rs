//! One client request to its end: the machine that composes the rooms.

mod effect;

pub use effect::{Spent, StoreEffect, StoreOutcome, Unavailable};
