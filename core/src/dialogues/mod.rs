//! Dialogues: whole exchanges between a client and an upstream as bytes, one rule each.

mod forwarding;
