//! kill -9 at random moments, in the middle of calls, and a start on the same files.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal as Kill;

use super::ledger::{Call, Fate};
use super::place::{Place, Store, audit_file};
use super::random::Random;
use super::worker::{Refusal, Workers};
use super::{RUNTIMES, books};
use crate::harness::{Engine, Mock, PATIENCE, Proxy};

#[test]
fn what_was_acknowledged_on_sqlite_survives_kill_9() {
    kill_rounds(Store::Sqlite, 25);
}

#[test]
fn what_was_acknowledged_on_postgres_survives_kill_9() {
    kill_rounds(Store::Server(Engine::Postgres), 25);
}

#[test]
fn what_was_acknowledged_on_mysql_survives_kill_9() {
    kill_rounds(Store::Server(Engine::Mysql), 25);
}

/// What a test prints.
#[derive(Default)]
struct Totals {
    calls: usize,
    acknowledged: usize,
    /// Changes that were there although nobody was told.
    unanswered_but_made: usize,
}

impl Totals {
    fn add(&mut self, calls: &[Call]) {
        self.calls += calls.len();
        self.acknowledged += calls.iter().filter(|call| call.fate == Fate::Acknowledged).count();
        self.unanswered_but_made += calls.iter().filter(|call| call.fate != Fate::Acknowledged && call.made).count();
    }
}

/// So many rounds on each runtime, all of a runtime on the same database.
fn kill_rounds(store: Store, rounds: usize) {
    let mut random = Random::announced(&format!("kill -9 on {store:?}"));
    let begin = Instant::now();
    let mut totals = Totals::default();
    for runtime in RUNTIMES {
        let mock = Mock::agreeable();
        let place = Place::new(store, &mock);
        let mut proxy = Proxy::start(runtime, &place.options);
        let mut workers = Workers::new(8, Refusal::Never, &mut random);
        for _ in 0..rounds {
            kill_in_the_middle(&proxy, &mut workers, &mut random);
            proxy.restart(&place.options);
            let calls = workers.settle(&proxy);
            place.assert_sound(&proxy);
            books::assert_complete(&proxy, &place.options, &audit_file(&proxy), &calls);
            totals.add(&calls);
        }
    }
    let Totals { calls, acknowledged, unanswered_but_made } = totals;
    println!(
        "kill -9 on {store:?}: {} rounds in {:.1} s, {calls} calls, {acknowledged} acknowledged, {unanswered_but_made} \
         made and not acknowledged",
        rounds * RUNTIMES.len(),
        begin.elapsed().as_secs_f32()
    );
}

/// Lets clients make calls until some are acknowledged, and kills the program a moment later.
fn kill_in_the_middle(proxy: &Proxy, workers: &mut Workers, random: &mut Random) {
    let (ended, ends) = channel();
    let calls = 1 + random.below(400);
    // Else it would always die at the same place: just after an answer.
    let moment = Duration::from_micros(random.below(5000).try_into().unwrap());
    workers.stream(&[proxy], &ended, || {
        for _ in 0..calls {
            ends.recv_timeout(PATIENCE).expect("no call ends any more");
        }
        thread::sleep(moment);
        proxy.signal(Kill::KILL);
    });
}
