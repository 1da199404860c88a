//! The stamp protocol under every interleaving that `loom` finds: `make loom`.
//!
//! A database is a word that is the state of one row, 0 before the write and 1 after its commit.
//! Readers and writers do what the glue does, in its order.

#![cfg(loom)]

use std::time::Duration;

use irontoken::epochs::{Epochs, Slots, Touched, Words};
use irontoken::lease::{Lease, Line};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

const SLOTS: usize = 2;
const ROW: Slots = Slots { token: 0, user: 0 };

/// Words that `loom` watches; of those of the header none is used.
struct Watched(Vec<AtomicU64>);

impl Words for Watched {
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

fn epochs() -> Epochs<Watched> {
    let words = (0..Epochs::<Watched>::words(SLOTS)).map(|_| AtomicU64::new(0));
    Epochs::new(Watched(words.collect()), SLOTS)
}

struct Host {
    epochs: Epochs<Watched>,
    database: AtomicU64,
    /// What has been written by calls that have returned.
    returned: AtomicU64,
}

impl Host {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            epochs: epochs(),
            database: AtomicU64::new(0),
            returned: AtomicU64::new(0),
        })
    }

    /// A write as the seam sees it: told, run and committed, told again, returned.
    fn write(&self, state: u64, touched: &Touched, dies_before_the_second_word: bool) {
        self.epochs.write(touched);
        self.database.store(state, Ordering::SeqCst);
        if dies_before_the_second_word {
            return;
        }
        self.epochs.write(touched);
        self.returned.store(state, Ordering::SeqCst);
    }

    /// Reads the row from the database; the entry that is kept of it.
    fn fill(&self) -> (u64, u64) {
        let stamp = self.epochs.stamp();
        (stamp, self.database.load(Ordering::SeqCst))
    }

    /// Asks as a request does, and holds the answer against what had returned before.
    fn ask(&self, (stamp, state): (u64, u64)) {
        let floor = self.returned.load(Ordering::SeqCst);
        if self.epochs.holds(ROW, stamp) {
            assert!(
                state >= floor,
                "state {state} answered after {floor} had returned"
            );
        }
    }
}

fn user(slot: u32) -> Touched {
    Touched {
        users: vec![slot],
        ..Touched::default()
    }
}

#[test]
fn a_reader_that_fills_while_a_writer_commits_answers_nothing_old() {
    loom::model(|| {
        let host = Host::new();
        let writer = Arc::clone(&host);
        let writer = thread::spawn(move || writer.write(1, &user(0), false));
        let entry = host.fill();
        host.ask(entry);
        writer.join().expect("the writer");
        host.ask(entry);
        host.ask(host.fill());
    });
}

#[test]
fn the_same_where_the_row_cannot_be_told() {
    loom::model(|| {
        let host = Host::new();
        let writer = Arc::clone(&host);
        let writer = thread::spawn(move || writer.write(1, &Touched::everything(), false));
        let entry = host.fill();
        host.ask(entry);
        writer.join().expect("the writer");
        host.ask(entry);
    });
}

#[test]
fn two_writers_and_a_slot_that_two_rows_share() {
    let mut model = loom::model::Builder::new();
    // With three threads, every interleaving in which one is held up at most twice: all of them
    // take minutes.
    model.preemption_bound = Some(2);
    model.check(|| {
        let host = Host::new();
        let (one, other) = (Arc::clone(&host), Arc::clone(&host));
        // The other writer's row is another one, in the same slot of the tokens.
        let shared = Touched {
            tokens: vec![2],
            ..Touched::default()
        };
        let one = thread::spawn(move || one.write(1, &user(0), false));
        let other = thread::spawn(move || other.epochs.write(&shared));
        let entry = host.fill();
        host.ask(entry);
        one.join().expect("one writer");
        other.join().expect("the other writer");
        host.ask(entry);
    });
}

#[test]
fn a_writer_that_dies_before_its_second_word_leaves_nothing_that_was_read_before_its_first() {
    loom::model(|| {
        let host = Host::new();
        let entry = host.fill();
        let writer = Arc::clone(&host);
        let writer = thread::spawn(move || writer.write(1, &user(0), true));
        host.ask(entry);
        writer.join().expect("the writer");
        assert!(!host.epochs.holds(ROW, entry.0));
    });
}

/// The failure that the model looks for, by a writer that tells before its commit alone.
#[test]
#[should_panic(expected = "had returned")]
fn a_writer_that_tells_too_soon_is_found() {
    loom::model(|| {
        let host = Host::new();
        let writer = Arc::clone(&host);
        let writer = thread::spawn(move || {
            writer.epochs.write(&user(0));
            writer.database.store(1, Ordering::SeqCst);
            writer.returned.store(1, Ordering::SeqCst);
        });
        let entry = host.fill();
        writer.join().expect("the writer");
        host.ask(entry);
    });
}

/// What a process of another host has: a lease that has run out, and a line that gets it back.
#[test]
fn a_lease_that_is_renewed_answers_from_nothing_kept_before() {
    loom::model(|| {
        let lease = Arc::new(Lease::over(epochs(), Duration::from_secs(2)));
        let now = Duration::from_secs(10);
        // Kept while an earlier lease ran; written to elsewhere since, and nobody heard.
        let kept = lease.stamp();
        let line = Line::new(Arc::clone(&lease));
        let listener = thread::spawn(move || {
            let mut line = line;
            line.sends("secret".to_owned(), now);
            assert!(line.proves("secret", now));
        });
        // In the order of a request: the lease, and then the stamps.
        if lease.runs(now) {
            assert!(!lease.holds(ROW, kept), "kept before, and answered from");
        }
        listener.join().unwrap();
    });
}

/// A line that a fork or another line has ended renews nothing, whenever it is told.
#[test]
fn a_line_that_is_ended_renews_nothing() {
    loom::model(|| {
        let lease = Arc::new(Lease::over(epochs(), Duration::from_secs(2)));
        let now = Duration::from_secs(10);
        let mut line = Line::new(Arc::clone(&lease));
        line.sends("secret".to_owned(), now);
        let listener = thread::spawn(move || {
            line.proves("secret", now);
        });
        lease.void();
        listener.join().unwrap();
        assert!(!lease.runs(now));
    });
}
