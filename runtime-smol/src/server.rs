//! The whole program on smol: storage opens, workers listen, a signal comes, and everything ends in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use async_signal::{Signal, Signals};
use futures_lite::{FutureExt as _, StreamExt as _, future};
use llm_proxy_core::auth::TokenKeySlot;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{Listening, Reloader, RunError, Seats, ServerConfig, StopCause, Stopped, listen};
use llm_proxy_storage::StorageConfig;
use smol::lock::Semaphore;

use crate::phase::{Teller, phases};
use crate::places::Places;
use crate::store_thread::StoreThread;
use crate::upstream::Connector;
use crate::worker::{Shared, Worker};

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
    let mut signals = Heard {
        signals: Signals::new([Signal::Int, Signal::Term, Signal::Hup])?,
        reloader: Reloader::start(config.reload.clone())?,
    };
    let (store_thread, store) = StoreThread::start(storage)?;
    if let Some(cause) = future::block_on(stopped_before_serving(&store_thread, &mut signals))? {
        return cause.conclude(Stopped::Drained);
    }
    let rules = Arc::new(rules(store.storage().token_key().clone()));
    let (addr, listeners) = listen(config)?;
    let (teller, phases) = phases();
    let connector = Connector::new(config.root_certificates.as_deref())?;
    let permits = Arc::new(Semaphore::new(config.max_connections.max(1)));
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
    tracing::info!(%addr, ready, workers = config.workers, runtime = "smol", "listening");
    listening(Listening { addr });
    let (cause, stopped) = future::block_on(async {
        let cause = a_cause(&workers, &store_thread, &mut signals).await;
        cause.log(config.shutdown_timeout);
        let stopped = if cause.drains() {
            drain(workers, &teller, &mut signals, config.shutdown_timeout).await
        } else {
            drop(workers);
            teller.cut();
            Stopped::Cut
        };
        let written = async {
            store_thread.ended().await;
            stopped
        };
        let again = async {
            let name = next_signal(&mut signals).await;
            tracing::warn!(
                signal = name,
                "another signal: not waiting for the store; the last counts of uses may be lost"
            );
            Stopped::Cut
        };
        (cause, written.or(again).await)
    });
    if stopped == Stopped::Drained {
        store_thread.join();
    }
    tracing::info!(?stopped, "stopped");
    cause.conclude(stopped)
}

/// Waits until it was tried to open the store, or there is a reason not to serve at all: nothing is lost then, and what
/// opening had begun is undone.
async fn stopped_before_serving(store: &StoreThread, signals: &mut Heard) -> Result<Option<StopCause>, RunError> {
    let tried = async { Ok(store.tried().await.map(|()| None)?) };
    let signal = async {
        let name = next_signal(signals).await;
        tracing::info!(signal = name, "stopping: the database was not open yet");
        Ok(Some(StopCause::Signal(name)))
    };
    tried.or(signal).await
}

/// Waits for a reason to stop.
async fn a_cause(workers: &[Worker], store: &StoreThread, signals: &mut Heard) -> StopCause {
    let signal = async { StopCause::Signal(next_signal(signals).await) };
    let failed = async { StopCause::Storage(store.failed().await) };
    let died = async {
        a_death(workers).await;
        StopCause::WorkerDied
    };
    signal.or(failed).or(died).await
}

/// Lets the exchanges finish, then ends the workers.
async fn drain(workers: Vec<Worker>, teller: &Teller, signals: &mut Heard, limit: Duration) -> Stopped {
    teller.drain();
    let drained = async {
        for worker in &workers {
            worker.drained().await;
        }
        Stopped::Drained
    };
    let again = async {
        let name = next_signal(signals).await;
        tracing::warn!(signal = name, "second signal: cutting what still runs");
        Stopped::Cut
    };
    let late = async {
        Timer::after(limit).await;
        tracing::warn!("exchanges took longer than SHUTDOWN_TIMEOUT: cutting them");
        Stopped::Cut
    };
    let stopped = drained.or(again).or(late).await;
    teller.cut();
    workers.into_iter().for_each(Worker::join);
    stopped
}

/// Waits until one of the workers has ended by itself, which is never meant to happen.
async fn a_death(workers: &[Worker]) {
    while !workers.iter().any(Worker::has_died) {
        Timer::after(LOOK_FOR_DEATHS).await;
    }
}

/// Signals, and who is told of the one that asks for a reload.
struct Heard {
    signals: Signals,
    reloader: Reloader,
}

/// The next signal to stop. A hangup is none: files are read anew then, elsewhere.
async fn next_signal(signals: &mut Heard) -> &'static str {
    loop {
        match signals.signals.next().await {
            Some(Ok(Signal::Int)) => return "SIGINT",
            Some(Ok(Signal::Hup)) => signals.reloader.ask(),
            Some(Ok(_)) => return "SIGTERM",
            Some(Err(error)) => tracing::error!(%error, "cannot receive a signal"),
            None => std::future::pending().await,
        }
    }
}
