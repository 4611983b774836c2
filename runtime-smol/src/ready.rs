//! Remembers whether a socket may have something to read, so that it is not tried each time that its task runs. A task
//! has one waker, and cannot tell which of its sockets woke it; here each socket wakes by one of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use crate::pipe::lock;

/// One socket's readiness.
pub(crate) struct Readiness {
    flag: Arc<Flag>,
    waker: Waker,
}

struct Flag {
    raised: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raised.store(true, Ordering::Release);
        lock(&self.task).wake_by_ref();
    }
}

impl Default for Readiness {
    /// Of a socket that was not read yet.
    fn default() -> Self {
        let flag = Arc::new(Flag { raised: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) });
        Self { waker: Waker::from(flag.clone()), flag }
    }
}

impl Readiness {
    /// Names the task that is to be woken.
    pub(crate) fn belongs_to(&self, task: &Waker) {
        lock(&self.flag.task).clone_from(task);
    }

    /// Whether a read may give something. It is the caller's to read then, or to [`Readiness::note`] that it did not.
    pub(crate) fn take(&self) -> bool {
        self.flag.raised.swap(false, Ordering::AcqRel)
    }

    /// There may be more than was read.
    pub(crate) fn note(&self) {
        self.flag.raised.store(true, Ordering::Release);
    }

    /// In which the socket is to be polled.
    pub(crate) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_seen_once() {
        let readiness = Readiness::default();
        assert!(readiness.take(), "an unread socket is tried");
        assert!(!readiness.take());
        readiness.context().waker().wake_by_ref();
        assert!(readiness.take());
        assert!(!readiness.take());
    }

    #[test]
    fn a_wake_reaches_the_task() {
        let (readiness, task) = (Readiness::default(), Readiness::default());
        task.take();
        readiness.belongs_to(task.context().waker());
        readiness.context().waker().wake_by_ref();
        assert!(task.take());
    }
}
