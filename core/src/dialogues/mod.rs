//! Dialogues: whole exchanges between a client and an upstream as bytes, one rule each.

mod forwarding;
mod framing;
mod interim;
mod request_fields;
mod response_fields;
