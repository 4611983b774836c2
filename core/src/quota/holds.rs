//! How much content is held at once while it is looked at: of one request (INSPECTION_MAX_BYTES), and of all together
//! (INSPECTION_MAX_TOTAL_BYTES), over all connections of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Both limits, and how much of the second is used. Clones share the count.
#[derive(Clone, Debug)]
pub struct Holds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    of_one: u64,
    of_all: u64,
    held: AtomicU64,
}

/// Why no more may be held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// The request has more content than may be held of one.
    One,
    /// All requests together hold as much as they may.
    All,
}

/// What one request holds, bytes; dropping it gives it back.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    bytes: u64,
}

/// 32 MiB of one request, 256 MiB of all: the defaults of both settings.
impl Default for Holds {
    fn default() -> Self {
        Self::new(32 * 1024 * 1024, 256 * 1024 * 1024)
    }
}

impl Holds {
    /// At most so many bytes of one request, and of all together.
    #[must_use]
    pub fn new(of_one: u64, of_all: u64) -> Self {
        Self(Arc::new(Shared { of_one, of_all, held: AtomicU64::new(0) }))
    }

    /// The most that may be held of one request, bytes.
    #[must_use]
    pub fn of_one(&self) -> u64 {
        self.0.of_one
    }

    /// How much is held now, bytes.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// A request that holds nothing yet.
    #[must_use]
    pub fn begin(&self) -> Hold {
        Hold { shared: Arc::clone(&self.0), bytes: 0 }
    }
}

impl Hold {
    /// How much it is now, bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes room for so many more bytes.
    ///
    /// # Errors
    /// If there is none; nothing is taken then.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        let own = self.bytes.saturating_add(bytes);
        if own > self.shared.of_one {
            return Err(Full::One);
        }
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= self.shared.of_all);
        let taken = self.shared.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map_err(|_| Full::All)?;
        self.bytes = own;
        Ok(())
    }

    /// Gives so many bytes back; never more than it has.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.shared.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_no_more_than_one_may() {
        let mut hold = Holds::new(10, 100).begin();
        assert_eq!((hold.grow(10), hold.grow(1)), (Ok(()), Err(Full::One)));
    }

    #[test]
    fn all_together_hold_no_more_than_all_may() {
        let holds = Holds::new(10, 15);
        let (mut first, mut second) = (holds.begin(), holds.begin());
        assert_eq!((first.grow(10), second.grow(6), second.grow(5)), (Ok(()), Err(Full::All), Ok(())));
        assert_eq!(holds.held(), 15);
    }

    #[test]
    fn what_was_held_is_free_when_its_request_is_over() {
        let holds = Holds::new(10, 10);
        let mut hold = holds.begin();
        assert_eq!(hold.grow(10), Ok(()));
        drop(hold);
        assert_eq!((holds.held(), holds.begin().grow(10)), (0, Ok(())));
    }

    #[test]
    fn what_was_sent_on_makes_room_for_others() {
        let holds = Holds::new(10, 10);
        let (mut first, mut second) = (holds.begin(), holds.begin());
        assert_eq!((first.grow(10), second.grow(4)), (Ok(()), Err(Full::All)));
        first.shrink(4);
        assert_eq!((second.grow(4), holds.held()), (Ok(()), 10));
        first.shrink(100);
        assert_eq!(holds.held(), 4);
    }

    #[test]
    fn nothing_overflows() {
        let mut hold = Holds::new(u64::MAX, u64::MAX).begin();
        assert_eq!((hold.grow(u64::MAX), hold.grow(u64::MAX)), (Ok(()), Err(Full::All)));
    }
}
