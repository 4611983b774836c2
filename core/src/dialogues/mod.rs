//! Dialogues: whole exchanges between a client and an upstream as bytes, one rule each.

mod auditing;
mod deadlines;
mod draining;
mod forwarding;
mod framing;
mod interim;
mod leaving;
mod managing;
mod misuse;
mod persistence;
mod pressure;
mod printing;
mod rates;
mod refusals;
mod relaying;
mod request_fields;
mod response_fields;
mod retry;
mod scripts;
mod spending;
mod splits;
mod starting;
