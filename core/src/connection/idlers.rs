//! Which client connection goes when another one waits and there is no room: one on which no request is under way,
//! newcomers before those that have been served, the oldest first. It never touches a connection with a request under
//! way, and holds handles of any kind: whoever takes one tells that connection to go.
//!
//! Every change is a few writes, whatever the number of connections.

use std::fmt;
use std::time::Duration;

use crate::time::Instant;

/// How long whoever is idle is left alone, since a client needs a moment to say what it wants, first or next. Long enough for
/// a TLS handshake and a head from far away, and for those that were accepted just now to stand in their line; short enough for those who
/// wait: a flood of silent connections holds a place for no longer.
pub const GRACE: Duration = Duration::from_millis(500);

/// What a connection is doing, as far as its place goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing was served on it yet, or only a part of a head is there, or its last answer is written and it is only
    /// heard out. A head that drips in counts from here on, and is not made younger by its next bytes.
    Newcomer,
    /// It was served, and is silent since that instant.
    Kept(Instant),
    /// A request is under way, or its answer is.
    Busy,
}

/// Who would go first. The lesser one of two goes before the other: so the lists of several workers are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Candidate {
    served: bool,
    since: Instant,
}

impl Candidate {
    /// From when on it may be told to go.
    #[must_use]
    pub fn may_go_at(self) -> Instant {
        self.since + GRACE
    }
}

/// The name of a connection in [`Idlers`]; of no use after [`Idlers::leave`].
#[derive(Debug, PartialEq, Eq)]
pub struct IdlerKey(usize);

/// A place in a line of idle connections: its neighbours, and since when it stands there.
#[derive(Clone, Copy, Debug)]
struct Link {
    served: bool,
    since: Instant,
    older: Option<usize>,
    younger: Option<usize>,
}

struct Entry<T> {
    handle: T,
    /// `None` while it is busy, or was told to go already.
    link: Option<Link>,
}

#[derive(Clone, Copy, Default)]
struct Line {
    oldest: Option<usize>,
    youngest: Option<usize>,
}

/// The connections of one worker; those that are idle stand in two lines, in the order in which they became so.
pub struct Idlers<T> {
    entries: Vec<Option<Entry<T>>>,
    vacant: Vec<usize>,
    newcomers: Line,
    kept: Line,
}

impl<T> Default for Idlers<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), vacant: Vec::new(), newcomers: Line::default(), kept: Line::default() }
    }
}

impl<T> Idlers<T> {
    /// A connection that was accepted at `now`: a newcomer.
    #[must_use]
    pub fn enter(&mut self, handle: T, now: Instant) -> IdlerKey {
        let entry = Some(Entry { handle, link: None });
        let index = if let Some(index) = self.vacant.pop() {
            if let Some(place) = self.entries.get_mut(index) {
                *place = entry;
            }
            index
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.append(index, false, now);
        IdlerKey(index)
    }

    /// It stands otherwise since `now`: to the end of its line, or out of both.
    pub fn change(&mut self, key: &IdlerKey, standing: Standing, now: Instant) {
        self.unlink(key.0);
        match standing {
            Standing::Newcomer => self.append(key.0, false, now),
            Standing::Kept(_) => self.append(key.0, true, now),
            Standing::Busy => {}
        }
    }

    /// It is over. Gives its handle back.
    pub fn leave(&mut self, key: &IdlerKey) -> Option<T> {
        self.unlink(key.0);
        let entry = self.entries.get_mut(key.0)?.take()?;
        self.vacant.push(key.0);
        Some(entry.handle)
    }

    /// Who goes first; `None` if all are busy.
    #[must_use]
    pub fn candidate(&self) -> Option<Candidate> {
        let link = self.link(self.newcomers.oldest.or(self.kept.oldest)?)?;
        Some(Candidate { served: link.served, since: link.since })
    }

    /// Takes the candidate out of its line, for it to be told to go; it stays an entry until it leaves. If it turns out
    /// to be busy after all it says so by [`Idlers::change`].
    pub fn take(&mut self) -> Option<&T> {
        let index = self.newcomers.oldest.or(self.kept.oldest)?;
        self.unlink(index);
        self.entries.get(index)?.as_ref().map(|entry| &entry.handle)
    }

    fn link(&self, index: usize) -> Option<Link> {
        self.entries.get(index)?.as_ref()?.link
    }

    fn link_mut(&mut self, index: Option<usize>) -> Option<&mut Link> {
        self.entries.get_mut(index?)?.as_mut()?.link.as_mut()
    }

    fn line_mut(&mut self, served: bool) -> &mut Line {
        if served { &mut self.kept } else { &mut self.newcomers }
    }

    fn append(&mut self, index: usize, served: bool, since: Instant) {
        let Some(Some(entry)) = self.entries.get_mut(index) else { return };
        let line = if served { &mut self.kept } else { &mut self.newcomers };
        let older = line.youngest.replace(index);
        line.oldest = line.oldest.or(Some(index));
        entry.link = Some(Link { served, since, older, younger: None });
        if let Some(older) = self.link_mut(older) {
            older.younger = Some(index);
        }
    }

    fn unlink(&mut self, index: usize) {
        let Some(link) = self.entries.get_mut(index).and_then(|entry| entry.as_mut()?.link.take()) else { return };
        match self.link_mut(link.older) {
            Some(older) => older.younger = link.younger,
            None => self.line_mut(link.served).oldest = link.younger,
        }
        match self.link_mut(link.younger) {
            Some(younger) => younger.older = link.older,
            None => self.line_mut(link.served).youngest = link.older,
        }
    }
}

impl<T> fmt::Debug for Idlers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Idlers({} connections)", self.entries.len() - self.vacant.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn all(idlers: &mut Idlers<u32>) -> Vec<u32> {
        std::iter::from_fn(|| idlers.take().copied()).collect()
    }

    #[test]
    fn newcomers_go_before_those_that_were_served_and_the_oldest_first() {
        let mut idlers = Idlers::default();
        let keys = [0, 1, 2, 3].map(|n| idlers.enter(n, at(n.into())));
        idlers.change(&keys[0], Standing::Kept(at(5)), at(5));
        idlers.change(&keys[2], Standing::Kept(at(6)), at(6));
        assert_eq!(all(&mut idlers), [1, 3, 0, 2]);
    }

    #[test]
    fn one_with_a_request_under_way_never_goes() {
        let mut idlers = Idlers::default();
        let key = idlers.enter(1, at(0));
        idlers.change(&key, Standing::Busy, at(1));
        assert_eq!((idlers.candidate(), idlers.take()), (None, None));
        idlers.change(&key, Standing::Kept(at(2)), at(2));
        assert_eq!(idlers.take(), Some(&1));
    }

    #[test]
    fn whoever_is_idle_has_a_moment() {
        let mut idlers = Idlers::default();
        let kept = idlers.enter(1, at(0));
        idlers.change(&kept, Standing::Kept(at(7)), at(7));
        assert_eq!(idlers.candidate().map(Candidate::may_go_at), Some(at(7) + GRACE));
        let newcomer = idlers.enter(2, at(10));
        assert_eq!(idlers.candidate().map(Candidate::may_go_at), Some(at(10) + GRACE));
        assert_eq!(idlers.leave(&newcomer), Some(2));
        assert_eq!(all(&mut idlers), [1]);
    }

    #[test]
    fn candidates_of_several_workers_compare_like_those_of_one() {
        let mut workers = [Idlers::default(), Idlers::default(), Idlers::default()];
        let kept = workers[0].enter(0, at(0));
        workers[0].change(&kept, Standing::Kept(at(1)), at(1));
        let _ = workers[1].enter(1, at(9));
        let _ = workers[2].enter(2, at(8));
        let first = workers.iter().enumerate().min_by_key(|(_, worker)| worker.candidate()).unwrap();
        assert_eq!(first.0, 2);
    }

    #[test]
    fn who_was_told_is_not_told_again_until_it_changes() {
        let mut idlers = Idlers::default();
        let key = idlers.enter(1, at(0));
        assert_eq!(all(&mut idlers), [1]);
        idlers.change(&key, Standing::Newcomer, at(1));
        assert_eq!(all(&mut idlers), [1]);
        assert_eq!((idlers.leave(&key), all(&mut idlers)), (Some(1), vec![]));
    }

    proptest! {
        /// Against lists that are searched: any order of changes leaves both lines as they should be.
        #[test]
        fn it_is_the_same_as_two_plain_lists(steps in prop::collection::vec((0_u8..6, 0_usize..8), 0..200)) {
            let (mut idlers, mut keys, mut next) = (Idlers::default(), Vec::new(), 0_u32);
            let (mut newcomers, mut kept) = (Vec::new(), Vec::new());
            for (time, (what, which)) in steps.into_iter().enumerate() {
                let now = at(time as u64);
                if what < 2 || keys.is_empty() {
                    keys.push((next, idlers.enter(next, now)));
                    newcomers.push(next);
                    next += 1;
                    continue;
                }
                let which = which % keys.len();
                let name = keys[which].0;
                if what < 5 || kept.contains(&name) || newcomers.contains(&name) {
                    newcomers.retain(|other| *other != name);
                    kept.retain(|other| *other != name);
                }
                match what {
                    2 => idlers.change(&keys[which].1, Standing::Busy, now),
                    3 => {
                        idlers.change(&keys[which].1, Standing::Kept(now), now);
                        kept.push(name);
                    }
                    4 => {
                        idlers.change(&keys[which].1, Standing::Newcomer, now);
                        newcomers.push(name);
                    }
                    _ => prop_assert_eq!(idlers.leave(&keys.swap_remove(which).1), Some(name)),
                }
            }
            newcomers.extend(kept);
            prop_assert_eq!(all(&mut idlers), newcomers);
        }
    }
}
