//! The stamps that tell whether a cached row is still true.
//!
//! A write raises the counter and stores its new value in the slot of each token and user that it
//! touched, or in `everything` where that cannot be told. A reader takes the counter *before* it
//! reads a row; what it read holds while none of the row's slots has gone past that stamp. A slot
//! shared by two rows costs a spare read and never a wrong answer.
//!
//! Where the words lie (shared memory, or `loom`'s for the model check) is not decided here.

/// A row of atomic 64-bit words; every operation is sequentially consistent.
pub trait Words {
    /// The value of a word.
    fn load(&self, index: usize) -> u64;
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
const SCHEMA: usize = EVERYTHING + 1;
/// When something was last written, in seconds since 1970.
const LAST: usize = EVERYTHING + 2;
const TOKENS: usize = HEADER + 16;

/// Where a row's stamps are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Of the token, below the number of slots.
    pub token: u32,
    /// Of its user, below the number of slots.
    pub user: u32,
}

/// What a write has touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Slots of tokens.
    pub tokens: Vec<u32>,
    /// Slots of users.
    pub users: Vec<u32>,
    /// Which rows cannot be told.
    pub everything: bool,
    /// Tables, triggers or constraints, which decide what a write touches.
    pub schema: bool,
}

impl Touched {
    /// Every row there is.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Whether no row is touched.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.has_rows() && !self.schema
    }

    /// Whether rows are touched.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.everything || !self.tokens.is_empty() || !self.users.is_empty()
    }

    /// Adds what another write has touched.
    pub fn add(&mut self, other: &Self) {
        self.everything |= other.everything;
        self.schema |= other.schema;
        self.tokens.extend_from_slice(&other.tokens);
        self.users.extend_from_slice(&other.users);
        if self.everything || self.tokens.len() + self.users.len() > MANY {
            *self = Self {
                schema: self.schema,
                ..Self::everything()
            };
        }
    }
}

/// Past so many rows one stamp on everything is cheaper than theirs.
const MANY: usize = 4096;

/// The stamps over `slots` slots of each kind.
#[derive(Debug)]
pub struct Epochs<W> {
    words: W,
    slots: usize,
}

impl<W: Words> Epochs<W> {
    /// The number of words that `slots` slots of each kind take.
    #[must_use]
    pub const fn words(slots: usize) -> usize {
        TOKENS + 2 * slots
    }

    /// Takes words that are as many as [`Epochs::words`] says, all zero when they were new.
    pub const fn new(words: W, slots: usize) -> Self {
        Self { words, slots }
    }

    /// The words themselves.
    pub const fn words_ref(&self) -> &W {
        &self.words
    }

    /// The stamp for a row that is about to be read.
    pub fn stamp(&self) -> u64 {
        self.words.load(COUNTER)
    }

    /// Tells every reader that rows have been written.
    pub fn write(&self, touched: &Touched) {
        if touched.schema {
            self.words.increment(SCHEMA);
        }
        if !touched.has_rows() {
            return;
        }
        let stamp = self.words.increment(COUNTER);
        if touched.everything {
            self.words.raise(EVERYTHING, stamp);
            return;
        }
        for slot in &touched.tokens {
            self.words.raise(self.token(*slot), stamp);
        }
        for slot in &touched.users {
            self.words.raise(self.user(*slot), stamp);
        }
    }

    /// Notes that something was written at `now`, in seconds since 1970.
    pub fn note(&self, now: u64) {
        self.words.raise(LAST, now);
    }

    /// When something was last written, in seconds since 1970; 0 for never.
    pub fn last_write(&self) -> u64 {
        self.words.load(LAST)
    }

    /// Whether a row read under `stamp` is still true.
    pub fn holds(&self, slots: Slots, stamp: u64) -> bool {
        self.words.load(self.token(slots.token)) <= stamp
            && self.words.load(self.user(slots.user)) <= stamp
            && self.words.load(EVERYTHING) <= stamp
    }

    /// The version of the schema: another one says that it may have changed.
    pub fn schema(&self) -> u64 {
        self.words.load(SCHEMA)
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
        fn increment(&self, index: usize) -> u64 {
            self.0[index].fetch_add(1, Ordering::SeqCst) + 1
        }
        fn raise(&self, index: usize, value: u64) {
            self.0[index].fetch_max(value, Ordering::SeqCst);
        }
    }

    fn epochs() -> Epochs<Plain> {
        let words = (0..Epochs::<Plain>::words(4)).map(|_| AtomicU64::new(0));
        Epochs::new(Plain(words.collect()), 4)
    }

    const ROW: Slots = Slots { token: 1, user: 2 };

    fn tokens(slots: &[u32]) -> Touched {
        Touched {
            tokens: slots.to_vec(),
            ..Touched::default()
        }
    }

    #[test]
    fn a_row_holds_until_something_of_it_is_written() {
        let users = Touched {
            users: vec![2],
            ..Touched::default()
        };
        for write in [tokens(&[1]), users, Touched::everything(), tokens(&[0, 1])] {
            let epochs = epochs();
            let stamp = epochs.stamp();
            assert!(epochs.holds(ROW, stamp));
            epochs.write(&write);
            assert!(!epochs.holds(ROW, stamp), "{write:?}");
            assert!(epochs.holds(ROW, epochs.stamp()));
        }
    }

    #[test]
    fn the_writes_of_others_leave_a_row_alone() {
        let epochs = epochs();
        let stamp = epochs.stamp();
        epochs.write(&tokens(&[0, 2, 3]));
        epochs.write(&Touched {
            users: vec![0, 1, 3],
            ..Touched::default()
        });
        epochs.write(&Touched::default());
        assert!(epochs.holds(ROW, stamp));
    }

    #[test]
    fn a_row_read_before_a_write_is_refused_though_it_is_kept_after_it() {
        let epochs = epochs();
        let stamp = epochs.stamp();
        epochs.write(&tokens(&[1]));
        epochs.write(&tokens(&[0]));
        assert!(!epochs.holds(ROW, stamp));
    }

    #[test]
    fn very_many_rows_are_everything() {
        let mut touched = Touched::default();
        for slot in 0..5000 {
            touched.add(&tokens(&[slot]));
        }
        assert_eq!(touched, Touched::everything());
    }
}
