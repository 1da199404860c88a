//! What a connection has done that bears on the cache, and what follows from it.
//!
//! A connection that has written and not yet committed sees rows of its own, which nobody else
//! must see; one whose names may mean other tables sees another database. Neither reads the cache
//! nor fills it. A row read in a transaction is kept only when it is the first thing that was read
//! there, since a later statement may be shown what was true when the first one ran.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::epochs::Touched;
use crate::sql::statement::{Boundary, Statement};

/// Connections of this process that must not read the cache just now.
static APART: AtomicUsize = AtomicUsize::new(0);

/// Whether any connection of this process must not read the cache just now. Where none must, a
/// reader need not ask which connection is its own.
#[must_use]
pub fn any_apart() -> bool {
    APART.load(Ordering::SeqCst) != 0
}

/// How a statement was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Django has the connection in a transaction.
    pub in_transaction: bool,
    /// What the driver says of that, after the statement, if it can be asked.
    pub driver_in_transaction: Option<bool>,
    /// It raised an error.
    pub failed: bool,
    /// Its work may go on, until [`Session::finished`] or the connection's next statement.
    pub goes_on: bool,
}

/// What to tell of a statement that has been run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// To the readers of this host, who are told of a write when it is run and when it is kept.
    pub here: Touched,
    /// To those of other hosts, who are told when it is kept: that takes a message.
    pub elsewhere: Touched,
}

/// The state of one connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
#[derive(Debug, Default)]
pub struct Session {
    /// It has written in a transaction that has not ended.
    dirty: bool,
    /// Its names may mean other tables than those of its settings.
    moved: bool,
    /// A statement of the program's own began a transaction.
    begun: bool,
    /// The work of its last statement may go on.
    goes_on: bool,
    /// Statements run in the transaction that it is in.
    statements: u32,
    /// What is to be told when the transaction has been committed.
    pending: Touched,
    /// It is counted in [`APART`].
    counted: bool,
}

impl Session {
    /// A connection, and whether it is in a transaction whose beginning was not seen.
    #[must_use]
    pub fn new(in_transaction: bool) -> Self {
        let mut session = Self::default();
        if in_transaction {
            session.dirty = true;
            session.pending = Touched::everything();
        }
        session.count();
        session
    }

    /// Notes a statement that has been run, and returns what to tell the readers at once.
    pub fn ran(&mut self, statement: &Statement, touched: Option<Touched>, run: Run) -> Told {
        self.statements = self.statements.saturating_add(1);
        self.moved |= statement.moves;
        let was_in_transaction = run.in_transaction || self.begun;
        let mut told = Told::default();
        if self.goes_on {
            // The driver runs nothing before the last statement's work is done.
            told.elsewhere.add(&self.finished(run.in_transaction));
        }
        match statement.boundary {
            Boundary::None => {}
            // Within a transaction it is an error, a warning, or a commit in passing.
            Boundary::Begins if was_in_transaction || run.failed => {
                told.elsewhere.add(&self.pending);
            }
            Boundary::Begins => {
                self.begun = true;
                self.statements = 0;
            }
            Boundary::Ends if run.failed => told.elsewhere.add(&self.pending),
            Boundary::Ends => told.elsewhere.add(&self.ended()),
            // The driver knows that it has ended nothing.
            Boundary::MayEnd if run.driver_in_transaction == Some(true) => {
                told.here.add(&self.pending);
            }
            Boundary::MayEnd => {
                told.elsewhere.add(&self.pending);
                if run.driver_in_transaction == Some(false) && !run.in_transaction {
                    self.ended();
                }
            }
        }
        if let Some(touched) = touched {
            // Where the driver cannot be asked, a connection that moved may be in one unseen.
            let is_kept_later = run.in_transaction
                || self.begun
                || run.goes_on
                || run.driver_in_transaction.unwrap_or(self.moved);
            self.goes_on = run.goes_on;
            if is_kept_later {
                self.dirty = true;
                self.pending.add(&touched);
                told.here.add(&touched);
            } else {
                told.elsewhere.add(&touched);
            }
        }
        told.here.add(&told.elsewhere);
        self.count();
        told
    }

    /// Notes that a statement's work is done, and returns what to tell the readers.
    pub fn finished(&mut self, in_transaction: bool) -> Touched {
        self.goes_on = false;
        // Where the driver cannot be asked, a connection that moved may be in one unseen.
        if in_transaction || self.begun || self.moved {
            return self.pending.clone();
        }
        self.ended()
    }

    /// Notes that the end of a transaction failed: what it would have kept may be kept, or not.
    pub fn failed(&mut self) -> Touched {
        self.pending.clone()
    }

    /// Notes that the transaction has ended, and returns what to tell the readers.
    pub fn ended(&mut self) -> Touched {
        self.dirty = false;
        self.begun = false;
        self.goes_on = false;
        self.statements = 0;
        self.count();
        std::mem::take(&mut self.pending)
    }

    /// Notes that Django has begun a transaction.
    pub fn begins(&mut self) {
        if !self.begun {
            self.statements = 0;
        }
    }

    /// Notes that the connection has been closed: the next one starts with its settings' names.
    pub fn closed(&mut self) -> Touched {
        self.moved = false;
        self.ended()
    }

    /// Whether the connection may be answered from the cache.
    #[must_use]
    pub fn may_read(&self) -> bool {
        !self.dirty && !self.moved
    }

    /// Whether a row that is about to be read may be kept.
    #[must_use]
    pub fn may_fill(&self, in_transaction: bool) -> bool {
        self.may_read() && (self.statements == 0 || !(in_transaction || self.begun))
    }

    fn count(&mut self) {
        let apart = !self.may_read();
        if apart != self.counted {
            self.counted = apart;
            if apart {
                APART.fetch_add(1, Ordering::SeqCst);
            } else {
                APART.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.counted {
            APART.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::statement::Writes;

    fn statement(boundary: Boundary, moves: bool) -> Statement {
        Statement {
            boundary,
            moves,
            ..READ
        }
    }

    const READ: Statement = Statement {
        writes: Writes::Nothing,
        boundary: Boundary::None,
        moves: false,
        goes_on: false,
        defines: false,
        consults: false,
    };

    fn row() -> Touched {
        Touched {
            tokens: vec![1],
            ..Touched::default()
        }
    }

    const PLAIN: Run = Run {
        in_transaction: false,
        driver_in_transaction: None,
        failed: false,
        goes_on: false,
    };
    const ATOMIC: Run = Run {
        in_transaction: true,
        ..PLAIN
    };
    const FAILED: Run = Run {
        failed: true,
        ..ATOMIC
    };

    #[test]
    fn a_write_outside_a_transaction_is_told_and_forgotten() {
        let mut session = Session::default();
        let told = session.ran(&READ, Some(row()), PLAIN);
        assert_eq!((told.here, told.elsewhere), (row(), row()));
        assert!(session.may_read() && session.may_fill(false));
        assert!(session.ended().is_nothing());
    }

    #[test]
    fn a_write_in_a_transaction_is_told_twice_and_sets_the_connection_apart() {
        let mut session = Session::default();
        let told = session.ran(&READ, Some(row()), ATOMIC);
        assert_eq!((told.here, told.elsewhere), (row(), Touched::default()));
        assert!(!session.may_read() && any_apart());
        assert_eq!(session.ended(), row());
        assert!(session.may_read());
    }

    #[test]
    fn what_the_driver_says_of_a_transaction_counts() {
        let mut session = Session::default();
        let run = Run {
            driver_in_transaction: Some(true),
            ..PLAIN
        };
        session.ran(&READ, Some(row()), run);
        assert!(!session.may_read());
        let released = Run {
            driver_in_transaction: Some(false),
            ..PLAIN
        };
        let told = session.ran(&statement(Boundary::MayEnd, false), None, released);
        assert_eq!(told.here, row());
        assert!(session.may_read());
    }

    #[test]
    fn a_connection_that_moved_may_be_in_a_transaction_unseen() {
        let mut session = Session::default();
        session.ran(&statement(Boundary::None, true), None, PLAIN);
        session.ran(&READ, Some(row()), PLAIN);
        let told = session.ran(&statement(Boundary::Ends, false), None, PLAIN);
        assert_eq!(told.here, row());
    }

    #[test]
    fn a_statement_whose_work_goes_on_is_told_again_when_it_is_done() {
        let goes_on = Run {
            goes_on: true,
            ..PLAIN
        };
        let mut session = Session::default();
        session.ran(&READ, Some(row()), goes_on);
        assert!(!session.may_read());
        assert_eq!(session.finished(false), row());
        assert!(session.may_read() && session.ended().is_nothing());

        session.ran(&READ, Some(row()), goes_on);
        let told = session.ran(&READ, None, PLAIN);
        assert_eq!(told.here, row());
        assert!(session.may_read());
    }

    #[test]
    fn an_end_that_failed_is_told_and_ends_nothing() {
        let mut session = Session::default();
        session.ran(&READ, Some(row()), ATOMIC);
        assert_eq!(session.failed(), row());
        let told = session.ran(&statement(Boundary::Ends, false), None, FAILED);
        assert_eq!((told.here, told.elsewhere), (row(), row()));
        assert!(!session.may_read());
        assert_eq!(session.ended(), row());
    }

    #[test]
    fn a_beginning_within_a_transaction_begins_none() {
        let mut session = Session::default();
        session.ran(&READ, None, ATOMIC);
        session.ran(&statement(Boundary::Begins, false), None, ATOMIC);
        assert!(!session.may_fill(true));
        session.ran(&READ, Some(row()), ATOMIC);
        let told = session.ran(&statement(Boundary::Begins, false), None, ATOMIC);
        assert_eq!(told.here, row());
    }

    #[test]
    fn new_rows_set_the_connection_apart_too() {
        let mut session = Session::default();
        let told = session.ran(&READ, Some(Touched::default()), ATOMIC);
        assert_eq!(told, Told::default());
        assert!(!session.may_read());
        assert!(session.ended().is_nothing());
    }

    #[test]
    fn a_transaction_whose_beginning_was_not_seen_is_in_doubt() {
        let mut session = Session::new(true);
        assert!(!session.may_read());
        assert_eq!(session.ended(), Touched::everything());
        assert!(session.may_read());
    }

    #[test]
    fn a_transaction_of_the_programs_own_counts() {
        let mut session = Session::default();
        session.ran(&statement(Boundary::Begins, false), None, PLAIN);
        assert!(session.may_fill(false));
        session.ran(&READ, Some(row()), PLAIN);
        assert!(!session.may_read());
        let told = session.ran(&statement(Boundary::Ends, false), None, PLAIN);
        assert_eq!(told.here, row());
        assert!(session.may_read());
    }

    #[test]
    fn what_is_told_at_an_end_includes_what_the_end_itself_writes() {
        let mut session = Session::default();
        let prepared = statement(Boundary::Ends, false);
        let told = session.ran(&prepared, Some(Touched::everything()), PLAIN);
        assert_eq!(told.here, Touched::everything());
    }

    #[test]
    fn what_may_end_a_transaction_tells_what_is_pending_and_keeps_it() {
        let mut session = Session::default();
        session.ran(&READ, Some(row()), ATOMIC);
        let told = session.ran(&statement(Boundary::MayEnd, false), None, ATOMIC);
        assert_eq!(told.here, row());
        assert!(!session.may_read());
        assert_eq!(session.ended(), row());
    }

    #[test]
    fn only_the_first_statement_of_a_transaction_fills() {
        let mut session = Session::default();
        session.ran(&READ, None, PLAIN);
        assert!(session.may_fill(false));
        session.begins();
        assert!(session.may_fill(true));
        session.ran(&READ, None, ATOMIC);
        assert!(!session.may_fill(true));
        session.ended();
        assert!(session.may_fill(true));
    }

    #[test]
    fn a_connection_that_moved_stays_apart_until_it_is_closed() {
        let mut session = Session::default();
        session.ran(&statement(Boundary::None, true), None, PLAIN);
        session.ended();
        assert!(!session.may_read());
        session.closed();
        assert!(session.may_read());
    }
}
