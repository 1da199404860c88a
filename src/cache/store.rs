//! The entries of one process: bounded in number, given out only while they are true.
//!
//! What a row is, is the caller's affair. The store drops none while one of its locks is held.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache as Entries;
use quick_cache::{Lifecycle, UnitWeighter};

use super::entry::{Entry, EntryVersion};
use super::fingerprint::{Fingerprint, Fingerprints};
use crate::coherence::versions::Slots;
use crate::credentials::random_key::Failure;

/// Where an entry is: in which space (a model on a database), under which fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    space: u64,
    fingerprint: Fingerprint,
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint.hash() ^ self.space);
    }
}

/// Passes on what is a hash already.
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

/// What the rows take, and how many have made room for others.
#[derive(Debug, Default)]
struct Room {
    bytes: AtomicU64,
    evictions: AtomicU64,
}

impl Room {
    fn take<R>(&self, entry: &Entry<R>) {
        self.bytes
            .fetch_add(size_of_entry(entry), Ordering::Relaxed);
    }
    fn give_back<R>(&self, entry: &Entry<R>) {
        self.bytes
            .fetch_sub(size_of_entry(entry), Ordering::Relaxed);
    }
}

fn size_of_entry<R>(entry: &Entry<R>) -> u64 {
    (entry.bytes + OVERHEAD) as u64
}

/// Counts what is evicted, and keeps it alive until the lock is released.
#[derive(Clone)]
struct Evictions(Arc<Room>);

impl<R> Lifecycle<Place, Arc<Entry<R>>> for Evictions {
    type RequestState = Vec<Arc<Entry<R>>>;

    fn on_evict(&self, state: &mut Self::RequestState, _place: Place, entry: Arc<Entry<R>>) {
        self.0.evictions.fetch_add(1, Ordering::Relaxed);
        self.0.give_back(&entry);
        state.push(entry);
    }
}

/// What has happened so far, and what is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Rows given out.
    pub hits: u64,
    /// Queries of look-ups whose rows may be stored, whether they were or not.
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
pub struct Store<R> {
    entries: Held<R>,
    fingerprints: Fingerprints,
    max_age: Duration,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    room: Arc<Room>,
    /// What [`Store::take_usage`] has returned so far.
    reported: [AtomicU64; 3],
}

impl<R> Store<R> {
    /// A store of at most `max_entries` rows, none of them older than `max_age`.
    ///
    /// # Errors
    ///
    /// [`Failure::NoEntropy`], where the operating system gives no random bytes.
    pub fn new(max_entries: usize, max_age: Duration) -> Result<Self, Failure> {
        let room = Arc::new(Room::default());
        let entries = Entries::with(
            max_entries,
            max_entries as u64,
            UnitWeighter,
            BuildHasherDefault::default(),
            Evictions(Arc::clone(&room)),
        );
        Ok(Self {
            entries,
            fingerprints: Fingerprints::new()?,
            max_age,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            room,
            reported: Default::default(),
        })
    }

    /// By what the row of `key` is found.
    #[must_use]
    pub fn fingerprint(&self, key: &str) -> Fingerprint {
        self.fingerprints.of(key)
    }

    /// The row of a key, where one is there and true at `now`; `is_current` tells whether its
    /// versions still are.
    pub fn get(
        &self,
        space: u64,
        fingerprint: Fingerprint,
        is_current: impl Fn(Slots, EntryVersion) -> bool,
        now: Instant,
    ) -> Option<Arc<Entry<R>>> {
        let place = Place { space, fingerprint };
        let entry = self.entries.get(&place)?;
        let is_true = entry.holds(is_current)
            && now.saturating_duration_since(entry.read_at) < self.max_age
            && !entry.is_over();
        if !is_true {
            self.stale.fetch_add(1, Ordering::Relaxed);
            // Only this one: another thread may have put a fresh row in its place.
            let is_it = |found: &Arc<_>| Arc::ptr_eq(found, &entry);
            if self.entries.remove_if(&place, is_it).is_some() {
                self.room.give_back(&entry);
            }
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry)
    }

    /// Counts a row that is read from the database. A key that is not here need not lead to one:
    /// the row may be cached under another look-up.
    pub fn missed(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Stores a row.
    pub fn put(&self, space: u64, fingerprint: Fingerprint, entry: Entry<R>) {
        let place = Place { space, fingerprint };
        // Taken out first, since what an insertion replaces counts as evicted.
        if let Some((_, before)) = self.entries.remove(&place) {
            self.room.give_back(&before);
        }
        self.room.take(&entry);
        self.entries.insert(place, Arc::new(entry));
    }

    /// Drops every row.
    pub fn clear(&self) {
        let dropped: Vec<_> = self.entries.drain().collect();
        for (_, entry) in &dropped {
            self.room.give_back(entry);
        }
        drop(dropped);
    }

    /// Hits, misses and stale rows since this was last asked.
    pub fn take_usage(&self) -> [u64; 3] {
        let counters = [&self.hits, &self.misses, &self.stale];
        std::array::from_fn(|index| {
            let count = counters[index].load(Ordering::Relaxed);
            // Of two threads that ask at once, one may be behind the other.
            let before = self.reported[index].fetch_max(count, Ordering::Relaxed);
            count.saturating_sub(before)
        })
    }

    /// What has happened so far, and what is there now.
    pub fn info(&self) -> Info {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Info {
            hits: load(&self.hits),
            misses: load(&self.misses),
            stale: load(&self.stale),
            evictions: load(&self.room.evictions),
            entries: self.entries.len() as u64,
            bytes: load(&self.room.bytes),
        }
    }
}

/// What an entry takes besides its row: itself, its counts, and its place in the table.
const OVERHEAD: usize = size_of::<Entry<()>>() + size_of::<Place>() + 16;

#[cfg(test)]
mod tests {
    use super::super::entry::calendar;
    use super::*;
    use crate::coherence::mmap::SharedWords;
    use crate::coherence::versions::{Versions, WriteSet};

    const ROW: Slots = Slots { token: 1, user: 2 };
    const AGE: Duration = Duration::from_secs(30);

    struct Set {
        store: Store<&'static str>,
        versions: Versions<SharedWords>,
        now: Instant,
    }

    impl Set {
        fn new(max_entries: usize) -> Self {
            let words = SharedWords::private(Versions::<SharedWords>::words(8)).expect("memory");
            Self {
                store: Store::new(max_entries, AGE).expect("random bytes"),
                versions: Versions::new(words, 8),
                now: Instant::now(),
            }
        }
        fn put(&self, key: &str) {
            self.put_until(key, None);
        }
        fn put_until(&self, key: &str, until: Option<f64>) {
            self.put_with(key, until, &[]);
        }
        fn put_with(&self, key: &str, until: Option<f64>, related: &[Slots]) {
            let entry = Entry {
                slots: ROW,
                related: related.into(),
                version: EntryVersion {
                    host: self.versions.current(),
                    fleet: 0,
                },
                read_at: self.now,
                until,
                last_recorded: AtomicU64::new(0),
                bytes: 100,
                row: "row",
            };
            self.store.put(0, self.store.fingerprint(key), entry);
        }
        fn get(&self, space: u64, key: &str, at: Duration) -> bool {
            let hold =
                |slots, version: EntryVersion| self.versions.are_current(slots, version.host);
            self.store
                .get(space, self.store.fingerprint(key), hold, self.now + at)
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
        set.versions.invalidate(&WriteSet::everything());
        assert!(!set.has("a", Duration::ZERO));
        assert!(!set.has("a", Duration::ZERO));
        let info = set.store.info();
        assert_eq!(
            (info.hits, info.misses, info.stale, info.entries),
            (1, 0, 1, 0)
        );
    }

    #[test]
    fn a_row_is_given_out_until_what_was_loaded_with_it_is_written_to() {
        let set = Set::new(10);
        let write = |tokens: &[u32], users: &[u32]| {
            set.versions.invalidate(&WriteSet {
                tokens: tokens.into(),
                users: users.into(),
                ..WriteSet::default()
            });
        };
        let related = [Slots { token: 1, user: 3 }, Slots { token: 5, user: 4 }];
        for (token, user) in [(1, 0), (5, 0), (0, 2), (0, 3), (0, 4)] {
            set.put_with("a", None, &related);
            write(&[2, 3, 4], &[1, 5, 6]);
            assert!(set.has("a", Duration::ZERO));
            write(&[token], &[user]);
            assert!(!set.has("a", Duration::ZERO), "{token} {user}");
        }
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
        let entry = set
            .store
            .get(0, set.store.fingerprint("a"), hold, set.now)
            .expect("kept");
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
        let info = set.store.info();
        assert!(info.entries <= 100, "{info:?}");
        assert!(info.evictions >= 900, "{info:?}");
        assert_eq!(info.bytes, info.entries * (100 + OVERHEAD as u64));
        set.put("0");
        set.put("0");
        let info = set.store.info();
        assert_eq!(info.bytes, info.entries * (100 + OVERHEAD as u64));
        set.store.clear();
        let info = set.store.info();
        assert_eq!((info.entries, info.bytes), (0, 0));
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
