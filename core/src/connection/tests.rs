//! What connections cost.

use std::io::IoSlice;

use bytes::Bytes;

use crate::connection::{ClientConnection, OutQueue, Session, UpstreamConnection};
use crate::exchange::Exchange;
use crate::testing::{Pair, get, request};

/// What a session holds at most for sides that take nothing: the mark at which the other side is no longer read and one
/// read beyond it, in each direction.
const MOST_HELD: usize = 4 * 64 * 1024;

/// A connection costs this much before it reads a byte; whoever makes one larger should know.
#[test]
fn machines_are_no_larger_than_they_were() {
    for (name, size, most) in [
        ("Session", size_of::<Session>(), 1456),
        ("ClientConnection", size_of::<ClientConnection>(), 320),
        ("UpstreamConnection", size_of::<UpstreamConnection>(), 384),
        ("Exchange", size_of::<Exchange>(), 672),
    ] {
        assert!(size <= most, "{name} has {size} bytes");
    }
}

/// Bytes that wait, those read ahead, and what keeping each piece costs.
fn held(pair: &Pair) -> usize {
    let session = &pair.session;
    let pieces = |queue: &OutQueue| queue.fill(&mut vec![IoSlice::new(&[]); 100_000]);
    let queued = |queue: &OutQueue| queue.len() + pieces(queue) * size_of::<Bytes>();
    queued(session.client_out()) + queued(session.upstream_out()) + session.client.ahead() + session.upstream.ahead()
}

#[test]
fn a_client_that_takes_nothing_costs_a_constant_whatever_the_upstream_sends() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let interim = format!("HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n", "a".repeat(4000));
    for (head, piece) in [
        (head, "4000\r\n".to_owned() + &"a".repeat(16 * 1024) + "\r\n"),
        (head, "1\r\na\r\n".repeat(1000)),
        (head, "1;aaaaaaaaaaaaaaa\r\na\r\n".repeat(1000)),
        (head, "1\r\na\r\n".to_owned()),
        ("HTTP/1.1 200 OK\r\n\r\n", "a".repeat(60_000)),
        ("HTTP/1.1 200 OK\r\n\r\n", "a".to_owned()),
        ("", interim),
    ] {
        let mut pair = Pair::default();
        pair.client_reads = false;
        pair.client(get("/v1/x"));
        pair.upstream(head);
        for _ in 0..200_000 {
            assert!(held(&pair) <= MOST_HELD, "{} bytes are held", held(&pair));
            if pair.upstream(&piece) == 0 {
                break;
            }
        }
        assert!(!pair.session.wants_upstream() || pair.closed == 1);
    }
}

#[test]
fn an_upstream_that_takes_nothing_costs_a_constant_whatever_the_client_sends() {
    for piece in
        ["4000\r\n".to_owned() + &"a".repeat(16 * 1024) + "\r\n", "1\r\na\r\n".repeat(1000), "1\r\na\r\n".to_owned()]
    {
        let mut pair = Pair::default();
        pair.upstream_reads = false;
        pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", ""));
        for _ in 0..200_000 {
            assert!(held(&pair) <= MOST_HELD, "{} bytes are held", held(&pair));
            if pair.client(&piece) == 0 {
                break;
            }
        }
        assert!(!pair.session.wants_client() || pair.closed == 1);
    }
}

#[test]
fn an_upstream_whose_messages_are_on_a_detour_is_not_read_without_end() {
    let mut pair = Pair::default().relayed();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    pair.carries = false;
    let piece = "3e8\r\n".to_owned() + &"a".repeat(1000) + "\r\n";
    let taken: usize = (0..10_000).map(|_| pair.upstream(&piece)).sum();
    assert!((1000..MOST_HELD).contains(&taken), "{taken} bytes were read");
    pair.carries = true;
    pair.drain();
    assert!(pair.session.wants_upstream());
}
