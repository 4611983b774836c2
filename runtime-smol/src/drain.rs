//! Tells all connections of a worker, once, that the program is stopping. Costs a connection one registration, and a
//! request one relaxed load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use slab::Slab;
use smol::channel::{self, Receiver, Sender};

/// The worker's side and the connections' side.
#[derive(Debug)]
pub(crate) struct Drain {
    started: AtomicBool,
    connections: AtomicUsize,
    last_left: (Sender<()>, Receiver<()>),
    wakers: Mutex<Slab<Waker>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            started: AtomicBool::default(),
            connections: AtomicUsize::default(),
            last_left: channel::bounded(1),
            wakers: Mutex::default(),
        }
    }
}

impl Drain {
    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// Counts a connection in; each is counted out once, by [`Drain::leave`].
    pub(crate) fn enter(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Registers a connection's task to be woken at the start; the key is for [`Drain::leave`].
    pub(crate) fn listen(&self, waker: Waker) -> usize {
        self.wakers().insert(waker)
    }

    pub(crate) fn leave(&self, key: Option<usize>) {
        if let Some(key) = key {
            self.wakers().try_remove(key);
        }
        if self.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            // A note that is there already says the same.
            let _ = self.last_left.0.try_send(());
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn all_left(&self) {
        while self.connections.load(Ordering::Relaxed) > 0 {
            let _ = self.last_left.1.recv().await;
        }
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
        self.wakers().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    fn wakers(&self) -> MutexGuard<'_, Slab<Waker>> {
        // A panic elsewhere leaves the slab whole: each use is one call.
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
