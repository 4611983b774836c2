//! From a refusal to the answer that says it: the one place where statuses, codes and error shapes are.
//!
//! It never decides that something is refused; it only says so, in the caller's dialect, without a secret, an upstream
//! address or a word of the store's. A new kind of refusal needs a row in the table and one in the tests' copy of it,
//! or it does not compile.

mod body;
mod dialect;
mod refusal;

pub use body::{error_body, manage_error_body};
pub use dialect::Dialect;
pub use refusal::{Answer, Late, Refusal, RetryAfter, UpstreamFault};

#[cfg(test)]
mod tests;
