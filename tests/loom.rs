//! The code that ships under every interleaving that `loom` finds: `make loom`.
//!
//! A database is a word that is the state of one row, 0 before the write and 1 after its commit.
//! Writers run `write_protocol`, readers take a version, read, and ask as a request does.

#![cfg(loom)]

use std::sync::Mutex;
use std::time::Duration;

use irontoken::coherence::connection_state::ConnectionState;
use irontoken::coherence::lease::{BusSession, Lease};
use irontoken::coherence::versions::{Slots, Versions, Words, WriteSet};
use irontoken::coherence::write_protocol::{self, Connection, End, Execution};
use irontoken::sql::statement::{Statement, Writes};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

const SLOTS: usize = 2;
const ROW: Slots = Slots { token: 0, user: 0 };
const UPDATE: Statement = Statement {
    writes: Writes::Everything,
    ..Statement::READ
};

/// Words that `loom` watches; of those of the header none is used.
struct Observed(Vec<AtomicU64>);

impl Words for Observed {
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

fn versions() -> Versions<Observed> {
    let words = (0..Versions::<Observed>::words(SLOTS)).map(|_| AtomicU64::new(0));
    Versions::new(Observed(words.collect()), SLOTS)
}

struct Host {
    versions: Versions<Observed>,
    database: AtomicU64,
    /// What has been written by calls that have returned.
    returned: AtomicU64,
}

impl Host {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            versions: versions(),
            database: AtomicU64::new(0),
            returned: AtomicU64::new(0),
        })
    }

    /// Reads the row from the database; the entry that is stored of it.
    fn fill(&self) -> (u64, u64) {
        let version = self.versions.current();
        (version, self.database.load(Ordering::SeqCst))
    }

    /// Asks as a request does, and holds the answer against what had returned before.
    fn ask(&self, (version, state): (u64, u64)) {
        let floor = self.returned.load(Ordering::SeqCst);
        if self.versions.are_current(ROW, version) {
            assert!(
                state >= floor,
                "state {state} answered after {floor} had returned"
            );
        }
    }
}

/// A connection that writes the row.
struct Writer {
    host: Arc<Host>,
    state: Mutex<ConnectionState>,
    in_transaction: bool,
    /// Its process ends when the database has committed.
    dies: bool,
}

impl Connection for Writer {
    type Error = Died;

    fn invalidate(&self, rows: &WriteSet) -> Result<(), Died> {
        if self.dies && self.host.database.load(Ordering::SeqCst) == 1 {
            return Err(Died);
        }
        self.host.versions.invalidate(rows);
        Ok(())
    }
    fn publish(&self, _: &WriteSet) -> Result<(), Died> {
        Ok(())
    }
    fn with_state<R>(&self, change: impl FnOnce(&mut ConnectionState) -> R) -> R {
        change(&mut self.state.lock().expect("no writer panics"))
    }
}

#[derive(Debug, PartialEq)]
struct Died;

impl Execution for Writer {
    type Output = ();

    fn in_transaction(&self) -> Result<bool, Died> {
        Ok(self.in_transaction)
    }
    fn execute(&self) -> Result<(), Died> {
        if !self.in_transaction {
            self.host.database.store(1, Ordering::SeqCst);
        }
        Ok(())
    }
    fn finish(&self) -> Result<bool, Died> {
        Ok(false)
    }
    fn driver_in_transaction(&self) -> Option<bool> {
        Some(self.in_transaction)
    }
}

impl Writer {
    fn new(host: &Arc<Host>, in_transaction: bool, dies: bool) -> Self {
        Self {
            host: Arc::clone(host),
            state: Mutex::default(),
            in_transaction,
            dies,
        }
    }

    /// Writes, commits, and returns.
    fn write(&self, rows: &WriteSet) -> Result<(), Died> {
        write_protocol::execute(self, &UPDATE, Some(rows.clone()))?;
        if self.in_transaction {
            self.host.database.store(1, Ordering::SeqCst);
            write_protocol::end(self, End::Transaction)?;
        }
        self.host.returned.store(1, Ordering::SeqCst);
        Ok(())
    }
}

fn user(slot: u32) -> WriteSet {
    WriteSet {
        users: vec![slot],
        ..WriteSet::default()
    }
}

fn a_reader_fills_while_a_writer_commits(rows: &WriteSet, in_transaction: bool) {
    let host = Host::new();
    let writer = Writer::new(&host, in_transaction, false);
    let rows = rows.clone();
    let writer = thread::spawn(move || writer.write(&rows));
    let entry = host.fill();
    host.ask(entry);
    writer.join().expect("the writer").expect("it lives");
    host.ask(entry);
    host.ask(host.fill());
}

#[test]
fn a_reader_that_fills_while_a_writer_commits_answers_nothing_old() {
    loom::model(|| a_reader_fills_while_a_writer_commits(&user(0), false));
}

#[test]
fn the_same_in_a_transaction() {
    loom::model(|| a_reader_fills_while_a_writer_commits(&user(0), true));
}

#[test]
fn the_same_where_the_row_cannot_be_told() {
    loom::model(|| a_reader_fills_while_a_writer_commits(&WriteSet::everything(), true));
}

#[test]
fn two_writers_and_a_slot_that_two_rows_share() {
    let mut model = loom::model::Builder::new();
    // With three threads, every interleaving in which one is held up at most twice: all of them
    // take minutes.
    model.preemption_bound = Some(2);
    model.check(|| {
        let host = Host::new();
        let (one, other) = (Writer::new(&host, false, false), Arc::clone(&host));
        // The other writer's row is another one, in the same slot of the tokens.
        let shared = WriteSet {
            tokens: vec![2],
            ..WriteSet::default()
        };
        let one = thread::spawn(move || one.write(&user(0)));
        let other = thread::spawn(move || other.versions.invalidate(&shared));
        let entry = host.fill();
        host.ask(entry);
        one.join().expect("one writer").expect("it lives");
        other.join().expect("the other writer");
        host.ask(entry);
    });
}

#[test]
fn a_writer_that_dies_after_its_commit_leaves_nothing_that_was_read_before_it_began() {
    loom::model(|| {
        let host = Host::new();
        let entry = host.fill();
        let writer = Writer::new(&host, false, true);
        let writer = thread::spawn(move || writer.write(&user(0)));
        host.ask(entry);
        assert_eq!(writer.join().expect("the writer"), Err(Died));
        assert!(
            !host.versions.are_current(ROW, entry.0),
            "a row that was read before is answered from after the commit"
        );
    });
}

/// What a process of another host has: a lease that has run out, and a session that renews it.
#[test]
fn a_lease_that_is_renewed_answers_from_nothing_stored_before() {
    loom::model(|| {
        let lease = Arc::new(Lease::over(versions(), Duration::from_secs(2)));
        let now = Duration::from_secs(10);
        // Stored while an earlier lease ran; written to elsewhere since, and nobody heard.
        let stored = lease.current();
        let session = BusSession::new(Arc::clone(&lease));
        let listener = thread::spawn(move || {
            let mut session = session;
            session.sent_secret("secret".to_owned(), now);
            assert!(session.confirm("secret", now));
        });
        // In the order of a request: the lease, and then the versions.
        if lease.runs(now) {
            assert!(
                !lease.are_current(ROW, stored),
                "stored before, and answered from"
            );
        }
        listener.join().unwrap();
    });
}

/// A session that a fork or another session has ended renews nothing, whenever it is told.
#[test]
fn a_session_that_is_ended_renews_nothing() {
    loom::model(|| {
        let lease = Arc::new(Lease::over(versions(), Duration::from_secs(2)));
        let now = Duration::from_secs(10);
        let mut session = BusSession::new(Arc::clone(&lease));
        session.sent_secret("secret".to_owned(), now);
        let listener = thread::spawn(move || {
            session.confirm("secret", now);
        });
        lease.revoke();
        listener.join().unwrap();
        assert!(!lease.runs(now));
    });
}
