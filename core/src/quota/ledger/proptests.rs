//! Laws of the ledgers of several instances over one store, whatever the order of their steps, and whatever is lost.

use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::quota::largest_lease;

const INSTANCES: usize = 3;
const MAX_AGE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
enum Step {
    /// A request comes; a lease that it needs is granted or refused by the store, and its answer is under way.
    Spend(usize),
    /// The oldest answer under way arrives, or is lost.
    Answer {
        lost: bool,
    },
    /// One of the requests that passed did not reach its upstream.
    GiveBack(usize),
    /// The instance takes out what the store must be told.
    Take(usize),
    /// The oldest settlement under way ends.
    Settle(Fate),
    /// The instance ends without a word and begins anew.
    Crash(usize),
    /// An instance changes the limit.
    Limit(usize, u64),
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    NotDone,
    /// Its result is never known.
    Unknown {
        done: bool,
    },
}

/// The store's two counts.
#[derive(Debug)]
struct Counts {
    limit: u64,
    spent: u64,
    leased: u64,
}

impl Counts {
    fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.spent + self.leased)
    }

    fn lease(&mut self, wanted: NonZeroU64) -> Option<Lease> {
        let largest = largest_lease(self.remaining())?;
        let count = largest.min(wanted);
        self.leased += count.get();
        Some(Lease { count, remaining: (count < wanted).then(|| self.remaining()) })
    }

    fn settle(&mut self, settlement: &Settlement) {
        self.spent = (self.spent + settlement.spent).saturating_sub(settlement.returned);
        self.leased =
            self.leased.checked_sub(settlement.spent + settlement.given_back).expect("more settled than leased");
    }
}

/// All of it.
struct World {
    counts: Counts,
    highest_limit: u64,
    ledgers: Vec<Ledger>,
    /// How often each instance began.
    lives: Vec<u32>,
    answers: Vec<(usize, Option<Lease>, Now)>,
    settlements: Vec<(usize, Settlement)>,
    /// Requests that passed and were not given back: by which instance, in which of its lives.
    passed: Vec<(usize, u32)>,
    now: Now,
}

fn token() -> TokenId {
    TokenId::new(Timestamp::default(), &[1; 10])
}

impl World {
    fn new(limit: u64) -> Self {
        Self {
            counts: Counts { limit, spent: 0, leased: 0 },
            highest_limit: limit,
            ledgers: (0..INSTANCES).map(|_| Ledger::new(4, MAX_AGE)).collect(),
            lives: vec![0; INSTANCES],
            answers: Vec::new(),
            settlements: Vec::new(),
            passed: Vec::new(),
            now: Now::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Spend(instance) => self.spend(instance),
            Step::Answer { lost } if !self.answers.is_empty() => self.answer(lost),
            Step::Settle(fate) if !self.settlements.is_empty() => self.settle(fate),
            Step::Answer { .. } | Step::Settle(_) => {}
            Step::GiveBack(which) => self.give_back(which),
            Step::Take(instance) => {
                self.wait_for_settlements(instance);
                let taken = self.ledgers[instance].take_all(self.now.mono);
                self.settlements.extend(taken.into_iter().map(|settlement| (instance, settlement)));
            }
            Step::Crash(instance) => {
                self.ledgers[instance] = Ledger::new(4, MAX_AGE);
                self.lives[instance] += 1;
                self.answers.retain(|(of, ..)| *of != instance);
                self.settlements.retain(|(of, _)| *of != instance);
            }
            Step::Limit(instance, limit) => {
                self.ledgers[instance].limit_changes(token());
                self.counts.limit = limit;
                self.highest_limit = self.highest_limit.max(limit);
            }
            Step::Wait(millis) => {
                let passed = Duration::from_millis(millis);
                self.now = Now { mono: self.now.mono + passed, wall: self.now.wall.plus(passed) };
            }
        }
    }

    fn spend(&mut self, instance: usize) {
        match self.ledgers[instance].spend(token(), self.now) {
            Spend::Allowed => self.passed.push((instance, self.lives[instance])),
            Spend::NeedsLease(wanted) => {
                self.wait_for_settlements(instance);
                if self.ledgers[instance].owes(token())
                    && let Some(owed) = self.ledgers[instance].take(token())
                {
                    self.counts.settle(&owed);
                }
                self.answers.push((instance, self.counts.lease(wanted), self.now));
            }
            Spend::Exhausted => {}
            Spend::NoRoom => panic!("there is one token"),
        }
    }

    fn answer(&mut self, lost: bool) {
        let (instance, lease, asked_at) = self.answers.remove(0);
        match lease {
            _ if lost => {}
            Some(lease) => {
                self.ledgers[instance].leased(token(), lease, asked_at);
                self.passed.push((instance, self.lives[instance]));
            }
            None => self.ledgers[instance].exhausted(token(), asked_at.mono),
        }
    }

    fn settle(&mut self, fate: Fate) {
        let (instance, settlement) = self.settlements.remove(0);
        match fate {
            Fate::Done | Fate::Unknown { done: true } => self.counts.settle(&settlement),
            Fate::NotDone => self.ledgers[instance].restore(&settlement),
            Fate::Unknown { done: false } => {}
        }
    }

    /// An instance settles one after the other.
    fn wait_for_settlements(&mut self, instance: usize) {
        while let Some(next) = self.settlements.iter().position(|(of, _)| *of == instance) {
            let (_, settlement) = self.settlements.remove(next);
            self.counts.settle(&settlement);
        }
    }

    fn give_back(&mut self, which: usize) {
        if self.passed.is_empty() {
            return;
        }
        let (instance, life) = self.passed.swap_remove(which % self.passed.len());
        if self.lives[instance] == life {
            self.ledgers[instance].give_back(token(), self.now.mono);
        }
    }

    fn check(&self) {
        let used = u64::try_from(self.passed.len()).unwrap();
        assert!(used <= self.highest_limit, "{used} passed: {:?}", self.counts);
        assert!(self.counts.spent + self.counts.leased <= self.highest_limit, "{:?}", self.counts);
    }

    /// All answers arrive, all settlements are done, all instances give back what they have.
    fn come_to_rest(&mut self) {
        while !self.answers.is_empty() {
            self.answer(false);
        }
        for instance in 0..INSTANCES {
            self.ledgers[instance].recall_all();
            self.step(&Step::Take(instance));
        }
        while !self.settlements.is_empty() {
            self.settle(Fate::Done);
        }
    }
}

fn steps(faults: u32) -> impl Strategy<Value = Vec<Step>> {
    let instance = || 0..INSTANCES;
    let fate = prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::NotDone),
        faults => any::<bool>().prop_map(|done| Fate::Unknown { done }),
    ];
    let step = prop_oneof![
        30 => instance().prop_map(Step::Spend),
        12 => Just(Step::Answer { lost: false }),
        faults => Just(Step::Answer { lost: true }),
        3 => any::<usize>().prop_map(Step::GiveBack),
        3 => instance().prop_map(Step::Take),
        3 => fate.prop_map(Step::Settle),
        faults => instance().prop_map(Step::Crash),
        1 => (instance(), 0..200_u64).prop_map(|(instance, limit)| Step::Limit(instance, limit)),
        3 => (0..12_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    #[test]
    fn never_more_than_the_limit_pass_whatever_is_lost(limit in 1..100_u64, steps in steps(1)) {
        let mut world = World::new(limit);
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.come_to_rest();
        world.check();
    }

    #[test]
    fn without_loss_all_is_accounted_for_and_the_limit_can_be_used_up(limit in 1..100_u64, steps in steps(0)) {
        let mut world = World::new(limit);
        steps.iter().for_each(|step| world.step(step));
        world.come_to_rest();
        let used = u64::try_from(world.passed.len()).unwrap();
        prop_assert_eq!((world.counts.spent, world.counts.leased), (used, 0));

        world.step(&Step::Wait(2_000));
        for n in 0..world.counts.limit as usize {
            // An instance that finds nothing left must not be the reason that another finds nothing.
            world.step(&Step::Spend(n % INSTANCES));
            world.come_to_rest();
        }
        prop_assert_eq!(world.passed.len() as u64, world.counts.limit.max(used));
    }

    #[test]
    fn a_lowered_limit_holds_everywhere_after_the_grant_age(limit in 1..100_u64, steps in steps(1)) {
        let mut world = World::new(limit);
        steps.iter().for_each(|step| world.step(step));
        world.answers.clear();
        world.step(&Step::Limit(0, 0));
        world.step(&Step::Wait(5_000));
        let before = world.passed.len();
        for instance in 0..INSTANCES {
            world.spend(instance);
        }
        world.come_to_rest();
        prop_assert_eq!(world.passed.len(), before);
    }
}
