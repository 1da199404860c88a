//! The counters that tell whether a cached row is still true.
//!
//! A write raises the counter and stores its new value in the slot of each token and user that it
//! changed, or in `everything` where that cannot be told. A reader takes the counter *before* it
//! reads a row, which is that row's version; the row is current while none of its slots has gone
//! past it. A slot
//! shared by two rows costs a spare read and never a wrong answer.
//!
//! Where the words lie (shared memory, or `loom`'s for the model check) is not decided here.

/// A row of atomic 64-bit words; every operation is sequentially consistent.
pub trait Words {
    /// The value of a word.
    fn load(&self, index: usize) -> u64;
    /// Adds to a word.
    fn add(&self, index: usize, value: u64);
    /// Adds one and returns the new value.
    fn increment(&self, index: usize) -> u64;
    /// Raises a word to `value` unless it is already there or past it.
    fn raise(&self, index: usize, value: u64);
}

/// Words of the header, written by whoever made them; the counters follow.
const HEADER: usize = 8;
const COUNTER: usize = HEADER;
/// A cache line away from the counter, which every write touches and no reader of a hit does.
const EVERYTHING: usize = HEADER + 8;
/// Counts the changes of tables, triggers and constraints.
const DEFINITIONS: usize = EVERYTHING + 1;
/// When something was last written, in seconds since 1970.
const LAST: usize = EVERYTHING + 2;
/// Hits, misses and stale rows of all processes.
const USAGE: usize = EVERYTHING + 3;
const TOKENS: usize = HEADER + 16;

/// The number of slots of each kind.
pub const SLOTS: usize = 1 << 16;

/// Where the writes to a row are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Of the token, below the number of slots.
    pub token: u32,
    /// Of its user, below the number of slots.
    pub user: u32,
}

/// The rows that a write has changed, as far as they can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// Slots of tokens.
    pub tokens: Vec<u32>,
    /// Slots of users.
    pub users: Vec<u32>,
    /// Which rows cannot be told.
    pub everything: bool,
    /// Tables, triggers or constraints, which decide what a write touches.
    pub definitions: bool,
}

impl WriteSet {
    /// Every row there is.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Where the writes to a row are counted that lies under all of these slots: the first of each
    /// kind, and what is left, in pairs.
    ///
    /// Where there is none of a kind, any will do: a spare read, and never a wrong answer.
    #[must_use]
    pub fn slots(&self) -> (Slots, Box<[Slots]>) {
        let slot = |slots: &[u32], index: usize| slots.get(index).or(slots.first()).copied();
        let pair = |index| Slots {
            token: slot(&self.tokens, index).unwrap_or_default(),
            user: slot(&self.users, index).unwrap_or_default(),
        };
        let pairs = self.tokens.len().max(self.users.len());
        (pair(0), (1..pairs).map(pair).collect())
    }

    /// Whether no row is changed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.has_rows() && !self.definitions
    }

    /// Whether rows are changed.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.everything || !self.tokens.is_empty() || !self.users.is_empty()
    }

    /// Adds what another write has changed.
    pub fn add(&mut self, other: &Self) {
        self.everything |= other.everything;
        self.definitions |= other.definitions;
        self.tokens.extend_from_slice(&other.tokens);
        self.users.extend_from_slice(&other.users);
        if self.everything || self.tokens.len() + self.users.len() > MANY {
            *self = Self {
                definitions: self.definitions,
                ..Self::everything()
            };
        }
    }
}

/// Past so many rows, invalidating everything is cheaper than each of them.
const MANY: usize = 4096;

/// The counters over `slots` slots of each kind.
#[derive(Debug)]
pub struct Versions<W> {
    words: W,
    slots: usize,
}

impl<W: Words> Versions<W> {
    /// The number of words that `slots` slots of each kind take.
    #[must_use]
    pub const fn words(slots: usize) -> usize {
        TOKENS + 2 * slots
    }

    /// Takes words that are as many as [`Versions::words`] says, all zero when they were new.
    pub const fn new(words: W, slots: usize) -> Self {
        Self { words, slots }
    }

    /// The words themselves.
    pub const fn words_ref(&self) -> &W {
        &self.words
    }

    /// The version of a row that is about to be read.
    pub fn current(&self) -> u64 {
        self.words.load(COUNTER)
    }

    /// Makes every row of a write set older than any version until now.
    pub fn invalidate(&self, write_set: &WriteSet) {
        if write_set.definitions {
            self.words.increment(DEFINITIONS);
        }
        if !write_set.has_rows() {
            return;
        }
        let version = self.words.increment(COUNTER);
        if write_set.everything {
            self.words.raise(EVERYTHING, version);
            return;
        }
        for slot in &write_set.tokens {
            self.words.raise(self.token(*slot), version);
        }
        for slot in &write_set.users {
            self.words.raise(self.user(*slot), version);
        }
    }

    /// Something was written at `now`, in seconds since 1970.
    pub fn record_time(&self, now: u64) {
        self.words.raise(LAST, now);
    }

    /// When something was last written, in seconds since 1970; 0 for never.
    pub fn last_write(&self) -> u64 {
        self.words.load(LAST)
    }

    /// Adds what a process has done with its cache: hits, misses and stale rows.
    pub fn add_usage(&self, counts: [u64; 3]) {
        for (index, count) in counts.into_iter().enumerate() {
            if count > 0 {
                self.words.add(USAGE + index, count);
            }
        }
    }

    /// Hits, misses and stale rows of all processes, as far as they have added them.
    pub fn usage(&self) -> [u64; 3] {
        [0, 1, 2].map(|index| self.words.load(USAGE + index))
    }

    /// Whether a row of `version` is current.
    pub fn are_current(&self, slots: Slots, version: u64) -> bool {
        self.words.load(self.token(slots.token)) <= version
            && self.words.load(self.user(slots.user)) <= version
            && self.words.load(EVERYTHING) <= version
    }

    /// Of tables, triggers and constraints: another value says that they may have changed.
    pub fn definitions(&self) -> u64 {
        self.words.load(DEFINITIONS)
    }

    // A slot number past the end would be another kind's, or nobody's.
    fn token(&self, slot: u32) -> usize {
        TOKENS + slot as usize % self.slots
    }

    fn user(&self, slot: u32) -> usize {
        TOKENS + self.slots + slot as usize % self.slots
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Plain(Vec<AtomicU64>);

    impl Words for Plain {
        fn load(&self, index: usize) -> u64 {
            self.0[index].load(Ordering::SeqCst)
        }
        fn add(&self, index: usize, value: u64) {
            self.0[index].fetch_add(value, Ordering::SeqCst);
        }
        fn increment(&self, index: usize) -> u64 {
            self.0[index].fetch_add(1, Ordering::SeqCst) + 1
        }
        fn raise(&self, index: usize, value: u64) {
            self.0[index].fetch_max(value, Ordering::SeqCst);
        }
    }

    fn versions() -> Versions<Plain> {
        let words = (0..Versions::<Plain>::words(4)).map(|_| AtomicU64::new(0));
        Versions::new(Plain(words.collect()), 4)
    }

    const ROW: Slots = Slots { token: 1, user: 2 };

    fn tokens(slots: &[u32]) -> WriteSet {
        WriteSet {
            tokens: slots.to_vec(),
            ..WriteSet::default()
        }
    }

    #[test]
    fn a_row_lies_under_all_the_slots_that_it_has() {
        let set = |tokens: &[u32], users: &[u32]| {
            let (first, related) = WriteSet {
                tokens: tokens.into(),
                users: users.into(),
                ..WriteSet::default()
            }
            .slots();
            let pairs = std::iter::once(first).chain(related);
            pairs
                .map(|slots| (slots.token, slots.user))
                .collect::<Vec<_>>()
        };
        assert_eq!(set(&[1], &[2]), [(1, 2)]);
        assert_eq!(set(&[1], &[]), [(1, 0)]);
        assert_eq!(set(&[], &[]), [(0, 0)]);
        assert_eq!(set(&[1], &[2, 3, 4]), [(1, 2), (1, 3), (1, 4)]);
        assert_eq!(set(&[1, 5], &[2]), [(1, 2), (5, 2)]);
    }

    #[test]
    fn a_row_holds_until_something_of_it_is_written() {
        let users = WriteSet {
            users: vec![2],
            ..WriteSet::default()
        };
        for write in [tokens(&[1]), users, WriteSet::everything(), tokens(&[0, 1])] {
            let versions = versions();
            let version = versions.current();
            assert!(versions.are_current(ROW, version));
            versions.invalidate(&write);
            assert!(!versions.are_current(ROW, version), "{write:?}");
            assert!(versions.are_current(ROW, versions.current()));
        }
    }

    #[test]
    fn the_writes_of_others_leave_a_row_alone() {
        let versions = versions();
        let version = versions.current();
        versions.invalidate(&tokens(&[0, 2, 3]));
        versions.invalidate(&WriteSet {
            users: vec![0, 1, 3],
            ..WriteSet::default()
        });
        versions.invalidate(&WriteSet::default());
        assert!(versions.are_current(ROW, version));
    }

    #[test]
    fn a_row_read_before_a_write_is_refused_though_it_is_kept_after_it() {
        let versions = versions();
        let version = versions.current();
        versions.invalidate(&tokens(&[1]));
        versions.invalidate(&tokens(&[0]));
        assert!(!versions.are_current(ROW, version));
    }

    #[test]
    fn very_many_rows_are_everything() {
        let mut write_set = WriteSet::default();
        for slot in 0..5000 {
            write_set.add(&tokens(&[slot]));
        }
        assert_eq!(write_set, WriteSet::everything());
    }
}
