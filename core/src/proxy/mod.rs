//! Rewriting heads on their way through: which fields pass, which are ours, which key goes upstream; and whether an
//! upstream is worth a request just now.
//!
//! What the client and the upstream say passes in their own bytes, order and casing; what is hop-by-hop, names the
//! client or carries a credential does not (RFC 9110 section 7.6.1 and the contract's section 5). It never decides
//! whether a request may pass, and never touches content.

mod breaker;
mod cors;
mod field_policy;
mod leak;
mod rate_fields;
mod request;
mod request_id;
mod response;
mod upgrade;

pub use breaker::{Breaker, BreakerLimits, BreakerState, Passage, Transition};
pub use cors::Cors;
pub(crate) use cors::{is_preflight, preflight_fields};
pub(crate) use field_policy::{nominating, passes_in_trailer};
pub(crate) use leak::{credential_words, passing_trailers, token_of};
pub(crate) use rate_fields::rate_fields;
pub use request::{RequestPlan, write_request_head};
pub use request_id::{IdSource, RequestIds};
pub use response::{ResponsePlan, Timing, client_framing, write_interim_head, write_response_head, write_switch_head};
pub(crate) use response::{is_event_stream, write_ids, write_persistence};

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;
