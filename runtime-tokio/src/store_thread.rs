//! Storage on a thread of its own: SQL never runs where sockets are served. Workers send effects over a channel and get
//! outcomes back; grants that are in memory are answered at once, without it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Now;
use llm_proxy_runtime_common::{StartError, clock};
use llm_proxy_storage::{Storage, StorageConfig};
use tokio::sync::{mpsc, oneshot};

/// How often counts of uses are written.
const FLUSH_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

struct Job {
    effect: StoreEffect,
    now: Now,
    reply: oneshot::Sender<StoreOutcome>,
}

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
        let _ = self.jobs.send(Job { effect, now, reply });
        Asked { outcome, storage: self.storage.clone() }
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
    /// Opens storage on a new thread.
    ///
    /// # Errors
    /// What opening said.
    pub(crate) fn start(config: StorageConfig) -> Result<(Self, StoreLink), StartError> {
        let (opened, wait) = std::sync::mpsc::sync_channel(1);
        let (jobs, queue) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
            let _dropped_at_the_end = end;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(serve(config, &opened, queue)),
                Err(error) => drop(opened.send(Err(StartError::Thread(error)))),
            }
        });
        let thread = thread.map_err(StartError::Thread)?;
        let storage = wait.recv().map_err(|_| StartError::Thread(io::Error::other("the storage thread died")))??;
        Ok((Self { thread, ended }, StoreLink { storage, jobs }))
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

async fn serve(
    config: StorageConfig,
    opened: &std::sync::mpsc::SyncSender<Result<Storage, StartError>>,
    mut queue: mpsc::UnboundedReceiver<Job>,
) {
    let storage = match Storage::open(config).await {
        Ok(storage) => storage,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    if opened.send(Ok(storage.clone())).is_err() {
        return;
    }
    // Apart from the queue: a flush may wait for the database's write lock, and look-ups must not wait behind it.
    let (stop, stopped) = oneshot::channel();
    let flusher = tokio::spawn(flush_regularly(storage.clone(), stopped));
    while let Some(job) = queue.recv().await {
        drop(tokio::spawn(perform(storage.clone(), job)));
    }
    drop(stop);
    if flusher.await.is_err() {
        tracing::error!("the flusher died: the last counts of uses may be lost");
    }
    storage.close().await;
}

async fn perform(storage: Storage, job: Job) {
    let Job { effect, now, mut reply } = job;
    let may_give_up = effect.may_be_given_up();
    let outcome = tokio::select! {
        outcome = storage.perform(effect, now) => outcome,
        () = reply.closed(), if may_give_up => return,
    };
    // Nobody waits any more if the client went away meanwhile.
    if let Err(outcome) = reply.send(outcome) {
        storage.unheard(&outcome, now);
    }
}

/// Writes the counted uses again and again, until `stopped` is dropped; never breaks a flush off.
async fn flush_regularly(storage: Storage, mut stopped: oneshot::Receiver<()>) {
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            _ = flush.tick() => storage.flush(clock::now().mono).await,
        }
    }
}
