//! One worker: a thread with an executor of its own, a listener, its connections and its pool of upstream connections.

use std::convert::Infallible;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_io::{Async, Timer};
use futures_lite::FutureExt as _;
use llm_proxy_core::connection::Session;
use llm_proxy_core::rules::Rules;
use llm_proxy_runtime_common::{BACKLOG, ClientTls, Shortage, clock};
use smol::LocalExecutor;
use smol::channel::{self, Receiver, Sender};
use smol::lock::SemaphoreGuardArc;

use crate::call::Carrier;
use crate::client::ClientStream;
use crate::connection::Connection;
use crate::drain::Drain;
use crate::phase::Phases;
use crate::places::Places;
use crate::store_thread::StoreLink;
use crate::upstream::{Connector, UpstreamStream, Upstreams};

/// How long to wait after the system refused an accept before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections are still accepted once the stop has begun.
const LAST_ACCEPTS: Duration = Duration::from_millis(250);
/// How often idle upstream connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What all connections of one worker share. Its locks are never contended: only this worker's thread takes them.
pub(crate) struct Shared {
    pub(crate) rules: Arc<Rules>,
    pub(crate) store: StoreLink,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) client: Arc<surf::Client>,
    pub(crate) drain: Drain,
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
        let upstreams = Arc::new(Upstreams::new(connector, places.seats.clone()));
        let client = Arc::new(surf::Client::with_http_client(Carrier(upstreams.clone())));
        Arc::new(Self { rules, store, upstreams, client, drain: Drain::default(), places, tls })
    }
}

/// A running worker.
pub(crate) struct Worker {
    thread: JoinHandle<()>,
    drained: Receiver<Infallible>,
}

impl Worker {
    /// Starts one on a listener.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(index: usize, listener: TcpListener, shared: Arc<Shared>, phases: Phases) -> io::Result<Self> {
        let (done, drained) = channel::bounded(1);
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            let executor = Rc::new(LocalExecutor::new());
            let serving = serve(executor.clone(), listener, shared, phases, done);
            if let Err(error) = async_io::block_on(executor.run(serving)) {
                tracing::error!(%error, "a worker cannot serve");
            }
        })?;
        Ok(Self { thread, drained })
    }

    /// Whether its thread ended before it was told to.
    pub(crate) fn has_died(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until its last connection is over, or its thread is gone.
    pub(crate) async fn drained(&self) {
        let _ = self.drained.recv().await;
    }

    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker died");
        }
    }
}

async fn serve(
    executor: Rc<LocalExecutor<'static>>,
    listener: TcpListener,
    shared: Arc<Shared>,
    phases: Phases,
    done: Sender<Infallible>,
) -> io::Result<()> {
    let listener = Rc::new(Async::new(listener)?);
    let sweeper = executor.spawn(sweep(shared.clone()));
    // A task, since this future is polled whenever the thread wakes, and each poll would try the listener.
    let accepting = executor.spawn(accept(executor.clone(), listener.clone(), shared.clone()));
    phases.draining().await;
    accepting.cancel().await;
    // Connections are told first, so that a probe on a new one hears that the program is stopping.
    shared.drain.start();
    accept_the_last(&executor, &listener, &shared).or(phases.cut()).await;
    drop(listener);
    shared.drain.all_left().or(phases.cut()).await;
    drop(sweeper);
    drop(done);
    phases.cut().await;
    Ok(())
}

async fn accept(executor: Rc<LocalExecutor<'static>>, listener: Rc<Async<TcpListener>>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                // After the accept, so that an idle listener keeps no place from the others.
                let permit = shared.places.one_for(&client).await;
                spawn(&executor, Ok(client), &shared, Some(permit));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if Shortage::of(&error).is_some() => shared.upstreams.free_open_files().await,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Goes on accepting for a moment after the stop began, for load balancers to hear of it, then takes what the kernel
/// holds already: those clients could not know.
async fn accept_the_last(executor: &LocalExecutor<'static>, listener: &Async<TcpListener>, shared: &Arc<Shared>) {
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok((client, _)) => spawn(executor, Ok(client), shared, None),
                Err(_) => drop(Timer::after(ACCEPT_PAUSE).await),
            }
        }
    };
    let grace = async {
        Timer::after(LAST_ACCEPTS).await;
    };
    accepting.or(grace).await;
    for _ in 0..BACKLOG {
        let Ok((client, _)) = listener.get_ref().accept() else { break };
        spawn(executor, Async::new(client), shared, None);
    }
}

fn spawn(
    executor: &LocalExecutor<'static>,
    client: io::Result<Async<TcpStream>>,
    shared: &Arc<Shared>,
    permit: Option<SemaphoreGuardArc>,
) {
    // All fail only for a socket that is gone already.
    let Ok(client) = client else { return };
    let (Ok(()), Ok(peer)) = (client.get_ref().set_nodelay(true), client.get_ref().peer_addr()) else { return };
    let mut seed = [0; 16];
    if let Err(error) = getrandom::fill(&mut seed) {
        tracing::error!(%error, "the system gives no random bytes");
        return;
    }
    let seed = u128::from_le_bytes(seed);
    let session = Session::new(shared.rules.clone(), peer.ip().to_canonical(), seed, clock::now());
    let mut connection =
        Connection::new(session.relayed(), ClientStream::new(client, shared.tls.as_ref()), shared.clone());
    if shared.drain.has_started() {
        connection.begin_draining();
    }
    let task = async move {
        // The executor would end the whole worker with it.
        if AssertUnwindSafe(connection).catch_unwind().await.is_err() {
            tracing::error!("a connection's task died");
        }
        drop(permit);
    };
    executor.spawn(task).detach();
}

/// Closes idle upstream connections that the upstream closed, or that have outlived their time.
async fn sweep(shared: Arc<Shared>) {
    loop {
        Timer::after(SWEEP_EVERY).await;
        let mut pool = shared.upstreams.pool();
        while let Some(expired) = pool.take_expired(clock::now().mono) {
            drop(expired);
        }
        pool.retain(UpstreamStream::is_quiet);
    }
}
