//! When a connection's task is to be woken for a deadline. It is set earlier at once, later only when it goes off: a
//! request costs no timer.

use std::pin::Pin;
use std::task::Context;

use async_io::Timer;
use futures_lite::Future as _;
use llm_proxy_core::time::Instant;
use llm_proxy_runtime_common::clock;

/// The alarm of one connection.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Timer,
    set_for: Option<Instant>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { timer: Timer::never(), set_for: None }
    }
}

impl Alarm {
    /// Wakes the task at `due` or before; at once if that has come already.
    pub(crate) fn wake_by(&mut self, due: Instant, cx: &mut Context<'_>) {
        if self.set_for.is_none_or(|at| due < at) {
            self.set(due);
        }
        while Pin::new(&mut self.timer).poll(cx).is_ready() {
            if self.set_for.take() >= Some(due) {
                // Set again, it would go off at once, without end.
                return cx.waker().wake_by_ref();
            }
            self.set(due);
        }
    }

    fn set(&mut self, due: Instant) {
        self.set_for = Some(due);
        self.timer.set_at(clock::to_std(due));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_deadline_that_came_meanwhile_wakes_at_once_and_the_next_one_is_waited_for() {
        let (wakes, mut alarm) = (Arc::new(Wakes::default()), Alarm::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let now = clock::now().mono;
        for round in 1..=3 {
            alarm.wake_by(now, &mut cx);
            assert_eq!(wakes.0.load(Ordering::SeqCst), round);
        }
        alarm.wake_by(now + Duration::from_secs(3600), &mut cx);
        assert_eq!(alarm.set_for, Some(now + Duration::from_secs(3600)));
        assert_eq!(wakes.0.load(Ordering::SeqCst), 3);
    }
}
