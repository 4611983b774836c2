//! The breaker by example, against a model over random histories, and under threads.

use std::sync::atomic::AtomicUsize;
use std::thread;

use proptest::prelude::*;

use super::*;

const OPEN_FOR: Duration = Duration::from_secs(30);

fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new(BreakerLimits::default()))
}

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * NANOS_PER_MILLI)
}

/// Five failures at that time; gives what the last one changed.
fn fail_five_times(breaker: &Arc<Breaker>, now: Instant) -> Option<Transition> {
    (0..5).fold(None, |_, _| breaker.admit(now).unwrap().failed(now))
}

#[test]
fn five_failures_in_a_row_open_it_and_no_fewer() {
    let breaker = breaker();
    for _ in 0..4 {
        assert_eq!(breaker.admit(at(1)).unwrap().failed(at(1)), None);
    }
    assert_eq!(breaker.state(at(1)), BreakerState::Closed);
    assert_eq!(breaker.admit(at(1)).unwrap().failed(at(1)), Some(Transition::Opened));
    assert_eq!(breaker.admit(at(1)).unwrap_err(), OPEN_FOR);
    assert_eq!(breaker.state(at(1)), BreakerState::Open);
}

#[test]
fn a_success_between_failures_begins_the_count_anew() {
    let breaker = breaker();
    for _ in 0..10 {
        for _ in 0..4 {
            assert_eq!(breaker.admit(at(1)).unwrap().failed(at(1)), None);
        }
        assert_eq!(breaker.admit(at(1)).unwrap().succeeded(), None);
    }
    assert_eq!(breaker.state(at(1)), BreakerState::Closed);
}

#[test]
fn a_request_without_a_report_changes_nothing() {
    let breaker = breaker();
    for _ in 0..4 {
        assert_eq!(breaker.admit(at(1)).unwrap().failed(at(1)), None);
    }
    drop(breaker.admit(at(1)).unwrap());
    assert_eq!(breaker.admit(at(1)).unwrap().failed(at(1)), Some(Transition::Opened));
}

#[test]
fn an_open_one_says_how_long_it_refuses_and_is_never_early() {
    let breaker = breaker();
    let opened = Instant::from_nanos(1);
    fail_five_times(&breaker, opened);
    let last = Instant::from_nanos(30_000_000_000);
    assert_eq!(breaker.admit(last).unwrap_err(), Duration::from_millis(1));
    let told = breaker.admit(opened).unwrap_err();
    assert!(told >= OPEN_FOR && told < OPEN_FOR + Duration::from_millis(2), "{told:?}");
    assert!(breaker.admit(opened + told).is_ok());
}

#[test]
fn after_the_time_one_request_probes_and_others_are_refused() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    assert_eq!(breaker.state(at(30_000)), BreakerState::HalfOpen);
    let probe = breaker.admit(at(30_000)).unwrap();
    assert_eq!(breaker.admit(at(30_001)).unwrap_err(), Duration::from_millis(29_999));
    assert_eq!(breaker.state(at(30_001)), BreakerState::HalfOpen);
    assert_eq!(probe.succeeded(), Some(Transition::Closed));
    assert_eq!(breaker.state(at(30_001)), BreakerState::Closed);
}

#[test]
fn a_probe_that_fails_opens_it_for_the_whole_time_again() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    assert_eq!(breaker.admit(at(40_000)).unwrap().failed(at(41_000)), None, "it was not closed before");
    assert_eq!(breaker.admit(at(70_999)).unwrap_err(), Duration::from_millis(1));
    assert!(breaker.admit(at(71_000)).is_ok());
}

#[test]
fn a_probe_without_a_report_gives_its_place_back() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    drop(breaker.admit(at(30_000)).unwrap());
    assert_eq!(breaker.state(at(30_000)), BreakerState::HalfOpen);
    let probe = breaker.admit(at(30_000)).unwrap();
    assert!(breaker.admit(at(30_000)).is_err());
    assert_eq!(probe.succeeded(), Some(Transition::Closed));
}

#[test]
fn a_probe_that_was_superseded_gives_nobody_elses_place_away() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    let silent = breaker.admit(at(30_000)).unwrap();
    let second = breaker.admit(at(60_000)).unwrap();
    drop(silent);
    assert!(breaker.admit(at(60_001)).is_err(), "the second one probes");
    drop(second);
    assert!(breaker.admit(at(60_002)).is_ok());
}

#[test]
fn a_closed_breaker_again_takes_five_failures_to_open() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    assert_eq!(breaker.admit(at(30_000)).unwrap().succeeded(), Some(Transition::Closed));
    assert_eq!(fail_five_times(&breaker, at(30_001)), Some(Transition::Opened));
}

#[test]
fn requests_from_before_the_opening_say_nothing_after_it() {
    let breaker = breaker();
    let late: Vec<Passage> = (0..12).map(|_| breaker.admit(at(0)).unwrap()).collect();
    fail_five_times(&breaker, at(0));
    let mut late = late.into_iter();
    assert_eq!(late.next().unwrap().succeeded(), None);
    assert_eq!(breaker.state(at(1)), BreakerState::Open, "a late success does not close it");
    assert_eq!(late.next().unwrap().failed(at(20_000)), None);
    let probe = breaker.admit(at(30_000)).expect("a late failure does not keep it open for longer");
    assert_eq!(probe.succeeded(), Some(Transition::Closed));
    assert!(late.all(|passage| passage.failed(at(30_001)).is_none()));
    assert_eq!(breaker.state(at(30_001)), BreakerState::Closed);
}

#[test]
fn a_probe_that_is_silent_too_long_makes_room_and_still_counts() {
    let breaker = breaker();
    fail_five_times(&breaker, at(0));
    let slow = breaker.admit(at(30_000)).unwrap();
    assert!(breaker.admit(at(59_999)).is_err());
    let second = breaker.admit(at(60_000)).unwrap();
    assert!(breaker.admit(at(60_000)).is_err());
    assert_eq!(slow.succeeded(), Some(Transition::Closed));
    assert_eq!(second.failed(at(60_001)), None, "the first report has decided");
    assert_eq!(breaker.state(at(60_001)), BreakerState::Closed);
}

#[test]
fn without_a_number_of_failures_it_never_opens() {
    let breaker = Arc::new(Breaker::new(BreakerLimits { failures: 0, open_for: OPEN_FOR }));
    for _ in 0..1000 {
        assert_eq!(breaker.admit(at(0)).unwrap().failed(at(0)), None);
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Closed);
}

#[test]
fn words_come_back_as_they_were() {
    for era in [0, 1, ERA_MASK] {
        for number in [0, 7, NUMBER_MASK] {
            for phase in
                [Phase::Closed { failures: number }, Phase::Open { until: number }, Phase::HalfOpen { until: number }]
            {
                assert_eq!(Word::unpack(Word { era, phase }.pack()), Word { era, phase });
            }
        }
    }
    let beyond = Word { era: 3, phase: Phase::Open { until: u64::MAX } };
    assert_eq!(Word::unpack(beyond.pack()), Word { era: 3, phase: Phase::Open { until: NUMBER_MASK } });
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Ask,
    /// One of the requests that are under way failed, or did not, or ends without a report.
    Report(usize, Option<bool>),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let report = prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let step = prop_oneof![
        4 => Just(Step::Ask),
        6 => (any::<usize>(), report).prop_map(|(which, report)| Step::Report(which, report)),
        1 => (0..40_u64).prop_map(|seconds| Step::Wait(seconds * 1000)),
    ];
    proptest::collection::vec(step, 0..200)
}

/// The breaker, told again: a plain list of what happened since it last changed its mind.
#[derive(Default)]
struct Model {
    now: u64,
    /// How often it has changed its mind.
    turn: u64,
    /// When it last opened; `None` while it is closed.
    opened: Option<u64>,
    /// When a probe last set out; `None` if none is awaited.
    probing: Option<u64>,
    /// Whether the time to probe had come in this turn.
    half_open: bool,
    row: u64,
}

impl Model {
    /// The turn in which a request is let through, if it is.
    fn ask(&mut self, limits: BreakerLimits) -> Option<u64> {
        let open_for = u64::try_from(limits.open_for.as_millis()).unwrap();
        let Some(opened) = self.opened else { return Some(self.turn) };
        if self.half_open {
            if self.probing.is_some_and(|since| self.now < since + open_for) {
                return None;
            }
        } else {
            if self.now < opened + open_for {
                return None;
            }
            (self.half_open, self.turn) = (true, self.turn + 1);
        }
        self.probing = Some(self.now);
        Some(self.turn)
    }

    fn report(&mut self, turn: u64, failed: bool, limits: BreakerLimits) -> Option<Transition> {
        if turn != self.turn || limits.failures == 0 {
            return None;
        }
        let was_closed = self.opened.is_none();
        self.row = if failed { self.row + 1 } else { 0 };
        if failed && (!was_closed || self.row >= limits.failures) {
            *self = Self { now: self.now, turn: self.turn + 1, opened: Some(self.now), ..Self::default() };
            return was_closed.then_some(Transition::Opened);
        }
        if !was_closed {
            *self = Self { now: self.now, turn: self.turn + 1, ..Self::default() };
            return Some(Transition::Closed);
        }
        None
    }

    fn state(&self, limits: BreakerLimits) -> BreakerState {
        let open_for = u64::try_from(limits.open_for.as_millis()).unwrap();
        match self.opened {
            None => BreakerState::Closed,
            Some(opened) if !self.half_open && self.now < opened + open_for => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(steps in steps(), failures in 0..7_u64, seconds in 0..60_u64) {
        let limits = BreakerLimits { failures, open_for: Duration::from_secs(seconds) };
        let (breaker, mut model) = (Arc::new(Breaker::new(limits)), Model::default());
        let mut under_way: Vec<(Passage, u64, Option<u64>)> = Vec::new();
        for step in steps {
            let now = at(model.now);
            match step {
                Step::Wait(millis) => model.now += millis,
                Step::Ask => match (breaker.admit(now), model.ask(limits)) {
                    (Ok(passage), Some(turn)) => under_way.push((passage, turn, model.probing)),
                    (Err(wait), None) => prop_assert!(wait > Duration::ZERO && wait <= limits.open_for),
                    (got, expected) => prop_assert!(false, "{got:?} instead of {expected:?}"),
                },
                Step::Report(which, report) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (passage, turn, probing) = under_way.swap_remove(which % under_way.len());
                    match report {
                        Some(true) => prop_assert_eq!(passage.failed(now), model.report(turn, true, limits)),
                        Some(false) => prop_assert_eq!(passage.succeeded(), model.report(turn, false, limits)),
                        None => {
                            drop(passage);
                            if turn == model.turn && model.probing == probing {
                                model.probing = None;
                            }
                        }
                    }
                }
            }
            prop_assert_eq!(breaker.state(at(model.now)), model.state(limits));
        }
    }
}

#[test]
fn of_many_threads_one_probes() {
    for _ in 0..50 {
        let breaker = breaker();
        fail_five_times(&breaker, at(0));
        let passages: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| breaker.admit(at(30_000)).ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(passages.len(), 1);
    }
}

#[test]
fn of_many_threads_one_sees_it_open_and_one_sees_it_close() {
    let breaker = breaker();
    for round in 0..50_u64 {
        let (begin, opened, closed) = (at(round * 60_000), AtomicUsize::new(0), AtomicUsize::new(0));
        let all_at_once = |report: &(dyn Fn(Passage) + Sync), now: Instant| {
            let passages: Vec<_> = (0..8).map_while(|_| breaker.admit(now).ok()).collect();
            thread::scope(|scope| passages.into_iter().for_each(|passage| drop(scope.spawn(move || report(passage)))));
        };
        let count = |counter: &AtomicUsize, transition: Option<Transition>| {
            counter.fetch_add(usize::from(transition.is_some()), Ordering::Relaxed);
        };
        all_at_once(&|passage| count(&opened, passage.failed(begin)), begin);
        assert_eq!(breaker.state(begin), BreakerState::Open);
        all_at_once(&|passage| count(&closed, passage.succeeded()), begin + OPEN_FOR);
        assert_eq!(breaker.state(begin + OPEN_FOR), BreakerState::Closed);
        assert_eq!((opened.into_inner(), closed.into_inner()), (1, 1), "round {round}");
    }
}
