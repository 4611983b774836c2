//! Whether the store works, as those notice who call it, and what that means: what is logged, and how long grants may
//! be used that are older than their age.
//!
//! An outage begins with the first call that the database fails while no later one is answered, and is over when each
//! kind of access that failed has worked again. "No such token" is an answer, and so is a value that cannot be read:
//! neither is an outage. The log has one line at the beginning, one at the end with how long it took, and in between one
//! every half minute with a count.
//!
//! It asks the store nothing and waits for nothing. The hot path pays one atomic load, and that only for a grant that
//! is too old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use llm_proxy_core::time::Instant;

use crate::error::described;
use crate::faults::Faults;
use crate::store::StoreError;

/// How often it is said that something goes on.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What a call wants of the database. One may fail while the other works: above all, someone else may hold the lock for
/// writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// To look something up.
    Read,
    /// To change something.
    Write,
}

/// How long no change must have failed before one that was done says that changes are done again: on a disk that is full,
/// a small one may still be done where others are not.
const CHANGES_HOLD: Duration = Duration::from_secs(2);

/// The state of the store, for any number of threads.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    grace: Duration,
    /// Until when old grants may be used, nanoseconds of an [`Instant`]; 0 while look-ups are answered.
    grace_ends: AtomicU64,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// The latest time that was told.
    now: Instant,
    /// When the latest look-up was asked that was answered.
    last_contact: Instant,
    /// How many changes were done.
    changes: u64,
    reads_fail: bool,
    writes_fail: bool,
    /// When the latest change failed.
    write_failed_at: Instant,
    since: Instant,
    said_at: Instant,
    /// Calls that failed since the last line about them.
    unsaid: u64,
    /// Calls that failed in this outage.
    failed: u64,
    faults: Faults,
    faults_said_at: Instant,
}

impl Outage {
    /// A store that works. While its look-ups fail, old grants may be used for `grace` after the last that was answered.
    pub(crate) fn new(grace: Duration) -> Self {
        Self { grace, ..Self::default() }
    }

    /// How long old grants may be used in an outage.
    pub(crate) const fn grace(&self) -> Duration {
        self.grace
    }

    /// Whether a grant may be used now although it is older than its age.
    pub(crate) fn allows_old_grants(&self, now: Instant) -> bool {
        now.as_nanos() < self.grace_ends.load(Ordering::Acquire)
    }

    /// The store answered a look-up that was made at `asked_at`.
    pub(crate) fn look_up_answered(&self, asked_at: Instant) {
        let mut notes = self.notes();
        self.heard(&mut notes, asked_at);
    }

    /// A look-up that was made at `asked_at` failed. If a later one was answered meanwhile, that is no outage.
    pub(crate) fn look_up_failed(&self, operation: &'static str, error: &StoreError, asked_at: Instant) {
        let mut notes = self.notes();
        match Failure::of(error) {
            Failure::NotOpen => {}
            Failure::Fault => {
                notes.faults.note(operation, &described(error));
                self.heard(&mut notes, asked_at);
            }
            Failure::Outage if asked_at < notes.last_contact => notes.faults.note(operation, &described(error)),
            Failure::Outage => {
                notes.now = notes.now.max(asked_at);
                notes.count_failure(operation, error);
                notes.reads_fail = true;
                self.grace_ends.store((notes.last_contact + self.grace).as_nanos(), Ordering::Release);
            }
        }
    }

    /// How many changes were done so far, to be asked before one.
    pub(crate) fn changes(&self) -> u64 {
        self.notes().changes
    }

    /// Whether changes are refused for now.
    pub(crate) fn refuses_changes(&self) -> bool {
        self.notes().writes_fail
    }

    /// The store did what changes it.
    pub(crate) fn change_answered(&self) {
        let mut notes = self.notes();
        notes.changes = notes.changes.wrapping_add(1);
        if notes.now.since(notes.write_failed_at) >= CHANGES_HOLD {
            notes.works(Access::Write);
        }
    }

    /// The store did not do what changes it. If it did another change meanwhile, that is no outage.
    pub(crate) fn change_failed(&self, operation: &'static str, error: &StoreError, changes_before: u64) {
        let mut notes = self.notes();
        match Failure::of(error) {
            Failure::NotOpen => {}
            Failure::Outage if notes.changes != changes_before => notes.faults.note(operation, &described(error)),
            Failure::Fault => notes.faults.note(operation, &described(error)),
            Failure::Outage => {
                notes.count_failure(operation, error);
                notes.writes_fail = true;
                notes.write_failed_at = notes.now;
            }
        }
    }

    /// The time goes on: says what has been failing for long. To be told about once a second.
    pub(crate) fn tell_time(&self, now: Instant) {
        let mut notes = self.notes();
        notes.now = notes.now.max(now);
        if notes.is_failing() && notes.unsaid > 0 && now.since(notes.said_at) >= SAY_EVERY {
            tracing::warn!(since = ?now.since(notes.since), failed = notes.unsaid, "the store still fails");
            (notes.said_at, notes.unsaid) = (now, 0);
        }
        if now.since(notes.faults_said_at) >= SAY_EVERY {
            notes.faults.say();
            notes.faults_said_at = now;
        }
    }

    /// Which kinds of access should be tried now without being asked for: those that fail, and look-ups where the time of
    /// the last contact counts.
    pub(crate) fn to_try(&self, now: Instant, contact_every: Duration) -> Vec<Access> {
        let notes = self.notes();
        let keep_contact = self.grace > Duration::ZERO && now.since(notes.last_contact) >= contact_every;
        let read = (notes.reads_fail || keep_contact).then_some(Access::Read);
        read.into_iter().chain(notes.writes_fail.then_some(Access::Write)).collect()
    }

    fn heard(&self, notes: &mut Notes, asked_at: Instant) {
        notes.now = notes.now.max(asked_at);
        notes.last_contact = notes.last_contact.max(asked_at);
        self.grace_ends.store(0, Ordering::Release);
        notes.works(Access::Read);
    }

    /// A panic elsewhere leaves the notes usable.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    const fn is_failing(&self) -> bool {
        self.reads_fail || self.writes_fail
    }

    fn works(&mut self, access: Access) {
        let was_failing = self.is_failing();
        match access {
            Access::Read => self.reads_fail = false,
            Access::Write => self.writes_fail = false,
        }
        if was_failing && !self.is_failing() {
            tracing::warn!(took = ?self.now.since(self.since), failed = self.failed, "the store works again");
        }
    }

    /// Says it if it is the first.
    fn count_failure(&mut self, operation: &'static str, error: &StoreError) {
        if !self.is_failing() {
            (self.since, self.said_at, self.unsaid, self.failed) = (self.now, self.now, 0, 0);
            tracing::error!(operation, error = described(error), "the store fails: calls that need it are refused");
        }
        self.unsaid += 1;
        self.failed += 1;
    }
}

/// What a failure says about the store.
enum Failure {
    /// The database cannot be reached or does not do what it should.
    Outage,
    /// The database works; something in it, or beside it, is wrong.
    Fault,
    /// It has not been opened. Who opens it has said why.
    NotOpen,
}

impl Failure {
    const fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Database(_) | StoreError::NoAnswer => Self::Outage,
            StoreError::Corrupt(_)
            | StoreError::CorruptEvent { .. }
            | StoreError::KeyUnreadable(_)
            | StoreError::Seal(_)
            | StoreError::Random(_)
            | StoreError::WrongCall => Self::Fault,
            StoreError::NotOpen => Self::NotOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    fn down() -> StoreError {
        StoreError::Database(sqlx::Error::PoolTimedOut)
    }

    #[test]
    fn old_grants_may_be_used_for_the_grace_after_the_last_contact_and_no_longer() {
        let outage = Outage::new(GRACE);
        outage.look_up_answered(at(100));
        assert!(!outage.allows_old_grants(at(100)), "the store works");
        outage.look_up_failed("find grant", &down(), at(130));
        assert!(outage.allows_old_grants(at(159)));
        assert!(!outage.allows_old_grants(at(160)));
        outage.look_up_failed("find grant", &down(), at(159));
        assert!(!outage.allows_old_grants(at(160)), "a failure is no contact");
    }

    #[test]
    fn without_a_grace_no_old_grant_may_be_used() {
        let outage = Outage::default();
        outage.look_up_answered(at(100));
        outage.look_up_failed("find grant", &down(), at(100));
        assert!(!outage.allows_old_grants(at(100)));
    }

    #[test]
    fn one_answer_ends_the_use_of_old_grants() {
        let outage = Outage::new(GRACE);
        outage.look_up_answered(at(100));
        outage.look_up_failed("find grant", &down(), at(101));
        outage.look_up_answered(at(102));
        assert!(!outage.allows_old_grants(at(103)));
    }

    #[test]
    fn a_failure_that_is_older_than_the_last_answer_begins_no_outage() {
        let outage = Outage::new(GRACE);
        outage.look_up_answered(at(102));
        outage.look_up_failed("find grant", &down(), at(101));
        assert!(!outage.allows_old_grants(at(103)));
        assert_eq!(outage.to_try(at(102), GRACE), []);
    }

    #[test]
    fn a_change_that_others_overtook_begins_no_outage() {
        let outage = Outage::default();
        let before = outage.changes();
        outage.change_answered();
        outage.change_failed("spend", &down(), before);
        assert_eq!(outage.to_try(at(1), GRACE), []);
        outage.change_failed("spend", &down(), outage.changes());
        assert_eq!(outage.to_try(at(1), GRACE), [Access::Write]);
    }

    #[test]
    fn a_change_that_fails_lets_no_old_grant_be_used() {
        let outage = Outage::new(GRACE);
        outage.look_up_answered(at(100));
        outage.change_failed("spend", &down(), 0);
        assert!(!outage.allows_old_grants(at(101)));
        assert_eq!(outage.to_try(at(101), GRACE), [Access::Write]);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_no_outage() {
        let outage = Outage::new(GRACE);
        outage.look_up_answered(at(100));
        outage.look_up_failed("find grant", &StoreError::Corrupt("the test"), at(101));
        assert!(!outage.allows_old_grants(at(102)));
        assert_eq!(outage.to_try(at(102), GRACE), []);
    }

    #[test]
    fn what_fails_is_tried_until_it_works() {
        let outage = Outage::default();
        outage.change_failed("add uses", &down(), 0);
        outage.look_up_failed("find grant", &down(), at(1));
        assert_eq!(outage.to_try(at(2), GRACE), [Access::Read, Access::Write]);
        outage.tell_time(at(2));
        outage.change_answered();
        assert_eq!(outage.to_try(at(3), GRACE), [Access::Read]);
        outage.look_up_answered(at(4));
        assert_eq!(outage.to_try(at(4), GRACE), []);
    }

    #[test]
    fn a_change_that_is_done_among_others_that_fail_ends_no_outage() {
        let outage = Outage::default();
        for second in 10..20 {
            outage.tell_time(at(second));
            let before = outage.changes();
            outage.change_failed("change", &down(), before);
            outage.change_answered();
            assert!(outage.refuses_changes());
        }
        outage.tell_time(at(21));
        outage.change_answered();
        assert!(!outage.refuses_changes());
    }

    #[test]
    fn contact_is_kept_only_where_its_time_counts() {
        let often = Duration::from_secs(1);
        let (with, without) = (Outage::new(GRACE), Outage::default());
        for outage in [&with, &without] {
            outage.look_up_answered(at(100));
        }
        assert_eq!(with.to_try(at(100), often), []);
        assert_eq!(with.to_try(at(101), often), [Access::Read]);
        assert_eq!(without.to_try(at(200), often), []);
    }
}
