//! The management API: a request becomes a [`Command`], the store's result becomes an answer.
//!
//! It decides what a management path and body mean, what is invalid and how answers read. It never runs SQL, reads a
//! clock or makes an id: a [`Command`] is an effect that storage performs.

mod command;
mod records;

pub use command::{
    Command, CommandError, NewProject, NewToken, Page, ProjectChange, Reply, RevokedCounts, Subject, TokenChange,
    TokenFilter,
};
pub use records::{KeyView, Project, Token};
