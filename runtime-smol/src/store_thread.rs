//! Storage on a thread of its own: SQL never runs where sockets are served. Workers send effects over a channel and get
//! outcomes back; grants that are in memory are answered at once, without it.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use async_io::Timer;
use futures_lite::{FutureExt as _, Stream as _, future};
use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::time::Now;
use llm_proxy_runtime_common::{StartError, clock};
use llm_proxy_storage::{Storage, StorageConfig};
use smol::LocalExecutor;
use smol::channel::{self, Receiver, Sender};

/// How often counts of uses are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// An outcome on its way. It ends without one if the thread is gone. If it is dropped before, and the outcome was there
/// or comes later, what that spent is given back.
pub(crate) struct Asked {
    outcome: Pin<Box<Receiver<StoreOutcome>>>,
    storage: Storage,
}

struct Job {
    effect: StoreEffect,
    now: Now,
    reply: Sender<StoreOutcome>,
}

/// The way to storage, one for each worker.
#[derive(Clone)]
pub(crate) struct StoreLink {
    storage: Storage,
    jobs: Sender<Job>,
}

/// The thread. It ends when all links are gone, after it has written what was counted.
pub(crate) struct StoreThread {
    thread: JoinHandle<()>,
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
        let _ = self.jobs.try_send(Job { effect, now, reply });
        Asked { outcome: Box::pin(outcome), storage: self.storage.clone() }
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
    /// Opens storage on a new thread.
    ///
    /// # Errors
    /// What opening said.
    pub(crate) fn start(config: StorageConfig) -> Result<(Self, StoreLink), StartError> {
        let (opened, wait) = std::sync::mpsc::sync_channel(1);
        let (jobs, queue) = channel::unbounded();
        let (end, ended) = channel::bounded::<Infallible>(1);
        let thread = std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
            let _dropped_at_the_end = end;
            let executor = LocalExecutor::new();
            // Not the reactor's own: sockets are the workers' business, and this thread must not hold it for them.
            future::block_on(executor.run(serve(&executor, config, &opened, queue)));
        });
        let thread = thread.map_err(StartError::Thread)?;
        let storage = wait.recv().map_err(|_| StartError::Thread(io::Error::other("the storage thread died")))??;
        Ok((Self { thread, ended }, StoreLink { storage, jobs }))
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

async fn serve(
    executor: &LocalExecutor<'_>,
    config: StorageConfig,
    opened: &std::sync::mpsc::SyncSender<Result<Storage, StartError>>,
    queue: Receiver<Job>,
) {
    let storage = match Storage::open(config).await {
        Ok(storage) => storage,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    if opened.send(Ok(storage.clone())).is_err() {
        return;
    }
    // Apart from the queue: a flush may wait for the database's write lock, and look-ups must not wait behind it.
    let (stop, stopped) = channel::bounded(1);
    let flusher = executor.spawn(flush_regularly(storage.clone(), stopped));
    while let Ok(job) = queue.recv().await {
        executor.spawn(perform(storage.clone(), job)).detach();
    }
    drop(stop);
    flusher.await;
    storage.close().await;
}

async fn perform(storage: Storage, job: Job) {
    let Job { effect, now, reply } = job;
    let may_give_up = effect.may_be_given_up();
    let given_up = async {
        if may_give_up {
            reply.closed().await;
        } else {
            std::future::pending::<()>().await;
        }
        None
    };
    let done = async { Some(storage.perform(effect, now).await) };
    if let Some(outcome) = done.or(given_up).await {
        // Nobody waits any more if the client went away meanwhile.
        if let Err(error) = reply.try_send(outcome) {
            storage.unheard(&error.into_inner(), now);
        }
    }
}

/// Writes the counted uses again and again, until `stopped` is closed; never breaks a flush off.
async fn flush_regularly(storage: Storage, stopped: Receiver<()>) {
    let stop = async {
        let _ = stopped.recv().await;
        true
    };
    let mut stop = std::pin::pin!(stop);
    loop {
        let tick = async {
            Timer::after(FLUSH_EVERY).await;
            false
        };
        if stop.as_mut().or(tick).await {
            return;
        }
        storage.flush(clock::now().mono).await;
    }
}
