//! Storage on a thread of its own: SQL never runs where sockets are served. Workers send effects over a channel and get
//! outcomes back; grants that are in memory are answered at once, without it. The thread opens the store too, again and
//! again for as long as storage says so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use llm_proxy_core::audit::Draft;
use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Now;
use llm_proxy_runtime_common::{StartError, clock};
use llm_proxy_storage::{Attempt, OpenError, Opening, Storage, StorageConfig};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often counts of uses are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether the store works.
const WATCH_EVERY: Duration = Duration::from_secs(1);

enum Job {
    /// Perform an effect, and say what became of it.
    Perform { effect: StoreEffect, now: Now, reply: oneshot::Sender<StoreOutcome> },
    /// Take an event; nobody waits for it.
    Audit(Box<Draft>, Now),
}

type Report = mpsc::UnboundedSender<Result<Attempt, OpenError>>;

/// An outcome on its way. It ends without one if the thread is gone. If it is dropped before, and the outcome was there
/// or comes later, what that spent is given back.
pub(crate) struct Asked {
    outcome: oneshot::Receiver<StoreOutcome>,
    storage: Storage,
}

/// The way to storage, one for each worker.
#[derive(Clone)]
pub(crate) struct StoreLink {
    storage: Storage,
    jobs: mpsc::UnboundedSender<Job>,
}

/// The thread. It ends when all links are gone, after it has written what was counted.
pub(crate) struct StoreThread {
    thread: JoinHandle<()>,
    /// What each attempt to open the store came to.
    reports: mpsc::UnboundedReceiver<Result<Attempt, OpenError>>,
    ended: oneshot::Receiver<()>,
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
        let (reply, outcome) = oneshot::channel();
        // If the thread is gone, the reply is dropped with the job, and the receiver says so.
        let _ = self.jobs.send(Job::Perform { effect, now, reply });
        Asked { outcome, storage: self.storage.clone() }
    }

    /// Hands an event on. If the thread is gone, there is nobody to write it.
    pub(crate) fn audit(&self, draft: Box<Draft>, now: Now) {
        let _ = self.jobs.send(Job::Audit(draft, now));
    }

    pub(crate) fn note_use(&self, token: TokenId, now: Now) {
        self.storage.note_use(token, now.wall);
    }
}

impl Future for Asked {
    type Output = Option<StoreOutcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx).map(Result::ok)
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (report, reports) = mpsc::unbounded_channel();
        let (jobs, queue) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel::<()>();
        let opening = Opening::new(config)?;
        let storage = opening.storage().clone();
        let thread = std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
            let _dropped_at_the_end = end;
            runtime.block_on(serve(opening, report, queue));
        });
        let thread = thread.map_err(StartError::Thread)?;
        Ok((Self { thread, reports, ended }, StoreLink { storage, jobs }))
    }

    /// Waits until it was tried once to open the store. It is open then, or will be when the database can be reached.
    ///
    /// # Errors
    /// What opening said that waiting cannot mend.
    pub(crate) async fn tried(&mut self) -> Result<(), StartError> {
        match self.reports.recv().await {
            Some(attempt) => Ok(attempt.map(drop)?),
            None => Err(StartError::Thread(io::Error::other("the storage thread died"))),
        }
    }

    /// Why the store cannot be opened after all. Waits for ever if it can.
    pub(crate) async fn failed(&mut self) -> OpenError {
        while let Some(attempt) = self.reports.recv().await {
            if let Err(error) = attempt {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Waits until the thread has written everything. All links must be gone, or this waits for them.
    pub(crate) async fn ended(&mut self) {
        // It is told by dropping the sender.
        let _ = (&mut self.ended).await;
    }

    /// Waits for the thread itself, after [`StoreThread::ended`].
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the storage thread died: the last counts of uses may be lost");
        }
    }
}

async fn serve(opening: Opening, report: Report, mut queue: mpsc::UnboundedReceiver<Job>) {
    let storage = opening.storage().clone();
    let (stop, stopped) = watch::channel(());
    // Apart from the queue: calls are answered meanwhile, if only that the store is not available.
    let keeper = tokio::spawn(keep(opening, report, stopped));
    let mut to_the_end = JoinSet::new();
    while let Some(job) = queue.recv().await {
        while to_the_end.try_join_next().is_some() {}
        match job {
            Job::Perform { effect, now, reply } if effect.may_be_given_up() => {
                drop(tokio::spawn(perform(storage.clone(), effect, now, reply)));
            }
            Job::Perform { effect, now, reply } => {
                to_the_end.spawn(perform(storage.clone(), effect, now, reply));
            }
            Job::Audit(draft, now) => storage.audit(*draft, now),
        }
    }
    // What changes something is done, and recorded, before the store is closed.
    while to_the_end.join_next().await.is_some() {}
    drop(stop);
    if keeper.await.is_err() {
        tracing::error!("the flusher died: the last counts of uses may be lost");
    }
    storage.close(clock::now()).await;
}

/// Opens the store, then does what it needs regularly, until `stopped` is told.
async fn keep(opening: Opening, report: Report, mut stopped: watch::Receiver<()>) {
    let storage = opening.storage().clone();
    let opened = tokio::select! {
        opened = open(opening, report) => opened,
        _ = stopped.changed() => return,
    };
    if opened {
        tokio::join!(flush_regularly(&storage, stopped.clone()), watch_regularly(&storage, stopped));
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
        let _ = report.send(attempt);
        let Some(pause) = pause else { return opened };
        sleep(pause).await;
    }
}

async fn perform(storage: Storage, effect: StoreEffect, now: Now, mut reply: oneshot::Sender<StoreOutcome>) {
    let asked = effect.clone();
    let may_give_up = effect.may_be_given_up();
    let outcome = tokio::select! {
        outcome = storage.perform(effect, now) => Some(outcome),
        () = sleep(Storage::PATIENCE), if may_give_up => storage.give_up(&asked, now, clock::now()),
        () = reply.closed(), if may_give_up => None,
    };
    if let Some(outcome) = outcome {
        // Nobody waits any more if the client went away meanwhile.
        if let Err(outcome) = reply.send(outcome) {
            storage.unheard(&outcome, now);
        }
    }
}

/// Writes the counted uses again and again; never breaks a flush off.
async fn flush_regularly(storage: &Storage, mut stopped: watch::Receiver<()>) {
    let mut tick = interval(FLUSH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = tick.tick() => storage.flush(clock::now()).await,
        }
    }
}

/// Looks again and again whether the store works.
async fn watch_regularly(storage: &Storage, mut stopped: watch::Receiver<()>) {
    let mut tick = interval(WATCH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let look = async {
        loop {
            tick.tick().await;
            // One that takes longer has said enough: the store does not work.
            drop(timeout(Storage::PATIENCE, storage.watch(clock::now().mono)).await);
        }
    };
    tokio::select! {
        () = look => {}
        _ = stopped.changed() => {}
    }
}
