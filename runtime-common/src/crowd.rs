//! All client connections of the program, and how one of them is told to go when another waits and there is no room: no
//! place left under MAX_CONNECTIONS, or no open file. Who goes is [`Idlers`]'s to say; here are only the locks, the
//! wakers, and the log, in which a flood is a line a second.
//!
//! Each worker has idlers of its own, whose lock is contended only while there is no room. Whoever needs room looks at
//! those of all workers: the place that is freed is anybody's.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use llm_proxy_core::connection::{Candidate, IdlerKey, Idlers, Standing};
use llm_proxy_core::time::Instant;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;

/// How long one that was told to go may take before another is told.
const LEAVES_WITHIN: Duration = Duration::from_millis(5);
/// How long to wait before looking again where all are busy, or nobody may be told yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// At most how often the log says that there is no room.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How many open files are kept for upstreams and for storage, where there are enough of them.
const RESERVE: u64 = 64;

/// What there is no room in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// MAX_CONNECTIONS is reached.
    Places,
    /// The process, or the system, has no open file left, or too few.
    OpenFiles,
}

impl Shortage {
    /// Whether that error is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let short = [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
        short.then_some(Self::OpenFiles)
    }
}

/// What came of an attempt to make room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// A connection was told to go.
    Soon,
    /// There are newcomers only, and they have a moment yet.
    NotYet(Duration),
    /// A request is under way on each connection.
    None,
}

impl Room {
    /// How long to wait for it before looking again.
    #[must_use]
    pub fn wait(self) -> Duration {
        match self {
            Self::Soon => LEAVES_WITHIN,
            Self::NotYet(wait) => wait.min(LOOK_AGAIN),
            Self::None => LOOK_AGAIN,
        }
    }
}

/// How a connection is told.
struct Bell {
    waker: Waker,
    told: Arc<AtomicBool>,
}

struct Crowd {
    workers: Box<[Mutex<Idlers<Bell>>]>,
    /// A socket with this number or a higher one leaves too few.
    scarce_from: Option<RawFd>,
    told: AtomicU64,
    /// Told, and not heard yet.
    unheard: AtomicUsize,
    said_at: AtomicU64,
}

/// One worker's part of all connections.
#[derive(Clone)]
pub struct Seats {
    crowd: Arc<Crowd>,
    own: usize,
}

impl std::fmt::Debug for Seats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seats({})", self.own)
    }
}

impl Seats {
    /// Those of each of `count` workers.
    pub fn of_workers(count: usize) -> impl Iterator<Item = Self> {
        let workers = (0..count).map(|_| Mutex::default()).collect();
        let (told, said_at) = (AtomicU64::new(0), AtomicU64::new(0));
        let crowd =
            Arc::new(Crowd { workers, scarce_from: scarce_from(), told, unheard: AtomicUsize::new(0), said_at });
        (0..count).map(move |own| Self { crowd: crowd.clone(), own })
    }

    /// A seat for a connection that was just accepted, whose task `waker` wakes.
    #[must_use]
    pub fn take(&self, waker: Waker, now: Instant) -> Seat {
        let told = Arc::new(AtomicBool::new(false));
        let key = self.idlers(self.own).enter(Bell { waker, told: told.clone() }, now);
        Seat { seats: self.clone(), key, told, noted: Standing::Newcomer }
    }

    /// Tells one connection of all workers to go, if one may be told at `now`.
    #[must_use]
    pub fn make_room(&self, shortage: Shortage, now: Instant) -> Room {
        if self.crowd.unheard.load(Ordering::Relaxed) >= self.crowd.workers.len() {
            // Enough are about to go: else a slow moment would cost those their place that are next.
            return Room::Soon;
        }
        let first =
            (0..self.crowd.workers.len()).filter_map(|worker| Some((self.idlers(worker).candidate()?, worker))).min();
        let Some((candidate, worker)) = first else {
            self.say(shortage, now);
            return Room::None;
        };
        if candidate.may_go_at() > now {
            return Room::NotYet(candidate.may_go_at() - now);
        }
        self.tell(worker, candidate);
        self.say(shortage, now);
        Room::Soon
    }

    /// Whether a socket's number shows that open files run out.
    pub fn is_scarce(&self, socket: &impl AsFd) -> bool {
        self.crowd.scarce_from.is_some_and(|from| socket.as_fd().as_raw_fd() >= from)
    }

    fn tell(&self, worker: usize, candidate: Candidate) {
        let mut idlers = self.idlers(worker);
        // Another worker may have taken it meanwhile; the next one may not be due, and the caller looks again.
        if idlers.candidate() != Some(candidate) {
            return;
        }
        if let Some(bell) = idlers.take() {
            bell.told.store(true, Ordering::Relaxed);
            self.crowd.unheard.fetch_add(1, Ordering::Relaxed);
            self.crowd.told.fetch_add(1, Ordering::Relaxed);
            bell.waker.wake_by_ref();
        }
    }

    fn say(&self, shortage: Shortage, now: Instant) {
        let (said_at, now) = (self.crowd.said_at.load(Ordering::Relaxed), now.as_nanos());
        let due = said_at == 0 || Instant::from_nanos(said_at) + SAY_EVERY <= Instant::from_nanos(now);
        if !due || self.crowd.said_at.compare_exchange(said_at, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let closed = self.crowd.told.swap(0, Ordering::Relaxed);
        match shortage {
            Shortage::Places => tracing::warn!(closed, "MAX_CONNECTIONS is reached: idle connections make room"),
            Shortage::OpenFiles => tracing::warn!(closed, "open files run out: idle connections make room"),
        }
    }

    fn idlers(&self, worker: usize) -> MutexGuard<'_, Idlers<Bell>> {
        // A panic elsewhere leaves them whole: each use is one call.
        self.crowd.workers[worker].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether bytes wait in a client's socket of which its runtime may not know yet: a request that is on its way.
#[must_use]
pub fn has_unread(socket: &impl AsFd) -> bool {
    SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|read| read > 0)
}

/// From which number on a socket leaves too few open files; `None` where there is no limit.
fn scarce_from() -> Option<RawFd> {
    let limit = getrlimit(Resource::Nofile).current?;
    RawFd::try_from(limit - RESERVE.min(limit / 8)).ok()
}

/// One connection's seat, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    key: IdlerKey,
    told: Arc<AtomicBool>,
    noted: Standing,
}

impl Seat {
    /// The connection rests, and stands so.
    pub fn note(&mut self, standing: Standing, now: Instant) {
        if standing != self.noted {
            self.noted = standing;
            self.seats.idlers(self.seats.own).change(&self.key, standing, now);
        }
    }

    /// Whether the connection is to go. Said once: if it is busy after all, it stays, and is noted anew.
    pub fn is_told(&mut self) -> bool {
        let told = self.told.load(Ordering::Relaxed);
        if told {
            self.told.store(false, Ordering::Relaxed);
            self.seats.crowd.unheard.fetch_sub(1, Ordering::Relaxed);
            // It stands in no line now, whatever it was.
            self.noted = Standing::Busy;
        }
        told
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let bell = self.seats.idlers(self.seats.own).leave(&self.key);
        // It can be told no more, and is not waited for.
        self.is_told();
        // Not under the lock: a waker's drop is the runtime's.
        drop(bell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn seat(seats: &Seats, now: Instant) -> Seat {
        seats.take(Waker::noop().clone(), now)
    }

    #[test]
    fn the_oldest_of_all_workers_is_told_once() {
        let workers: Vec<Seats> = Seats::of_workers(2).collect();
        let (mut young, mut old) = (seat(&workers[0], at(2)), seat(&workers[1], at(1)));
        assert_eq!(workers[0].make_room(Shortage::Places, at(1000)), Room::Soon);
        assert_eq!((young.is_told(), old.is_told(), old.is_told()), (false, true, false));
        assert_eq!(workers[1].make_room(Shortage::Places, at(1000)), Room::Soon);
        assert!(young.is_told());
        assert_eq!(workers[0].make_room(Shortage::Places, at(1000)), Room::None);
    }

    #[test]
    fn one_that_was_told_in_vain_is_told_again_when_it_is_idle() {
        let seats = Seats::of_workers(1).next().unwrap();
        let mut seat = seat(&seats, at(0));
        assert_eq!(seats.make_room(Shortage::Places, at(1000)), Room::Soon);
        assert!(seat.is_told());
        seat.note(Standing::Busy, at(1001));
        assert_eq!(seats.make_room(Shortage::Places, at(1002)), Room::None);
        seat.note(Standing::Kept(at(1003)), at(1003));
        assert_eq!(seats.make_room(Shortage::Places, at(2003)), Room::Soon);
        assert!(seat.is_told());
    }

    #[test]
    fn no_more_are_told_while_enough_have_not_heard() {
        let seats = Seats::of_workers(1).next().unwrap();
        let (mut first, mut second) = (seat(&seats, at(0)), seat(&seats, at(1)));
        for _ in 0..2 {
            assert_eq!(seats.make_room(Shortage::Places, at(1000)), Room::Soon);
        }
        assert_eq!((first.is_told(), second.is_told()), (true, false));
        assert_eq!(seats.make_room(Shortage::Places, at(1000)), Room::Soon);
        drop(second);
        assert_eq!(seats.make_room(Shortage::Places, at(1000)), Room::None);
    }

    #[test]
    fn newcomers_have_their_moment_and_those_that_left_are_not_told() {
        let seats = Seats::of_workers(1).next().unwrap();
        let seat = seat(&seats, at(0));
        assert_eq!(seats.make_room(Shortage::OpenFiles, at(450)), Room::NotYet(Duration::from_millis(50)));
        drop(seat);
        assert_eq!(seats.make_room(Shortage::OpenFiles, at(600)), Room::None);
    }

    #[test]
    fn only_errors_of_open_files_are_a_shortage_of_them() {
        for (number, shortage) in [(24, Some(Shortage::OpenFiles)), (23, Some(Shortage::OpenFiles)), (111, None)] {
            assert_eq!(Shortage::of(&io::Error::from_raw_os_error(number)), shortage, "{number}");
        }
    }
}
