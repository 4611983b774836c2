//! The whole program on tokio: storage opens, workers listen, a signal comes, and everything ends in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{Listening, RunError, ServerConfig, Stopped, listen};
use llm_proxy_storage::StorageConfig;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::store_thread::StoreThread;
use crate::upstream::Connector;
use crate::worker::{Phase, Shared, Worker};

/// How often it is looked whether all workers live.
const LOOK_FOR_DEATHS: Duration = Duration::from_secs(1);

/// Serves until a signal (SIGINT, SIGTERM) comes, then stops in order: accept no more, finish exchanges, flush what was
/// counted, close storage. `rules` gets the key of token digests, which only storage knows. `listening` is called once.
///
/// # Errors
/// [`RunError`], before anything was accepted.
pub fn run(
    config: &ServerConfig,
    storage: StorageConfig,
    rules: impl FnOnce(TokenKey) -> Rules,
    listening: impl FnOnce(Listening),
) -> Result<Stopped, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let mut signals = Signals::new()?;
    let (mut store_thread, store) = StoreThread::start(storage)?;
    let rules = Arc::new(rules(store.storage().token_key().clone()));
    let (addr, listeners) = listen(config)?;
    let (phase, phases) = watch::channel(Phase::Serving);
    let connector = Connector::new(config.root_certificates.as_deref())?;
    let permits = Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let workers: io::Result<Vec<Worker>> = listeners
        .into_iter()
        .enumerate()
        .map(|(index, listener)| {
            let shared = Shared::new(rules.clone(), store.clone(), connector.clone(), permits.clone());
            Worker::start(index, listener, shared, phases.clone())
        })
        .collect();
    drop(store);
    let workers = workers?;
    tracing::info!(%addr, workers = config.workers, runtime = "tokio", "listening");
    listening(Listening { addr });
    let stopped = runtime.block_on(async {
        let stopped = stop_on_signal(workers, &phase, &mut signals, config.shutdown_timeout).await;
        tokio::select! {
            () = store_thread.ended() => stopped,
            name = signals.next() => {
                tracing::warn!(signal = name, "another signal: not waiting for the store; the last counts of uses may be lost");
                Stopped::Cut
            }
        }
    });
    if stopped == Stopped::Drained {
        store_thread.join();
    }
    tracing::info!(?stopped, "stopped");
    Ok(stopped)
}

async fn stop_on_signal(
    mut workers: Vec<Worker>,
    phase: &watch::Sender<Phase>,
    signals: &mut Signals,
    limit: Duration,
) -> Stopped {
    let name = tokio::select! {
        name = signals.next() => name,
        () = a_death(&workers) => {
            tracing::error!("a worker died: stopping, since its share of the connections would hang");
            phase.send_replace(Phase::Cut);
            return Stopped::Cut;
        }
    };
    tracing::info!(signal = name, limit = ?limit, "stopping: no new connections, exchanges may finish");
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
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal to stop. A hangup is none: a closed terminal or a reload must not cut streams.
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP is ignored: this version reads its files only at the start");
                }
            }
        }
    }
}
