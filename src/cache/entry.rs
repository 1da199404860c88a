//! A row, and what it takes for it to be true.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::coherence::versions::Slots;

/// The versions that were current before a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryVersion {
    /// Of this host.
    pub host: u64,
    /// Of what is heard of other hosts; 0 where nobody listens.
    pub fleet: u64,
}

/// A row and what it takes to be true.
#[derive(Debug)]
pub struct Entry<R> {
    /// Where its versions are counted.
    pub slots: Slots,
    /// Where those of what else was loaded with it are.
    pub related: Box<[Slots]>,
    /// The versions that were current before it was read.
    pub version: EntryVersion,
    /// When that was.
    pub read_at: Instant,
    /// When it ends by itself, in seconds of the calendar's clock.
    pub until: Option<f64>,
    /// When its use was last recorded, in nanoseconds of the clock of leases.
    pub last_recorded: AtomicU64,
    /// An estimate of the memory that the row takes.
    pub bytes: usize,
    /// The row.
    pub row: R,
}

impl<R> Entry<R> {
    /// Whether its use is to be recorded at `now`, as it is once in an interval; takes it as done.
    pub fn is_due(&self, now: Duration, interval: Duration) -> bool {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (now, last_recorded) = (nanoseconds(now), self.last_recorded.load(Ordering::Relaxed));
        now >= last_recorded.saturating_add(nanoseconds(interval))
            && self
                .last_recorded
                .compare_exchange(last_recorded, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl<R> Entry<R> {
    /// Whether all that was read is current, as `is_current` tells of a token and a user.
    pub(super) fn holds(&self, is_current: impl Fn(Slots, EntryVersion) -> bool) -> bool {
        let mut all = std::iter::once(&self.slots).chain(&self.related);
        all.all(|slots| is_current(*slots, self.version))
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| calendar() >= until)
    }
}

/// The calendar's time, in seconds since 1970.
pub(super) fn calendar() -> f64 {
    // A clock before 1970 lets nothing that ends be answered from.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(f64::INFINITY, |time| time.as_secs_f64())
}
