//! A gate that a test opens once, for any number of waiting threads: how scripts wait without sleeping.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// A gate. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Signal {
    /// Opens the gate for good.
    pub(crate) fn set(&self) {
        *self.inner.0.lock().unwrap() = true;
        self.inner.1.notify_all();
    }

    /// Waits until the gate is open.
    pub(crate) fn wait(&self) {
        let open = self.inner.0.lock().unwrap();
        let (open, _) = self.inner.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap();
        assert!(*open, "the signal was never given");
    }
}
