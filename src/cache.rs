//! Rows that were read before, each with the stamps under which it is true.
//!
//! An entry is found by the SHA-256 of its key, bounded in number, and given out only while its
//! stamps hold and it is not too old. What a row is, is the caller's affair; the cache drops none
//! while one of its locks is held.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quick_cache::sync::Cache as Entries;
use quick_cache::{Lifecycle, UnitWeighter};
use sha2::{Digest as _, Sha256};

use crate::epochs::Slots;
use crate::key;

/// The SHA-256 of a key.
pub type Digest = [u8; 32];

/// The digest of a key.
#[must_use]
pub fn digest(key: &str) -> Digest {
    Sha256::digest(key).into()
}

/// Where an entry is: in which space (a model on a database), under which digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    space: u64,
    digest: Digest,
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut first = [0; 8];
        first.copy_from_slice(&self.digest[..8]);
        state.write_u64(u64::from_ne_bytes(first) ^ self.space);
    }
}

/// Passes on what is a digest already.
#[derive(Default)]
struct Passing(u64);

impl Hasher for Passing {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The stamps that were taken before a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// Of this host.
    pub host: u64,
    /// Of what is heard of other hosts; 0 where nobody listens.
    pub fleet: u64,
}

/// A row and what it takes to be true.
#[derive(Debug)]
pub struct Entry<R> {
    /// The digest of its key.
    pub digest: Digest,
    /// Where its stamps are kept.
    pub slots: Slots,
    /// The stamps that were taken before it was read.
    pub stamps: Stamps,
    /// When that was.
    pub read_at: Instant,
    /// When it ends by itself, in seconds of the calendar's clock.
    pub until: Option<f64>,
    /// When its use was last noted, in nanoseconds of the clock of leases.
    pub noted: AtomicU64,
    /// An estimate of the memory that the row takes.
    pub bytes: usize,
    /// The row.
    pub row: R,
}

impl<R> Entry<R> {
    /// Whether its use is to be noted at `now`, as it is once in an interval; notes that it is.
    pub fn is_due(&self, now: Duration, interval: Duration) -> bool {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (now, noted) = (nanoseconds(now), self.noted.load(Ordering::Relaxed));
        now >= noted.saturating_add(nanoseconds(interval))
            && self
                .noted
                .compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// The calendar's time, in seconds since 1970.
fn calendar() -> f64 {
    // A clock before 1970 lets nothing that ends be answered from.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(f64::INFINITY, |time| time.as_secs_f64())
}

/// Counts what is evicted, and keeps it alive until the lock is released.
#[derive(Clone)]
struct Evictions(Arc<AtomicU64>);

impl<R> Lifecycle<Place, Arc<Entry<R>>> for Evictions {
    type RequestState = Vec<Arc<Entry<R>>>;

    fn on_evict(&self, state: &mut Self::RequestState, _place: Place, entry: Arc<Entry<R>>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        state.push(entry);
    }
}

/// What has happened so far, and what is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Rows given out.
    pub hits: u64,
    /// Times that no row was there.
    pub misses: u64,
    /// Times that a row was there and no longer held.
    pub stale: u64,
    /// Rows that made room for others.
    pub evictions: u64,
    /// Rows that are there.
    pub entries: u64,
    /// An estimate of the memory that they take.
    pub bytes: u64,
}

type Held<R> = Entries<Place, Arc<Entry<R>>, UnitWeighter, BuildHasherDefault<Passing>, Evictions>;

/// Rows in the memory of one process.
pub struct Cache<R> {
    entries: Held<R>,
    max_age: Duration,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    evictions: Arc<AtomicU64>,
}

impl<R> Cache<R> {
    /// A cache of at most `max_entries` rows, none of them older than `max_age`.
    #[must_use]
    pub fn new(max_entries: usize, max_age: Duration) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let entries = Entries::with(
            max_entries,
            max_entries as u64,
            UnitWeighter,
            BuildHasherDefault::default(),
            Evictions(Arc::clone(&evictions)),
        );
        Self {
            entries,
            max_age,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            evictions,
        }
    }

    /// The row of a digest, where one is there and true at `now`; `hold` tells whether its stamps
    /// still do.
    pub fn get(
        &self,
        space: u64,
        digest: &Digest,
        hold: impl FnOnce(Slots, Stamps) -> bool,
        now: Instant,
    ) -> Option<Arc<Entry<R>>> {
        let place = Place {
            space,
            digest: *digest,
        };
        let Some(entry) = self.entries.get(&place) else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let is_true = hold(entry.slots, entry.stamps)
            && now.saturating_duration_since(entry.read_at) < self.max_age
            && entry.until.is_none_or(|until| calendar() < until)
            && key::equal(&entry.digest, digest);
        if !is_true {
            self.stale.fetch_add(1, Ordering::Relaxed);
            // Only this one: another thread may have put a fresh row in its place.
            drop(
                self.entries
                    .remove_if(&place, |found| Arc::ptr_eq(found, &entry)),
            );
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry)
    }

    /// Counts a row that was not looked for, since none could be there.
    pub fn missed(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a row.
    pub fn put(&self, space: u64, entry: Entry<R>) {
        let place = Place {
            space,
            digest: entry.digest,
        };
        // Taken out first, since what an insertion replaces it drops under its lock.
        drop(self.entries.remove(&place));
        self.entries.insert(place, Arc::new(entry));
    }

    /// Drops every row.
    pub fn clear(&self) {
        let dropped: Vec<_> = self.entries.drain().collect();
        drop(dropped);
    }

    /// What has happened so far, and what is there now.
    pub fn info(&self) -> Info {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let bytes = self.entries.iter().map(|(_, entry)| entry.bytes + OVERHEAD);
        let bytes: usize = bytes.sum();
        Info {
            hits: load(&self.hits),
            misses: load(&self.misses),
            stale: load(&self.stale),
            evictions: load(&self.evictions),
            entries: self.entries.len() as u64,
            bytes: bytes as u64,
        }
    }
}

/// What an entry takes besides its row: itself, its counts, and its place in the table.
const OVERHEAD: usize = size_of::<Entry<()>>() + size_of::<Place>() + 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epochs::{Epochs, Touched};
    use crate::shared::Shared;

    const ROW: Slots = Slots { token: 1, user: 2 };
    const AGE: Duration = Duration::from_secs(30);

    struct Set {
        cache: Cache<&'static str>,
        epochs: Epochs<Shared>,
        now: Instant,
    }

    impl Set {
        fn new(max_entries: usize) -> Self {
            let words = Shared::private(Epochs::<Shared>::words(8)).expect("memory");
            Self {
                cache: Cache::new(max_entries, AGE),
                epochs: Epochs::new(words, 8),
                now: Instant::now(),
            }
        }
        fn put(&self, key: &str) {
            self.put_until(key, None);
        }
        fn put_until(&self, key: &str, until: Option<f64>) {
            let entry = Entry {
                digest: digest(key),
                slots: ROW,
                stamps: Stamps {
                    host: self.epochs.stamp(),
                    fleet: 0,
                },
                read_at: self.now,
                until,
                noted: AtomicU64::new(0),
                bytes: 100,
                row: "row",
            };
            self.cache.put(0, entry);
        }
        fn get(&self, space: u64, key: &str, at: Duration) -> bool {
            let hold = |slots, stamps: Stamps| self.epochs.holds(slots, stamps.host);
            self.cache
                .get(space, &digest(key), hold, self.now + at)
                .is_some()
        }
        fn has(&self, key: &str, at: Duration) -> bool {
            self.get(0, key, at)
        }
    }

    #[test]
    fn a_row_is_given_out_until_it_is_written_to() {
        let set = Set::new(10);
        assert!(!set.has("a", Duration::ZERO));
        set.put("a");
        assert!(set.has("a", Duration::ZERO));
        set.epochs.write(&Touched::everything());
        assert!(!set.has("a", Duration::ZERO));
        assert!(!set.has("a", Duration::ZERO));
        let info = set.cache.info();
        assert_eq!(
            (info.hits, info.misses, info.stale, info.entries),
            (1, 2, 1, 0)
        );
    }

    #[test]
    fn a_row_is_given_out_until_it_is_too_old() {
        let set = Set::new(10);
        set.put("a");
        assert!(set.has("a", Duration::from_millis(29_999)));
        assert!(!set.has("a", AGE));
    }

    #[test]
    fn a_row_is_given_out_until_it_ends_by_itself() {
        let set = Set::new(10);
        set.put_until("a", Some(calendar() + 60.0));
        assert!(set.has("a", Duration::ZERO));
        set.put_until("b", Some(calendar() - 0.001));
        assert!(!set.has("b", Duration::ZERO));
    }

    #[test]
    fn a_use_is_noted_once_in_an_interval() {
        let set = Set::new(10);
        set.put("a");
        let hold = |_, _| true;
        let entry = set.cache.get(0, &digest("a"), hold, set.now).expect("kept");
        let at = |seconds: u64| Duration::from_secs(1000 + seconds);
        let interval = Duration::from_secs(60);
        let due = [0, 1, 59, 60, 61, 200].map(|second| entry.is_due(at(second), interval));
        assert_eq!(due, [true, false, false, true, false, true]);
    }

    #[test]
    fn one_space_does_not_answer_for_another() {
        let set = Set::new(10);
        set.put("a");
        assert!(!set.get(1, "a", Duration::ZERO));
    }

    #[test]
    fn there_are_never_more_rows_than_agreed() {
        let set = Set::new(100);
        for number in 0..1000 {
            set.put(&number.to_string());
        }
        let info = set.cache.info();
        assert!(info.entries <= 100, "{info:?}");
        assert!(info.evictions >= 900, "{info:?}");
        set.cache.clear();
        assert_eq!(set.cache.info().entries, 0);
    }

    #[test]
    fn rows_that_are_asked_for_survive_those_that_are_not() {
        let set = Set::new(100);
        for number in 0..50 {
            set.put(&format!("good {number}"));
        }
        for round in 0..20 {
            for number in 0..50 {
                set.has(&format!("good {number}"), Duration::ZERO);
            }
            for number in 0..100 {
                set.put(&format!("once {round} {number}"));
            }
        }
        let good = (0..50).filter(|number| set.has(&format!("good {number}"), Duration::ZERO));
        assert!(good.count() >= 45);
    }
}
