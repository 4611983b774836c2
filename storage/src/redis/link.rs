//! The thread that speaks with Redis, and the way to it.
//!
//! The way is open only while Redis works. When it fails, the way is closed first and then everybody who waits is
//! told, so that nobody can come too late to be told; from then on nobody waits, until the thread has connected again.
//! The log has one line when an outage begins and one when it is over.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::RedisAddress;
use super::connection::{Connection, ConnectionError};
use super::gcra::{Answer, Counter};
use crate::error::described;

/// Checks that may wait. Who finds no room is answered as if Redis were down.
const MOST_WAITING: usize = 4096;
/// Checks that are sent together at most.
const MOST_TOGETHER: usize = 256;
/// How often a Redis that nobody asks anything is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// With the time that an attempt may take, this is how late it is noticed that Redis works again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that lasted this long was a good one: the next pause is the first again.
const LASTED: Duration = Duration::from_secs(10);
/// How long is waited for the first attempt to connect.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);

struct Job {
    counters: Vec<Counter>,
    reply: async_channel::Sender<Answer>,
}

/// The way, while it is open.
type Way = Mutex<Option<SyncSender<Job>>>;

/// The way to the thread. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    way: Arc<Way>,
    /// Nothing is sent here; closed when the first attempt to connect has ended, or has taken long.
    tried: async_channel::Receiver<()>,
    /// Nothing is sent here; dropping it ends the thread.
    stop: Option<Sender<()>>,
}

/// What is said when Redis fails, and to whom.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: RedisAddress,
    /// A counter that is no one's.
    pub(super) probe: Counter,
    /// What becomes of requests during an outage, as a part of a sentence.
    pub(super) meanwhile: &'static str,
}

impl Link {
    /// Starts the thread, which begins to connect.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn start(target: Target) -> io::Result<Self> {
        let way = Arc::new(Way::default());
        let (stop, stopped) = channel();
        let (trying, tried) = async_channel::bounded(1);
        let to_be_told = trying.clone();
        // A name that is looked up in vain may take long; the program does not wait for that.
        std::thread::Builder::new().name("redis-first".to_owned()).spawn(move || {
            std::thread::sleep(FIRST_ATTEMPT);
            to_be_told.close();
        })?;
        let worker = Worker { target, way: Arc::clone(&way), stopped, trying, outage: None };
        std::thread::Builder::new().name("redis".to_owned()).spawn(move || worker.run())?;
        Ok(Self { way, tried, stop: Some(stop) })
    }

    /// Waits until it was tried once to connect, at most two seconds.
    pub(super) async fn tried(&self) {
        let _ = self.tried.recv().await;
    }

    /// Whether Redis works.
    pub(super) fn is_up(&self) -> bool {
        lock(&self.way).is_some()
    }

    /// Performs a check. `None` at once while Redis does not work, and soon if that turns out only now; it may have
    /// counted in that case.
    pub(super) async fn check(&self, counters: Vec<Counter>) -> Option<Answer> {
        let (reply, answer) = async_channel::bounded(1);
        // While the way is held: what is sent on it is answered.
        lock(&self.way).as_ref()?.try_send(Job { counters, reply }).ok()?;
        answer.recv().await.ok()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // In this order: a thread that opens the way now looks for the other one afterwards.
        self.stop = None;
        *lock(&self.way) = None;
    }
}

fn lock(way: &Way) -> MutexGuard<'_, Option<SyncSender<Job>>> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's own.
struct Worker {
    target: Target,
    way: Arc<Way>,
    stopped: Receiver<()>,
    trying: async_channel::Sender<()>,
    /// Since when Redis does not work.
    outage: Option<Instant>,
}

impl Worker {
    fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let error = match Connection::open(&self.target.address, &self.target.probe) {
                Ok(connection) => match self.serve(connection) {
                    Ok(()) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if began.elapsed() >= LASTED {
                pause = FIRST_PAUSE;
            }
            self.say_down(&error);
            self.trying.close();
            match self.stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the way and performs what comes. Ends well when the way was closed from outside.
    fn serve(&mut self, mut connection: Connection) -> Result<(), ConnectionError> {
        let (way, jobs) = sync_channel(MOST_WAITING);
        *lock(&self.way) = Some(way);
        if self.stopped.try_recv() == Err(TryRecvError::Disconnected) {
            return Ok(());
        }
        self.say_up();
        self.trying.close();
        let ended = loop {
            match jobs.recv_timeout(PING_EVERY) {
                Ok(job) => {
                    if let Err(error) = perform(&mut connection, job, &jobs) {
                        break Err(error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = connection.ping() {
                        break Err(error);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            }
        };
        // Those who wait are told by dropping what they sent, after nobody else can send.
        *lock(&self.way) = None;
        drop(jobs);
        ended
    }

    fn say_down(&mut self, error: &ConnectionError) {
        let error = described(error);
        let redis = &self.target.address;
        if self.outage.is_some() {
            tracing::debug!(error, %redis, "Redis still cannot be used");
            return;
        }
        self.outage = Some(Instant::now());
        let meanwhile = self.target.meanwhile;
        tracing::error!(error, %redis, "Redis cannot be used: until it can, {meanwhile}");
    }

    fn say_up(&mut self) {
        let redis = &self.target.address;
        match self.outage.take() {
            Some(since) => {
                tracing::warn!(took = ?since.elapsed(), %redis, "Redis can be used again: rates are shared");
            }
            None => tracing::info!(%redis, "rates are shared with other instances in Redis"),
        }
    }
}

/// Performs a check together with those that wait.
fn perform(connection: &mut Connection, first: Job, jobs: &Receiver<Job>) -> Result<(), ConnectionError> {
    let mut batch = vec![first];
    batch.extend(jobs.try_iter().take(MOST_TOGETHER - 1));
    // Whoever has gone away is not counted.
    batch.retain(|job| !job.reply.is_closed());
    let checks: Vec<&[Counter]> = batch.iter().map(|job| job.counters.as_slice()).collect();
    let answers = connection.check(&checks)?;
    for (job, answer) in batch.iter().zip(answers) {
        // Nobody waits any more if the client went away.
        let _ = job.reply.try_send(answer);
    }
    Ok(())
}
