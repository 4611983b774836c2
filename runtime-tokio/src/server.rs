//! The whole program on tokio: storage opens, workers listen, a signal comes, and everything ends in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use llm_proxy_core::auth::TokenKeySlot;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{Listening, Reloader, RunError, Seats, ServerConfig, StopCause, Stopped, listen};
use llm_proxy_storage::StorageConfig;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::places::Places;
use crate::store_thread::StoreThread;
use crate::upstream::Connector;
use crate::worker::{Phase, Shared, Worker};

/// How often it is looked whether all workers live.
const LOOK_FOR_DEATHS: Duration = Duration::from_secs(1);

/// Serves until a signal (SIGINT, SIGTERM) comes, then stops in order: accept no more, finish exchanges, flush what was
/// counted, close storage. `rules` gets the place of the key of token digests, which only storage knows; it is filled when
/// the database can be reached. `listening` is called once.
///
/// # Errors
/// [`RunError`]: before anything was accepted, or [`RunError::Storage`] when the database can be reached at last and
/// turns out to be of no use.
pub fn run(
    config: &ServerConfig,
    storage: StorageConfig,
    rules: impl FnOnce(TokenKeySlot) -> Rules,
    listening: impl FnOnce(Listening),
) -> Result<Stopped, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let mut signals = Signals::new(config)?;
    let (mut store_thread, store) = StoreThread::start(storage)?;
    if let Some(cause) = runtime.block_on(stopped_before_serving(&mut store_thread, &mut signals))? {
        return cause.conclude(Stopped::Drained);
    }
    let rules = Arc::new(rules(store.storage().token_key().clone()));
    let (addr, listeners) = listen(config)?;
    let (phase, phases) = watch::channel(Phase::Serving);
    let connector = Connector::new(config.root_certificates.as_deref())?;
    let permits = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let count = listeners.len();
    let workers: io::Result<Vec<Worker>> = listeners
        .into_iter()
        .zip(Seats::of_workers(count))
        .enumerate()
        .map(|(index, (listener, seats))| {
            let places = Places { permits: permits.clone(), seats };
            let tls = config.client_tls.clone();
            let shared = Shared::new(rules.clone(), store.clone(), connector.clone(), places, tls);
            Worker::start(index, listener, shared, phases.clone())
        })
        .collect();
    let ready = store.storage().token_key().get().is_some();
    drop(store);
    let workers = workers?;
    tracing::info!(%addr, ready, workers = config.workers, runtime = "tokio", "listening");
    listening(Listening { addr });
    let (cause, stopped) = runtime.block_on(async {
        let cause = a_cause(&workers, &mut store_thread, &mut signals).await;
        cause.log(config.shutdown_timeout);
        let stopped = if cause.drains() {
            drain(workers, &phase, &mut signals, config.shutdown_timeout).await
        } else {
            drop(workers);
            phase.send_replace(Phase::Cut);
            Stopped::Cut
        };
        let stopped = tokio::select! {
            () = store_thread.ended() => stopped,
            name = signals.next() => {
                tracing::warn!(signal = name, "another signal: not waiting for the store; the last counts of uses may be lost");
                Stopped::Cut
            }
        };
        (cause, stopped)
    });
    if stopped == Stopped::Drained {
        store_thread.join();
    }
    tracing::info!(?stopped, "stopped");
    cause.conclude(stopped)
}

/// Waits until it was tried to open the store, or there is a reason not to serve at all: nothing is lost then, and what
/// opening had begun is undone.
async fn stopped_before_serving(store: &mut StoreThread, signals: &mut Signals) -> Result<Option<StopCause>, RunError> {
    tokio::select! {
        tried = store.tried() => Ok(tried.map(|()| None)?),
        name = signals.next() => {
            tracing::info!(signal = name, "stopping: the database was not open yet");
            Ok(Some(StopCause::Signal(name)))
        }
    }
}

/// Waits for a reason to stop.
async fn a_cause(workers: &[Worker], store: &mut StoreThread, signals: &mut Signals) -> StopCause {
    tokio::select! {
        name = signals.next() => StopCause::Signal(name),
        error = store.failed() => StopCause::Storage(error),
        () = a_death(workers) => StopCause::WorkerDied,
    }
}

/// Lets the exchanges finish, then ends the workers.
async fn drain(
    mut workers: Vec<Worker>,
    phase: &watch::Sender<Phase>,
    signals: &mut Signals,
    limit: Duration,
) -> Stopped {
    phase.send_replace(Phase::Draining);
    let drained = async {
        for worker in &mut workers {
            worker.drained().await;
        }
    };
    let stopped = tokio::select! {
        () = drained => Stopped::Drained,
        name = signals.next() => {
            tracing::warn!(signal = name, "second signal: cutting what still runs");
            Stopped::Cut
        }
        () = tokio::time::sleep(limit) => {
            tracing::warn!("exchanges took longer than SHUTDOWN_TIMEOUT: cutting them");
            Stopped::Cut
        }
    };
    phase.send_replace(Phase::Cut);
    workers.into_iter().for_each(Worker::join);
    stopped
}

/// Waits until one of the workers has ended by itself, which is never meant to happen.
async fn a_death(workers: &[Worker]) {
    let mut look = tokio::time::interval(LOOK_FOR_DEATHS);
    while !workers.iter().any(Worker::has_died) {
        look.tick().await;
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    reloader: Reloader,
}

impl Signals {
    fn new(config: &ServerConfig) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            reloader: Reloader::start(config.reload.clone())?,
        })
    }

    /// The next signal to stop. A hangup is none: files are read anew then, elsewhere.
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => self.reloader.ask(),
            }
        }
    }
}
