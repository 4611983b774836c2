//! Whose turn it is: most tests run side by side, the ones that measure run alone.

use std::sync::{Condvar, Mutex, PoisonError};

/// Proxies that run now: how many share, and whether one is alone.
struct Running {
    shared: usize,
    alone: bool,
}

static RUNNING: Mutex<Running> = Mutex::new(Running { shared: 0, alone: false });
static CHANGED: Condvar = Condvar::new();

/// Held as long as a proxy runs.
#[derive(Debug)]
pub(crate) struct Turn {
    alone: bool,
}

impl Turn {
    /// Waits until the proxy may start. A test that is alone may hold one turn only; one that shares may hold many.
    pub(crate) fn take(alone: bool) -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = CHANGED
            .wait_while(running, |now| now.alone || (alone && now.shared > 0))
            .unwrap_or_else(PoisonError::into_inner);
        if alone {
            running.alone = true;
        } else {
            running.shared += 1;
        }
        Self { alone }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if self.alone {
            running.alone = false;
        } else {
            running.shared -= 1;
        }
        CHANGED.notify_all();
    }
}
