//! What a connection has done that bears on the cache, and what follows from it.
//!
//! A connection that has written and not yet committed sees rows of its own, which nobody else
//! must see; one whose names may mean other tables sees another database. Neither reads the cache
//! nor fills it. A row read in a transaction is stored only when it is the first thing that was
//! read there, since a later statement may be shown what was true when the first one ran.

use super::versions::WriteSet;
use crate::sql::statement::{Boundary, Statement};

/// How a statement was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Django has the connection in a transaction.
    pub in_transaction: bool,
    /// What the driver says of that, after the statement, if it can be asked.
    pub driver_in_transaction: Option<bool>,
    /// It raised an error.
    pub failed: bool,
    /// Its work may go on, until [`ConnectionState::finished`] or the connection's next statement.
    pub goes_on: bool,
}

/// Whom to notify of which rows, after a statement has run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The readers of this host, of a write when it is executed and when it is committed.
    pub here: WriteSet,
    /// Those of other hosts, when it is committed: that takes a message.
    pub elsewhere: WriteSet,
}

/// The state of one connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
#[derive(Debug, Default)]
pub struct ConnectionState {
    /// It has written in a transaction that has not ended.
    dirty: bool,
    /// Its names may mean other tables than those of its settings, until it is closed.
    schema_changed: bool,
    /// A statement of the program's own began a transaction.
    in_raw_transaction: bool,
    /// The work of its last statement may go on.
    goes_on: bool,
    /// Statements run in the transaction that it is in.
    statements: u32,
    /// What is to be invalidated when the transaction has been committed.
    pending: WriteSet,
}

impl ConnectionState {
    /// A connection, and whether it is in a transaction whose beginning was not seen.
    #[must_use]
    pub fn new(in_transaction: bool) -> Self {
        let mut state = Self::default();
        if in_transaction {
            state.dirty = true;
            state.pending = WriteSet::everything();
        }
        state
    }

    /// Takes a statement that has run, and returns of what to notify the readers at once.
    pub fn ran(
        &mut self,
        statement: &Statement,
        write_set: Option<WriteSet>,
        run: Run,
    ) -> Notification {
        self.statements = self.statements.saturating_add(1);
        self.schema_changed |= statement.changes_schema;
        let was_in_transaction = run.in_transaction || self.in_raw_transaction;
        let mut notification = Notification::default();
        if self.goes_on {
            // The driver runs nothing before the last statement's work is done.
            notification
                .elsewhere
                .add(&self.finished(run.in_transaction));
        }
        match statement.boundary {
            Boundary::None => {}
            // Within a transaction it is an error, a warning, or a commit in passing.
            Boundary::Begins if was_in_transaction || run.failed => {
                notification.elsewhere.add(&self.pending);
            }
            Boundary::Begins => {
                self.in_raw_transaction = true;
                self.statements = 0;
            }
            Boundary::Ends if run.failed => notification.elsewhere.add(&self.pending),
            Boundary::Ends => notification.elsewhere.add(&self.ended()),
            // The driver knows that it has ended nothing.
            Boundary::MayEnd if run.driver_in_transaction == Some(true) => {
                notification.here.add(&self.pending);
            }
            Boundary::MayEnd => {
                notification.elsewhere.add(&self.pending);
                if run.driver_in_transaction == Some(false) && !run.in_transaction {
                    self.ended();
                }
            }
        }
        if let Some(write_set) = write_set {
            // Where the driver cannot be asked, one whose schema changed may be in one unseen.
            let commits_later = run.in_transaction
                || self.in_raw_transaction
                || run.goes_on
                || run.driver_in_transaction.unwrap_or(self.schema_changed);
            self.goes_on = run.goes_on;
            if commits_later {
                self.dirty = true;
                self.pending.add(&write_set);
                notification.here.add(&write_set);
            } else {
                notification.elsewhere.add(&write_set);
            }
        }
        notification.here.add(&notification.elsewhere);
        notification
    }

    /// A statement's work is done; returns what to invalidate.
    pub fn finished(&mut self, in_transaction: bool) -> WriteSet {
        self.goes_on = false;
        // Where the driver cannot be asked, one whose schema changed may be in one unseen.
        if in_transaction || self.in_raw_transaction || self.schema_changed {
            return self.pending.clone();
        }
        self.ended()
    }

    /// The end of a transaction failed: what it wrote may be committed, or not.
    pub fn failed(&mut self) -> WriteSet {
        self.pending.clone()
    }

    /// The transaction has ended; returns what to invalidate.
    pub fn ended(&mut self) -> WriteSet {
        self.dirty = false;
        self.in_raw_transaction = false;
        self.goes_on = false;
        self.statements = 0;
        std::mem::take(&mut self.pending)
    }

    /// Django has begun a transaction.
    pub fn begins(&mut self) {
        if !self.in_raw_transaction {
            self.statements = 0;
        }
    }

    /// The connection was closed, and the next one begins with its settings' names.
    pub fn closed(&mut self) -> WriteSet {
        self.schema_changed = false;
        self.ended()
    }

    /// Whether its names may mean other tables than those of its settings.
    #[must_use]
    pub const fn schema_changed(&self) -> bool {
        self.schema_changed
    }

    /// It is connected to what was used before, and whose names may mean other tables.
    pub fn inherit_schema_change(&mut self) {
        self.schema_changed = true;
    }

    /// Whether the connection may be answered from the cache.
    #[must_use]
    pub fn may_read(&self) -> bool {
        !self.dirty && !self.schema_changed
    }

    /// Why a row that is about to be read must not be stored; `None` where it may be.
    #[must_use]
    pub const fn fill_obstacle(&self, in_transaction: bool) -> Option<&'static str> {
        if self.schema_changed {
            return Some(
                "its connection has done what cannot be followed, as SET or a temporary table, and \
                 is not closed since",
            );
        }
        if self.dirty {
            return Some("its connection has written in a transaction that has not ended");
        }
        if self.statements > 0 && (in_transaction || self.in_raw_transaction) {
            return Some("another statement ran before it in its transaction");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(boundary: Boundary, changes_schema: bool) -> Statement {
        Statement {
            boundary,
            changes_schema,
            ..READ
        }
    }

    const READ: Statement = Statement::READ;

    fn row() -> WriteSet {
        WriteSet {
            tokens: vec![1],
            ..WriteSet::default()
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
        let mut state = ConnectionState::default();
        let notification = state.ran(&READ, Some(row()), PLAIN);
        assert_eq!((notification.here, notification.elsewhere), (row(), row()));
        assert!(state.may_read() && state.fill_obstacle(false).is_none());
        assert!(state.ended().is_nothing());
    }

    #[test]
    fn a_write_in_a_transaction_is_told_twice_and_sets_the_connection_apart() {
        let mut state = ConnectionState::default();
        let notification = state.ran(&READ, Some(row()), ATOMIC);
        assert_eq!(
            (notification.here, notification.elsewhere),
            (row(), WriteSet::default())
        );
        assert!(!state.may_read());
        assert_eq!(state.ended(), row());
        assert!(state.may_read());
    }

    #[test]
    fn what_the_driver_says_of_a_transaction_counts() {
        let mut state = ConnectionState::default();
        let run = Run {
            driver_in_transaction: Some(true),
            ..PLAIN
        };
        state.ran(&READ, Some(row()), run);
        assert!(!state.may_read());
        let released = Run {
            driver_in_transaction: Some(false),
            ..PLAIN
        };
        let notification = state.ran(&statement(Boundary::MayEnd, false), None, released);
        assert_eq!(notification.here, row());
        assert!(state.may_read());
    }

    #[test]
    fn a_connection_that_moved_may_be_in_a_transaction_unseen() {
        let mut state = ConnectionState::default();
        state.ran(&statement(Boundary::None, true), None, PLAIN);
        state.ran(&READ, Some(row()), PLAIN);
        let notification = state.ran(&statement(Boundary::Ends, false), None, PLAIN);
        assert_eq!(notification.here, row());
    }

    #[test]
    fn a_statement_whose_work_goes_on_is_told_again_when_it_is_done() {
        let goes_on = Run {
            goes_on: true,
            ..PLAIN
        };
        let mut state = ConnectionState::default();
        state.ran(&READ, Some(row()), goes_on);
        assert!(!state.may_read());
        assert_eq!(state.finished(false), row());
        assert!(state.may_read() && state.ended().is_nothing());

        state.ran(&READ, Some(row()), goes_on);
        let notification = state.ran(&READ, None, PLAIN);
        assert_eq!(notification.here, row());
        assert!(state.may_read());
    }

    #[test]
    fn an_end_that_failed_is_told_and_ends_nothing() {
        let mut state = ConnectionState::default();
        state.ran(&READ, Some(row()), ATOMIC);
        assert_eq!(state.failed(), row());
        let notification = state.ran(&statement(Boundary::Ends, false), None, FAILED);
        assert_eq!((notification.here, notification.elsewhere), (row(), row()));
        assert!(!state.may_read());
        assert_eq!(state.ended(), row());
    }

    #[test]
    fn a_beginning_within_a_transaction_begins_none() {
        let mut state = ConnectionState::default();
        state.ran(&READ, None, ATOMIC);
        state.ran(&statement(Boundary::Begins, false), None, ATOMIC);
        assert!(state.fill_obstacle(true).is_some());
        state.ran(&READ, Some(row()), ATOMIC);
        let notification = state.ran(&statement(Boundary::Begins, false), None, ATOMIC);
        assert_eq!(notification.here, row());
    }

    #[test]
    fn new_rows_set_the_connection_apart_too() {
        let mut state = ConnectionState::default();
        let notification = state.ran(&READ, Some(WriteSet::default()), ATOMIC);
        assert_eq!(notification, Notification::default());
        assert!(!state.may_read());
        assert!(state.ended().is_nothing());
    }

    #[test]
    fn a_transaction_whose_beginning_was_not_seen_is_in_doubt() {
        let mut state = ConnectionState::new(true);
        assert!(!state.may_read());
        assert_eq!(state.ended(), WriteSet::everything());
        assert!(state.may_read());
    }

    #[test]
    fn a_transaction_of_the_programs_own_counts() {
        let mut state = ConnectionState::default();
        state.ran(&statement(Boundary::Begins, false), None, PLAIN);
        assert!(state.fill_obstacle(false).is_none());
        state.ran(&READ, Some(row()), PLAIN);
        assert!(!state.may_read());
        let notification = state.ran(&statement(Boundary::Ends, false), None, PLAIN);
        assert_eq!(notification.here, row());
        assert!(state.may_read());
    }

    #[test]
    fn what_is_told_at_an_end_includes_what_the_end_itself_writes() {
        let mut state = ConnectionState::default();
        let prepared = statement(Boundary::Ends, false);
        let notification = state.ran(&prepared, Some(WriteSet::everything()), PLAIN);
        assert_eq!(notification.here, WriteSet::everything());
    }

    #[test]
    fn what_may_end_a_transaction_tells_what_is_pending_and_keeps_it() {
        let mut state = ConnectionState::default();
        state.ran(&READ, Some(row()), ATOMIC);
        let notification = state.ran(&statement(Boundary::MayEnd, false), None, ATOMIC);
        assert_eq!(notification.here, row());
        assert!(!state.may_read());
        assert_eq!(state.ended(), row());
    }

    #[test]
    fn only_the_first_statement_of_a_transaction_fills() {
        let mut state = ConnectionState::default();
        state.ran(&READ, None, PLAIN);
        assert!(state.fill_obstacle(false).is_none());
        state.begins();
        assert!(state.fill_obstacle(true).is_none());
        state.ran(&READ, None, ATOMIC);
        assert!(state.fill_obstacle(true).is_some());
        state.ended();
        assert!(state.fill_obstacle(true).is_none());
    }

    #[test]
    fn a_connection_inherits_what_another_has_changed() {
        let mut state = ConnectionState::default();
        state.inherit_schema_change();
        state.ended();
        assert!(
            state.schema_changed() && !state.may_read() && state.fill_obstacle(false).is_some()
        );
        state.closed();
        assert!(!state.schema_changed() && state.may_read());
    }

    #[test]
    fn a_connection_that_moved_stays_apart_until_it_is_closed() {
        let mut state = ConnectionState::default();
        state.ran(&statement(Boundary::None, true), None, PLAIN);
        state.ended();
        assert!(!state.may_read());
        state.closed();
        assert!(state.may_read());
    }
}
