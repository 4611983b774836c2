//! However the bytes are cut on their way in and out, the same is said, done and closed.

use super::scripts::{Say, Script, all};
use crate::testing::{End, Message, Pair, Split, UseEnd};

/// All that can be seen of a played script.
#[derive(PartialEq, Debug)]
struct Seen {
    responses: Vec<Message>,
    /// Whole ones only: how much goes out of a request that is given up is a matter of time.
    requests: Vec<Message>,
    uses: Vec<(bool, Option<UseEnd>)>,
    ended: Vec<String>,
    counts: (usize, usize, (usize, usize)),
    store: Vec<&'static str>,
    next: crate::connection::Next,
}

fn see(pair: Pair) -> Seen {
    let ended = pair.ended.iter().map(|ended| {
        let refused = ended.outcome == crate::exchange::Outcome::Refused;
        let bytes = if refused { (0, ended.bytes.1) } else { ended.bytes };
        format!("{} {:?} {:?} {:?} {bytes:?}", ended.method, ended.status, ended.outcome, ended.code)
    });
    Seen {
        responses: pair.responses(),
        requests: pair.requests().into_iter().filter(|request| request.end == End::Whole).collect(),
        uses: pair.uses.iter().map(|each| (each.reused, each.end)).collect(),
        ended: ended.collect(),
        counts: (pair.released, pair.closed, pair.asked),
        next: pair.next(),
        store: pair.store.asked,
    }
}

fn played(script: &Script, at: Option<usize>, split: Split, write_size: usize) -> Seen {
    let mut pair = script.pair();
    pair.write_size = write_size;
    script.play(&mut pair, at, split);
    see(pair)
}

#[test]
fn a_cut_anywhere_changes_nothing() {
    for script in all() {
        let whole = played(&script, None, Split::Whole, usize::MAX);
        for (index, say) in script.says.iter().enumerate() {
            let (Say::Client(bytes) | Say::Upstream(bytes)) = say else { continue };
            for at in 1..bytes.len() {
                let seen = played(&script, Some(index), Split::At(at), usize::MAX);
                assert_eq!(seen, whole, "{}: say {index} cut after {at} bytes", script.name);
            }
        }
    }
}

#[test]
fn bytes_one_by_one_or_in_small_pieces_change_nothing() {
    for script in all() {
        let whole = played(&script, None, Split::Whole, usize::MAX);
        for size in [1, 2, 3, 7] {
            assert_eq!(played(&script, None, Split::Every(size), usize::MAX), whole, "{} by {size}", script.name);
        }
    }
}

#[test]
fn small_writes_change_nothing() {
    for script in all() {
        let whole = played(&script, None, Split::Whole, usize::MAX);
        for size in [1, 2, 7] {
            assert_eq!(played(&script, None, Split::Whole, size), whole, "{} written by {size}", script.name);
            assert_eq!(played(&script, None, Split::Every(size), size), whole, "{} in and out by {size}", script.name);
        }
    }
}
