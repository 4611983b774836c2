//! One worker: a thread with a current-thread runtime, a listener, its connections and its pool of upstream
//! connections.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use llm_proxy_core::connection::{Pool, Session};
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{BACKLOG, ClientTls, Shortage, clock};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::client::ClientStream;
use crate::connection::Connection;
use crate::drain::Drain;
use crate::places::Places;
use crate::store_thread::StoreLink;
use crate::upstream::{Connector, UpstreamStream};

/// How long to wait after the system refused an accept before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections are still accepted once the stop has begun.
const LAST_ACCEPTS: Duration = Duration::from_millis(250);
/// How often idle upstream connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What all connections of one worker share. Its locks are never contended: only this worker's thread takes them.
/// Beyond it workers share the grant cache, the counts of uses and of running requests, and the permits.
pub(crate) struct Shared {
    pub(crate) rules: Arc<Rules>,
    pub(crate) store: StoreLink,
    pub(crate) connector: Connector,
    pub(crate) drain: Drain,
    pool: Mutex<Pool<UpstreamStream>>,
    pub(crate) places: Places,
    tls: Option<ClientTls>,
}

impl Shared {
    /// `tls` is for clients; `None` is plain HTTP.
    pub(crate) fn new(
        rules: Arc<Rules>,
        store: StoreLink,
        connector: Connector,
        places: Places,
        tls: Option<ClientTls>,
    ) -> Arc<Self> {
        Arc::new(Self { rules, store, connector, drain: Drain::default(), pool: Mutex::default(), places, tls })
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool<UpstreamStream>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what is idle, since there is no open file left, and waits for it a moment.
    pub(crate) async fn free_open_files(&self) {
        drop(self.pool().take_oldest());
        let room = self.places.seats.make_room(Shortage::OpenFiles, clock::now().mono);
        tokio::time::sleep(room.wait()).await;
    }
}

/// A running worker.
pub(crate) struct Worker {
    thread: JoinHandle<()>,
    drained: oneshot::Receiver<()>,
}

/// What all workers are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Serve.
    Serving,
    /// Accept no more, finish what runs.
    Draining,
    /// End now.
    Cut,
}

impl Worker {
    /// Starts one on a listener.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(
        index: usize,
        listener: StdListener,
        shared: Arc<Shared>,
        phase: watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (done, drained) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, shared, phase, done)) {
                tracing::error!(%error, "a worker cannot serve");
            }
            // A name that is being resolved must not keep the program from ending.
            runtime.shutdown_background();
        })?;
        Ok(Self { thread, drained })
    }

    /// Whether its thread ended before it was told to.
    pub(crate) fn has_died(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until its last connection is over.
    pub(crate) async fn drained(&mut self) {
        // An error means that the thread is gone, and so are its connections.
        let _ = (&mut self.drained).await;
    }

    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker died");
        }
    }
}

async fn serve(
    listener: StdListener,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
    done: oneshot::Sender<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let sweeper = tokio::spawn(sweep(shared.clone()));
    tokio::select! {
        () = accept(&listener, &shared) => {}
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
    }
    // Connections are told first, so that a probe on a new one hears that the program is stopping.
    shared.drain.start();
    tokio::select! {
        accepted = accept_the_last(listener, &shared) => accepted?,
        _ = phase.wait_for(|phase| *phase == Phase::Cut) => {}
    }
    tokio::select! {
        () = shared.drain.all_left() => {}
        _ = phase.wait_for(|phase| *phase == Phase::Cut) => {}
    }
    sweeper.abort();
    let _ = done.send(());
    let _ = phase.wait_for(|phase| *phase == Phase::Cut).await;
    Ok(())
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                // After the accept, so that an idle listener keeps no place from the others.
                let permit = shared.places.one_for(&client).await;
                spawn(client, shared, Some(permit));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if Shortage::of(&error).is_some() => shared.free_open_files().await,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Goes on accepting for a moment after the stop began, for load balancers to hear of it, then takes what the kernel
/// holds already: those clients could not know. Closes the listener.
async fn accept_the_last(listener: TcpListener, shared: &Arc<Shared>) -> io::Result<()> {
    let mut grace = std::pin::pin!(tokio::time::sleep(LAST_ACCEPTS));
    loop {
        tokio::select! {
            () = &mut grace => break,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => spawn(client, shared, None),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    let listener = listener.into_std()?;
    for _ in 0..BACKLOG {
        let Ok((client, _)) = listener.accept() else { break };
        client.set_nonblocking(true)?;
        spawn(TcpStream::from_std(client)?, shared, None);
    }
    Ok(())
}

fn spawn(client: TcpStream, shared: &Arc<Shared>, permit: Option<OwnedSemaphorePermit>) {
    // Both fail only for a socket that is gone already.
    let (Ok(()), Ok(peer)) = (client.set_nodelay(true), client.peer_addr()) else { return };
    let mut seed = [0; 16];
    if let Err(error) = getrandom::fill(&mut seed) {
        tracing::error!(%error, "the system gives no random bytes");
        return;
    }
    let seed = u128::from_le_bytes(seed);
    let session = Session::new(shared.rules.clone(), peer.ip().to_canonical(), seed, clock::now());
    let mut connection = Connection::new(session, ClientStream::new(client, shared.tls.as_ref()), shared.clone());
    if shared.drain.has_started() {
        connection.begin_draining();
    }
    tokio::spawn(async move {
        connection.await;
        drop(permit);
    });
}

/// Closes idle upstream connections that the upstream closed, or that have outlived their time.
async fn sweep(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    loop {
        tick.tick().await;
        let mut pool = shared.pool();
        while let Some(expired) = pool.take_expired(clock::now().mono) {
            drop(expired);
        }
        pool.retain(UpstreamStream::is_quiet);
    }
}
