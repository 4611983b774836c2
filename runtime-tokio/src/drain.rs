//! Tells all connections of a worker, once, that the program is stopping. Costs a connection one registration, and a
//! request one relaxed load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use slab::Slab;
use tokio::sync::Notify;

/// The worker's side and the connections' side.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    started: AtomicBool,
    connections: AtomicUsize,
    last_left: Notify,
    wakers: Mutex<Slab<Waker>>,
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
            self.last_left.notify_one();
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn all_left(&self) {
        while self.connections.load(Ordering::Relaxed) > 0 {
            self.last_left.notified().await;
        }
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
        self.wakers().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Slab<Waker>> {
        // A panic elsewhere leaves the slab whole: each use is one call.
        self.wakers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
