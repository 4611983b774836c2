//! kill -9 of the database server in the middle of calls. The proxy lives on and recovers by itself.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::ledger::Fate;
use super::place::{Place, audit_file};
use super::random::Random;
use super::servers::PrivateServers;
use super::worker::{Refusal, Workers};
use super::{RUNTIMES, books};
use crate::harness::{Engine, Mock, PATIENCE, Proxy};

#[test]
fn what_was_acknowledged_survives_the_death_of_postgres() {
    server_deaths(Engine::Postgres);
}

#[test]
fn what_was_acknowledged_survives_the_death_of_mysql() {
    server_deaths(Engine::Mysql);
}

/// Deaths of the server on each runtime.
const DEATHS: usize = 3;

fn server_deaths(engine: Engine) {
    let mut random = Random::announced(&format!("death of {engine:?}"));
    let mut servers = PrivateServers::start();
    for runtime in RUNTIMES {
        let mock = Mock::agreeable();
        let place = Place::at(servers.database(engine), &mock);
        // An unreachable database is an error of the operator's.
        let proxy = Proxy::start(runtime, &place.options.clone().errors_expected());
        let mut workers = Workers::new(8, Refusal::Unknown, &mut random);
        let begin = Instant::now();
        for _ in 0..DEATHS {
            let calls = 50 + random.below(200);
            die_in_the_middle(&proxy, &mut workers, &mut servers, engine, calls);
        }
        let calls = workers.settle(&proxy);
        place.assert_sound(&proxy);
        books::assert_complete(&proxy, &place.options, &audit_file(&proxy), &calls);
        let of = |fate| calls.iter().filter(|call| call.fate == fate).count();
        println!(
            "{DEATHS} deaths of {engine:?} under {runtime} in {:.1} s: {} calls, {} acknowledged, {} refused",
            begin.elapsed().as_secs_f32(),
            calls.len(),
            of(Fate::Acknowledged),
            of(Fate::Refused)
        );
    }
}

/// Kills the server after some calls, starts it after the first refusal, and waits until calls succeed again.
fn die_in_the_middle(proxy: &Proxy, workers: &mut Workers, servers: &mut PrivateServers, engine: Engine, calls: usize) {
    let (ended, ends) = channel();
    workers.stream(&[proxy], &ended, || {
        wait_for(&ends, Fate::Acknowledged, calls);
        servers.kill(engine);
        wait_for(&ends, Fate::Refused, 1);
        servers.start_again(engine);
        // More than can have ended before the death and wait in the channel: one a client.
        wait_for(&ends, Fate::Acknowledged, 50);
    });
}

/// Waits until so many calls have ended in that way.
fn wait_for(ends: &Receiver<Fate>, wanted: Fate, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    for n in 0..count {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let end = ends.recv_timeout(left).unwrap_or_else(|_| panic!("{n} of {count} calls were {wanted:?}"));
            assert_ne!(end, Fate::Unanswered, "a call was cut off");
            if end == wanted {
                break;
            }
        }
    }
}
