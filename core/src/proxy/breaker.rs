//! Whether an upstream is worth a request just now: the circuit breaker of one origin.
//!
//! It opens after some failures in a row, refuses everything for a while, then lets one request through to probe. It
//! knows neither what a failure is (the exchange says so) nor the time (the caller does), and it never waits.
//!
//! ```text
//!             failures in a row                    the time is up: one request probes
//!   Closed ─────────────────────▶ Open ─────────────────────────────────────────────▶ HalfOpen
//!     ▲                             ▲                      the probe failed              │ │
//!     │                             └────────────────────────────────────────────────────┘ │
//!     └───────────────────────────── the probe succeeded ──────────────────────────────────┘
//! ```
//!
//! All of it is one word, so that every worker asks and reports without a lock. The word carries the number of its era,
//! which changes with each arrow above: a report counts only in the era in which its request was let through. What hung
//! since before the opening says nothing about the upstream after it.
//!
//! A probe that is silent for as long as the breaker stays open makes room for another; whichever reports first decides.
//! Else one client that sends slowly could keep everybody out for as long as an exchange may last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerLimits {
    /// How many failures in a row open it; 0 is never.
    pub failures: u64,
    /// How long it refuses before a request may probe.
    pub open_for: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(30) }
    }
}

/// What a breaker does with the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    /// Lets it through.
    Closed,
    /// Refuses it.
    Open,
    /// One probes or may probe; others are refused.
    HalfOpen,
}

/// That a breaker opened or closed by a report. A failed probe is none: the breaker was not closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transition {
    /// It was closed and is open.
    Opened,
    /// It is closed again.
    Closed,
}

/// The breaker of one origin.
#[derive(Debug)]
pub struct Breaker {
    limits: BreakerLimits,
    word: AtomicU64,
}

/// Leave for one request to go to the upstream. Report how that went, once; dropped without a report it says nothing,
/// and gives the place back if it was a probe's.
#[must_use = "a probe that is dropped at once makes room for the next"]
#[derive(Debug)]
pub struct Passage {
    breaker: Arc<Breaker>,
    era: u64,
    /// Of one that probes: when the next may, unless it reports before.
    probes: Option<u64>,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(limits: BreakerLimits) -> Self {
        Self { limits, word: AtomicU64::new(Word { era: 0, phase: Phase::Closed { failures: 0 } }.pack()) }
    }

    /// Its limits.
    #[must_use]
    pub const fn limits(&self) -> BreakerLimits {
        self.limits
    }

    /// Lets a request through, or refuses it.
    ///
    /// # Errors
    /// How long until the next one may probe, above zero.
    pub fn admit(self: &Arc<Self>, now: Instant) -> Result<Passage, Duration> {
        let mut word = self.load();
        loop {
            let next = match word.phase {
                Phase::Closed { .. } => return Ok(self.passage(word)),
                Phase::Open { until } | Phase::HalfOpen { until } if millis(now) < until => {
                    return Err(Duration::from_millis(until).saturating_sub(Duration::from_nanos(now.as_nanos())));
                }
                Phase::Open { .. } => {
                    Word { era: next_era(word.era), phase: Phase::HalfOpen { until: self.until(now) } }
                }
                Phase::HalfOpen { .. } => Word { phase: Phase::HalfOpen { until: self.until(now) }, ..word },
            };
            match self.replace(word, next) {
                Ok(()) => return Ok(self.passage(next)),
                Err(current) => word = current,
            }
        }
    }

    /// What it does with a request that comes at `now`.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.load().phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if millis(now) < until => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn passage(self: &Arc<Self>, word: Word) -> Passage {
        let probes = match word.phase {
            Phase::HalfOpen { until } => Some(until),
            Phase::Closed { .. } | Phase::Open { .. } => None,
        };
        Passage { breaker: Arc::clone(self), era: word.era, probes }
    }

    fn load(&self) -> Word {
        Word::unpack(self.word.load(Ordering::Relaxed))
    }

    /// Nothing else is published with the word, so that its own order is all that is needed.
    fn replace(&self, word: Word, next: Word) -> Result<(), Word> {
        let swapped = self.word.compare_exchange_weak(word.pack(), next.pack(), Ordering::Relaxed, Ordering::Relaxed);
        swapped.map(drop).map_err(Word::unpack)
    }

    /// Changes the word to what `next` makes of it, as long as it makes anything; gives both if it did.
    fn change(&self, next: impl Fn(Word) -> Option<Word>) -> Option<(Word, Word)> {
        let mut word = self.load();
        loop {
            let to = next(word)?;
            match self.replace(word, to) {
                Ok(()) => return Some((word, to)),
                Err(current) => word = current,
            }
        }
    }

    /// The first whole millisecond at which it has refused for long enough.
    fn until(&self, now: Instant) -> u64 {
        (now + self.limits.open_for).as_nanos().div_ceil(NANOS_PER_MILLI)
    }
}

impl Passage {
    /// The upstream answered.
    pub fn succeeded(self) -> Option<Transition> {
        let (from, _) = self.breaker.change(|word| self.after_success(word))?;
        matches!(from.phase, Phase::HalfOpen { .. }).then_some(Transition::Closed)
    }

    /// The upstream failed, which was seen at `now`.
    pub fn failed(self, now: Instant) -> Option<Transition> {
        let (from, to) = self.breaker.change(|word| self.after_failure(word, now))?;
        let opened = matches!((from.phase, to.phase), (Phase::Closed { .. }, Phase::Open { .. }));
        opened.then_some(Transition::Opened)
    }

    fn after_success(&self, word: Word) -> Option<Word> {
        match word.phase {
            _ if word.era != self.era => None,
            // The usual case writes nothing.
            Phase::Closed { failures: 0 } | Phase::Open { .. } => None,
            Phase::Closed { .. } => Some(Word { phase: Phase::Closed { failures: 0 }, ..word }),
            Phase::HalfOpen { .. } => Some(Word { era: next_era(word.era), phase: Phase::Closed { failures: 0 } }),
        }
    }

    fn after_failure(&self, word: Word, now: Instant) -> Option<Word> {
        let limits = self.breaker.limits;
        let open = Word { era: next_era(word.era), phase: Phase::Open { until: self.breaker.until(now) } };
        match word.phase {
            _ if word.era != self.era || limits.failures == 0 => None,
            Phase::Open { .. } => None,
            Phase::Closed { failures } if failures + 1 < limits.failures => {
                Some(Word { phase: Phase::Closed { failures: failures + 1 }, ..word })
            }
            Phase::Closed { .. } | Phase::HalfOpen { .. } => Some(open),
        }
    }
}

/// A probe without a report makes room for the next at once. After a report the era is another one, and nothing happens.
impl Drop for Passage {
    fn drop(&mut self) {
        let Some(mine) = self.probes else { return };
        self.breaker.change(|word| match word.phase {
            // Another one's place is not given away.
            Phase::HalfOpen { until } if word.era == self.era && until == mine => {
                Some(Word { phase: Phase::HalfOpen { until: 0 }, ..word })
            }
            Phase::HalfOpen { .. } | Phase::Closed { .. } | Phase::Open { .. } => None,
        });
    }
}

/// What the word says. Times are whole milliseconds since the driver's origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Word {
    era: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// So many failures in a row.
    Closed { failures: u64 },
    /// Refuses until then.
    Open { until: u64 },
    /// A probe is under way; the next may go then.
    HalfOpen { until: u64 },
}

const NANOS_PER_MILLI: u64 = 1_000_000;

/// The number in the low bits: milliseconds of 139 years, or failures.
const NUMBER_BITS: u32 = 42;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
/// An era comes again after a million changes; no request lives that long.
const ERA_BITS: u32 = 20;
const ERA_MASK: u64 = (1 << ERA_BITS) - 1;

const fn next_era(era: u64) -> u64 {
    (era + 1) & ERA_MASK
}

const fn millis(at: Instant) -> u64 {
    at.as_nanos() / NANOS_PER_MILLI
}

impl Word {
    fn pack(self) -> u64 {
        let (tag, number) = match self.phase {
            Phase::Closed { failures } => (0, failures),
            Phase::Open { until } => (1, until),
            Phase::HalfOpen { until } => (2, until),
        };
        tag << (NUMBER_BITS + ERA_BITS) | self.era << NUMBER_BITS | number.min(NUMBER_MASK)
    }

    const fn unpack(packed: u64) -> Self {
        let number = packed & NUMBER_MASK;
        let phase = match packed >> (NUMBER_BITS + ERA_BITS) {
            0 => Phase::Closed { failures: number },
            1 => Phase::Open { until: number },
            _ => Phase::HalfOpen { until: number },
        };
        Self { era: (packed >> NUMBER_BITS) & ERA_MASK, phase }
    }
}

#[cfg(test)]
mod tests;
