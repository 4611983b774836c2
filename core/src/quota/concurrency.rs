//! How many proxied requests run at once (MAX_CONCURRENT_REQUESTS), over all connections of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The limit and how much of it is used. Clones share the count.
#[derive(Clone, Debug)]
pub struct Concurrency(Option<Arc<Used>>);

#[derive(Debug)]
struct Used {
    limit: u64,
    running: AtomicU64,
}

/// One request's place; dropping it gives it back.
#[derive(Debug)]
pub struct Running(Option<Arc<Used>>);

impl Concurrency {
    /// At most `limit` at once; 0 is no limit, and costs nothing.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self((limit > 0).then(|| Arc::new(Used { limit, running: AtomicU64::new(0) })))
    }

    /// A place, if one is left.
    #[must_use]
    pub fn enter(&self) -> Option<Running> {
        let Some(used) = &self.0 else { return Some(Running(None)) };
        let one_more = |running| (running < used.limit).then_some(running + 1);
        let entered = used.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.is_ok().then(|| Running(Some(Arc::clone(used))))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(used) = &self.0 {
            used.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_request_is_over() {
        let limit = Concurrency::new(2);
        let (first, _second) = (limit.enter(), limit.enter());
        assert!(first.is_some() && limit.enter().is_none());
        drop(first);
        assert!(limit.enter().is_some());
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = Concurrency::new(0);
        let running: Vec<_> = (0..100).map(|_| limit.enter()).collect();
        assert!(running.iter().all(Option::is_some));
    }
}
