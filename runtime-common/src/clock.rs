//! Reads the clocks for the core. The only place of the runtimes that does.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use llm_proxy_core::time::{Instant, Now, Timestamp};

/// The process's origin of monotonic time.
fn origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    let mono = u64::try_from(origin().elapsed().as_nanos()).unwrap_or(u64::MAX);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let micros = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
    Now { mono: Instant::from_nanos(mono), wall: Timestamp::from_micros(micros) }
}

/// An instant of the core's as timers want it.
#[must_use]
pub fn to_std(at: Instant) -> std::time::Instant {
    origin() + Duration::from_nanos(at.as_nanos())
}
