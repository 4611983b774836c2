//! Which idle upstream connection to reuse, and which to close. It holds handles of any kind and never touches a
//! socket: whoever takes a handle must look whether the upstream closed it meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::exchange::ConnectRequest;
use crate::settings::{BaseUrl, Provider};
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

    /// Takes the youngest idle connection that serves `request`, has not outlived its time and `is_quiet`: anything to
    /// read on it, bytes or the end, makes it useless. Those that are of no use are dropped on the way.
    #[must_use]
    pub fn take(&mut self, request: &ConnectRequest, now: Instant, is_quiet: impl Fn(&T) -> bool) -> Option<T> {
        if request.fresh {
            return None;
        }
        let idle = self.by_origin.get_mut(&request.provider.base)?;
        while let Some(youngest) = idle.pop_back() {
            self.len -= 1;
            if youngest.until > now && is_quiet(&youngest.handle) {
                return Some(youngest.handle);
            }
        }
        None
    }

    /// Keeps a connection to `provider`, for its time. Gives back the one that must be closed for it: by the limits the
    /// oldest one, or the new one itself where none may be kept.
    #[must_use]
    pub fn put(&mut self, provider: &Provider, handle: T, now: Instant) -> Option<T> {
        let (origin, limits) = (&provider.base, provider.connection);
        let until = now + provider.timeouts.idle_connection;
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

    /// Takes the oldest idle connection, whatever its origin: it is closed for something that is needed more.
    #[must_use]
    pub fn take_oldest(&mut self) -> Option<T> {
        let origin = self.oldest_origin()?;
        self.pop_oldest_of(&origin)
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
    use crate::settings::{ConnectionLimits, ProviderDefaults, parse_providers};

    const LIMITS: ConnectionLimits = ConnectionLimits { max_idle: 3, max_idle_per_host: 2 };

    fn provider(host: &str, connection: ConnectionLimits) -> Arc<Provider> {
        let file = format!("apis: {{x: {{base_url: 'http://{host}', allowed_endpoints: [/]}}}}");
        let providers = parse_providers(&file, &ProviderDefaults::default()).unwrap();
        let mut provider = Provider::clone(&providers.by_name["x"]);
        provider.connection = connection;
        provider.timeouts.idle_connection = Duration::from_secs(10);
        Arc::new(provider)
    }

    fn origin(host: &str) -> Arc<Provider> {
        provider(host, LIMITS)
    }

    fn take(pool: &mut Pool<i32>, provider: &Arc<Provider>, now: Instant) -> Option<i32> {
        let request = ConnectRequest { provider: provider.clone(), fresh: false, counts: None };
        pool.take(&request, now, |_| true)
    }

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn the_youngest_is_reused_first_and_only_to_its_origin() {
        let (mut pool, a, b) = (Pool::default(), origin("a"), origin("b"));
        assert_eq!(pool.put(&a, 1, at(1)), None);
        assert_eq!(pool.put(&a, 2, at(2)), None);
        assert_eq!(take(&mut pool, &b, at(0)), None);
        assert_eq!(take(&mut pool, &a, at(0)), Some(2));
        assert_eq!(take(&mut pool, &a, at(0)), Some(1));
        assert!(pool.is_empty());
    }

    #[test]
    fn both_limits_evict_the_oldest() {
        let (mut pool, a, b, c) = (Pool::default(), origin("a"), origin("b"), origin("c"));
        let _ = pool.put(&a, 1, at(1));
        let _ = pool.put(&a, 2, at(2));
        assert_eq!(pool.put(&a, 3, at(3)), Some(1), "per host");
        let _ = pool.put(&b, 4, at(0));
        assert_eq!(pool.put(&c, 5, at(4)), Some(4), "in all");
        assert_eq!(pool.len(), 3);
    }

    #[test]
    fn the_oldest_of_all_origins_is_the_one_to_do_without() {
        let (mut pool, a, b) = (Pool::default(), origin("a"), origin("b"));
        let _ = pool.put(&a, 1, at(2));
        let _ = pool.put(&b, 2, at(1));
        assert_eq!([pool.take_oldest(), pool.take_oldest(), pool.take_oldest()], [Some(2), Some(1), None]);
        assert!(pool.is_empty());
    }

    #[test]
    fn none_is_kept_where_none_may_be() {
        let none = ConnectionLimits { max_idle: 0, max_idle_per_host: 5 };
        assert_eq!(Pool::default().put(&provider("a", none), 7, at(1)), Some(7));
    }

    #[test]
    fn the_dead_are_thrown_away_and_no_longer_counted() {
        let (mut pool, a, b) = (Pool::default(), origin("a"), origin("b"));
        let _ = pool.put(&a, 1, at(1));
        let _ = pool.put(&a, 2, at(2));
        let _ = pool.put(&b, 3, at(3));
        pool.retain(|handle| *handle == 1);
        assert_eq!(
            (pool.len(), take(&mut pool, &b, at(0)), take(&mut pool, &a, at(0)), take(&mut pool, &a, at(0))),
            (1, None, Some(1), None)
        );
        assert!(pool.is_empty());
    }

    #[test]
    fn one_that_is_not_quiet_is_passed_over_and_a_fresh_one_is_never_idle() {
        let (mut pool, a) = (Pool::default(), origin("a"));
        let _ = pool.put(&a, 1, at(1));
        let _ = pool.put(&a, 2, at(1));
        let fresh = ConnectRequest { provider: a.clone(), fresh: true, counts: None };
        assert_eq!(pool.take(&fresh, at(1), |_| true), None);
        let any = ConnectRequest { provider: a, fresh: false, counts: None };
        assert_eq!(pool.take(&any, at(1), |handle| *handle != 2), Some(1));
        assert!(pool.is_empty());
    }

    #[test]
    fn what_has_outlived_its_time_is_never_reused() {
        let (mut pool, a) = (Pool::default(), origin("a"));
        let _ = pool.put(&a, 1, at(1));
        let _ = pool.put(&a, 2, at(11));
        assert_eq!(pool.take_expired(at(11)), Some(1));
        assert_eq!(pool.take_expired(at(11)), None);
        assert_eq!(take(&mut pool, &a, at(21)), None);
    }
}
