//! Storage on a thread of its own: SQL never runs where sockets are served. Workers send effects over a channel and get
//! outcomes back; grants that are in memory are answered at once, without it. The thread opens the store too, again and
//! again for as long as storage says so.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use async_io::Timer;
use futures_lite::{FutureExt as _, Stream as _, future};
use llm_proxy_core::audit::Draft;
use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Now;
use llm_proxy_runtime_common::{StartError, clock};
use llm_proxy_storage::{Attempt, OpenError, Opening, Storage, StorageConfig};
use smol::channel::{self, Receiver, Sender};
use smol::{LocalExecutor, Task};

/// How often counts of uses are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether the store works.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// An outcome on its way. It ends without one if the thread is gone. If it is dropped before, and the outcome was there
/// or comes later, what that spent is given back.
pub(crate) struct Asked {
    outcome: Pin<Box<Receiver<StoreOutcome>>>,
    storage: Storage,
}

enum Job {
    /// Perform an effect, and say what became of it.
    Perform { effect: StoreEffect, now: Now, reply: Sender<StoreOutcome> },
    /// Take an event; nobody waits for it.
    Audit(Box<Draft>, Now),
}

type Report = Sender<Result<Attempt, OpenError>>;

/// The way to storage, one for each worker.
#[derive(Clone)]
pub(crate) struct StoreLink {
    storage: Storage,
    jobs: Sender<Job>,
}

/// The thread. It ends when all links are gone, after it has written what was counted.
pub(crate) struct StoreThread {
    thread: JoinHandle<()>,
    /// What each attempt to open the store came to.
    reports: Receiver<Result<Attempt, OpenError>>,
    ended: Receiver<Infallible>,
}

impl StoreLink {
    pub(crate) const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The outcome, if it can be had without asking the thread.
    pub(crate) fn try_now(&self, effect: &StoreEffect, now: Now) -> Option<StoreOutcome> {
        self.storage.perform_now(effect, now)
    }

    /// Asks. Who drops the receiver gives up: a look-up is then broken off, a change is made all the same. So at most
    /// one look-up per connection is under way, and the channel needs no bound of its own.
    pub(crate) fn ask(&self, effect: StoreEffect, now: Now) -> Asked {
        let (reply, outcome) = channel::bounded(1);
        // If the thread is gone, the reply is dropped with the job, and the receiver says so.
        let _ = self.jobs.try_send(Job::Perform { effect, now, reply });
        Asked { outcome: Box::pin(outcome), storage: self.storage.clone() }
    }

    /// Hands an event on. If the thread is gone, there is nobody to write it.
    pub(crate) fn audit(&self, draft: Box<Draft>, now: Now) {
        let _ = self.jobs.try_send(Job::Audit(draft, now));
    }

    pub(crate) fn note_use(&self, token: TokenId, now: Now) {
        self.storage.note_use(token, now.wall);
    }
}

impl Future for Asked {
    type Output = Option<StoreOutcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.as_mut().poll_next(cx)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // From here on the thread sees that nobody waits; what it sent before is here.
        self.outcome.close();
        if let Ok(outcome) = self.outcome.try_recv() {
            self.storage.unheard(&outcome, clock::now());
        }
    }
}

impl StoreThread {
    /// Starts the thread, which begins to open the store.
    ///
    /// # Errors
    /// If the system gives no thread, or the audit log cannot be used.
    pub(crate) fn start(config: StorageConfig) -> Result<(Self, StoreLink), StartError> {
        let (report, reports) = channel::unbounded();
        let (jobs, queue) = channel::unbounded();
        let (end, ended) = channel::bounded::<Infallible>(1);
        let opening = Opening::new(config)?;
        let storage = opening.storage().clone();
        let thread = std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
            let _dropped_at_the_end = end;
            let executor = LocalExecutor::new();
            // Not the reactor's own: sockets are the workers' business, and this thread must not hold it for them.
            future::block_on(executor.run(serve(&executor, opening, report, queue)));
        });
        let thread = thread.map_err(StartError::Thread)?;
        Ok((Self { thread, reports, ended }, StoreLink { storage, jobs }))
    }

    /// Waits until it was tried once to open the store. It is open then, or will be when the database can be reached.
    ///
    /// # Errors
    /// What opening said that waiting cannot mend.
    pub(crate) async fn tried(&self) -> Result<(), StartError> {
        match self.reports.recv().await {
            Ok(attempt) => Ok(attempt.map(drop)?),
            Err(_) => Err(StartError::Thread(io::Error::other("the storage thread died"))),
        }
    }

    /// Why the store cannot be opened after all. Waits for ever if it can.
    pub(crate) async fn failed(&self) -> OpenError {
        while let Ok(attempt) = self.reports.recv().await {
            if let Err(error) = attempt {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Waits until the thread has written everything. All links must be gone, or this waits for them.
    pub(crate) async fn ended(&self) {
        // It is told by dropping the sender.
        let _ = self.ended.recv().await;
    }

    /// Waits for the thread itself, after [`StoreThread::ended`].
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the storage thread died: the last counts of uses may be lost");
        }
    }
}

async fn serve(executor: &LocalExecutor<'_>, opening: Opening, report: Report, queue: Receiver<Job>) {
    let storage = opening.storage().clone();
    let (stop, stopped) = channel::bounded(1);
    // Apart from the queue: calls are answered meanwhile, if only that the store is not available.
    let keeper = executor.spawn(keep(opening, report, stopped));
    let mut to_the_end: Vec<Task<()>> = Vec::new();
    while let Ok(job) = queue.recv().await {
        to_the_end.retain(|task| !task.is_finished());
        match job {
            Job::Perform { effect, now, reply } => {
                let may_be_given_up = effect.may_be_given_up();
                let task = executor.spawn(perform(storage.clone(), effect, now, reply));
                if may_be_given_up {
                    task.detach();
                } else {
                    to_the_end.push(task);
                }
            }
            Job::Audit(draft, now) => storage.audit(*draft, now),
        }
    }
    // What changes something is done, and recorded, before the store is closed.
    for task in to_the_end {
        task.await;
    }
    drop(stop);
    keeper.await;
    storage.close(clock::now()).await;
}

/// Opens the store, then does what it needs regularly, until `stopped` is closed.
async fn keep(opening: Opening, report: Report, stopped: Receiver<Infallible>) {
    let storage = opening.storage().clone();
    let stop = async {
        told(&stopped).await;
        false
    };
    if open(opening, report).or(stop).await {
        future::zip(flush_regularly(&storage, &stopped), watch_regularly(&storage, &stopped)).await;
    }
}

/// Tries to open the store until it is open (true), or cannot be.
async fn open(mut opening: Opening, report: Report) -> bool {
    loop {
        let attempt = opening.attempt(clock::now().mono).await;
        let (opened, pause) = match attempt {
            Ok(Attempt::Opened) => (true, None),
            Ok(Attempt::Again(pause)) => (false, Some(pause)),
            Err(_) => (false, None),
        };
        // Nobody hears it if the server has ended meanwhile.
        let _ = report.try_send(attempt);
        let Some(pause) = pause else { return opened };
        Timer::after(pause).await;
    }
}

async fn perform(storage: Storage, effect: StoreEffect, now: Now, reply: Sender<StoreOutcome>) {
    let asked = effect.clone();
    let may_give_up = effect.may_be_given_up();
    let given_up = async {
        if may_give_up {
            reply.closed().await;
        } else {
            std::future::pending::<()>().await;
        }
        None
    };
    let late = async {
        if !may_give_up {
            std::future::pending::<()>().await;
        }
        Timer::after(Storage::PATIENCE).await;
        storage.give_up(&asked, now, clock::now())
    };
    let done = async { Some(storage.perform(effect, now).await) };
    if let Some(outcome) = done.or(late).or(given_up).await {
        // Nobody waits any more if the client went away meanwhile.
        if let Err(error) = reply.try_send(outcome) {
            storage.unheard(&error.into_inner(), now);
        }
    }
}

/// Writes the counted uses again and again; never breaks a flush off.
async fn flush_regularly(storage: &Storage, stopped: &Receiver<Infallible>) {
    while !passed(FLUSH_EVERY, stopped).await {
        storage.flush(clock::now()).await;
    }
}

/// Looks again and again whether the store works.
async fn watch_regularly(storage: &Storage, stopped: &Receiver<Infallible>) {
    while !passed(WATCH_EVERY, stopped).await {
        let late = async {
            // One that takes longer has said enough: the store does not work.
            Timer::after(Storage::PATIENCE).await;
        };
        storage.watch(clock::now().mono).or(late).or(told(stopped)).await;
    }
}

/// Waits for that time; true if `stopped` was closed meanwhile.
async fn passed(time: Duration, stopped: &Receiver<Infallible>) -> bool {
    let stop = async {
        told(stopped).await;
        true
    };
    let tick = async {
        Timer::after(time).await;
        false
    };
    stop.or(tick).await
}

/// Waits until the channel is closed, which is how the end is told.
async fn told(stopped: &Receiver<Infallible>) {
    let _ = stopped.recv().await;
}
