//! Which idle upstream connection to reuse, and which to close. It holds handles of any kind and never touches a
//! socket: whoever takes a handle must look whether the upstream closed it meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::settings::{BaseUrl, ConnectionLimits};
use crate::time::Instant;

struct Idle<T> {
    handle: T,
    until: Instant,
}

/// Idle connections by origin, the youngest reused first (it is the least likely to be closed by the upstream).
pub struct Pool<T> {
    by_origin: BTreeMap<Arc<BaseUrl>, VecDeque<Idle<T>>>,
    len: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { by_origin: BTreeMap::new(), len: 0 }
    }
}

impl<T> Pool<T> {
    /// How many connections are idle.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the youngest idle connection to `origin` that has not outlived its time.
    #[must_use]
    pub fn take(&mut self, origin: &Arc<BaseUrl>, now: Instant) -> Option<T> {
        let idle = self.by_origin.get_mut(origin)?;
        let youngest = idle.pop_back()?;
        self.len -= 1;
        (youngest.until > now).then_some(youngest.handle)
    }

    /// Keeps a connection until `until`. Gives back those that must be closed for it: by the limits the oldest one, or
    /// the new one itself where none may be kept.
    #[must_use]
    pub fn put(&mut self, origin: &Arc<BaseUrl>, handle: T, until: Instant, limits: ConnectionLimits) -> Option<T> {
        if limits.max_idle == 0 || limits.max_idle_per_host == 0 {
            return Some(handle);
        }
        let evicted = if self.by_origin.get(origin).is_some_and(|idle| idle.len() >= limits.max_idle_per_host) {
            self.pop_oldest_of(&origin.clone())
        } else if self.len >= limits.max_idle {
            self.oldest_origin().and_then(|oldest| self.pop_oldest_of(&oldest))
        } else {
            None
        };
        if let Some(idle) = self.by_origin.get_mut(origin) {
            idle.push_back(Idle { handle, until });
        } else {
            self.by_origin.insert(origin.clone(), VecDeque::from([Idle { handle, until }]));
        }
        self.len += 1;
        evicted
    }

    /// When the next connection outlives its time.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.by_origin.values().filter_map(|idle| idle.front()).map(|oldest| oldest.until).min()
    }

    /// Takes one connection that has outlived its time; call until `None`.
    #[must_use]
    pub fn take_expired(&mut self, now: Instant) -> Option<T> {
        let origin = self
            .by_origin
            .iter()
            .find(|(_, idle)| idle.front().is_some_and(|oldest| oldest.until <= now))
            .map(|(origin, _)| origin.clone())?;
        self.pop_oldest_of(&origin)
    }

    /// Keeps only the idle connections that `is_alive` says are still of use.
    pub fn retain(&mut self, mut is_alive: impl FnMut(&T) -> bool) {
        for idle in self.by_origin.values_mut() {
            let before = idle.len();
            idle.retain(|entry| is_alive(&entry.handle));
            self.len -= before - idle.len();
        }
        self.by_origin.retain(|_, idle| !idle.is_empty());
    }

    fn oldest_origin(&self) -> Option<Arc<BaseUrl>> {
        let oldest = self.by_origin.iter().filter_map(|(origin, idle)| Some((idle.front()?.until, origin)));
        oldest.min_by_key(|(until, _)| *until).map(|(_, origin)| origin.clone())
    }

    fn pop_oldest_of(&mut self, origin: &Arc<BaseUrl>) -> Option<T> {
        let idle = self.by_origin.get_mut(origin)?;
        let oldest = idle.pop_front()?;
        if idle.is_empty() {
            self.by_origin.remove(origin);
        }
        self.len -= 1;
        Some(oldest.handle)
    }
}

impl<T> std::fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} idle to {} origins)", self.len, self.by_origin.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::Scheme;

    const LIMITS: ConnectionLimits = ConnectionLimits { max_idle: 3, max_idle_per_host: 2 };

    fn origin(host: &str) -> Arc<BaseUrl> {
        Arc::new(BaseUrl {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: 80,
            authority: host.to_owned(),
            path_prefix: String::new(),
        })
    }

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn the_youngest_is_reused_first_and_only_to_its_origin() {
        let (mut pool, a, b) = (Pool::default(), origin("a"), origin("b"));
        assert_eq!(pool.put(&a, 1, at(10), LIMITS), None);
        assert_eq!(pool.put(&a, 2, at(11), LIMITS), None);
        assert_eq!(pool.take(&b, at(0)), None);
        assert_eq!(pool.take(&a, at(0)), Some(2));
        assert_eq!(pool.take(&a, at(0)), Some(1));
        assert!(pool.is_empty());
    }

    #[test]
    fn both_limits_evict_the_oldest() {
        let (mut pool, a, b, c) = (Pool::default(), origin("a"), origin("b"), origin("c"));
        let _ = pool.put(&a, 1, at(10), LIMITS);
        let _ = pool.put(&a, 2, at(11), LIMITS);
        assert_eq!(pool.put(&a, 3, at(12), LIMITS), Some(1), "per host");
        let _ = pool.put(&b, 4, at(9), LIMITS);
        assert_eq!(pool.put(&c, 5, at(13), LIMITS), Some(4), "in all");
        assert_eq!(pool.len(), 3);
    }

    #[test]
    fn none_is_kept_where_none_may_be() {
        let none = ConnectionLimits { max_idle: 0, max_idle_per_host: 5 };
        assert_eq!(Pool::default().put(&origin("a"), 7, at(1), none), Some(7));
    }

    #[test]
    fn the_dead_are_thrown_away_and_no_longer_counted() {
        let (mut pool, a, b) = (Pool::default(), origin("a"), origin("b"));
        let _ = pool.put(&a, 1, at(10), LIMITS);
        let _ = pool.put(&a, 2, at(11), LIMITS);
        let _ = pool.put(&b, 3, at(12), LIMITS);
        pool.retain(|handle| *handle == 1);
        assert_eq!(
            (pool.len(), pool.take(&b, at(0)), pool.take(&a, at(0)), pool.take(&a, at(0))),
            (1, None, Some(1), None)
        );
        assert_eq!((pool.is_empty(), pool.poll_timeout()), (true, None));
    }

    #[test]
    fn what_has_outlived_its_time_is_never_reused() {
        let (mut pool, a) = (Pool::default(), origin("a"));
        let _ = pool.put(&a, 1, at(10), LIMITS);
        let _ = pool.put(&a, 2, at(20), LIMITS);
        assert_eq!(pool.poll_timeout(), Some(at(10)));
        assert_eq!(pool.take_expired(at(10)), Some(1));
        assert_eq!(pool.take_expired(at(10)), None);
        assert_eq!(pool.take(&a, at(20)), None);
    }
}
