//! The order in which a write is executed and invalidated.
//!
//! Every statement of a connection goes through [`execute`], every end of a transaction through
//! [`end`]. What a write changes is invalidated *before* it is executed, so that a process that
//! dies between its commit and the next step leaves no row behind that was read before; and again
//! *after* the commit, before anything else runs, since a row that was read in between shows what
//! was true before.
//!
//! The glue supplies [`Connection`]; `loom` runs the same code over counters and a database of its
//! own, and with `--cfg fault` without one of the two invalidations.

use super::connection_state::{ConnectionState, Notification, Run};
use super::versions::WriteSet;
use crate::sql::statement::{Boundary, Statement};

/// What the protocol needs of a connection.
pub trait Connection {
    /// What goes wrong.
    type Error;

    /// Makes rows old for the readers of this host.
    ///
    /// # Errors
    ///
    /// What was raised while it was said that they cannot be reached.
    fn invalidate(&self, rows: &WriteSet) -> Result<(), Self::Error>;

    /// Sends a message of rows to other hosts, where there are any.
    ///
    /// # Errors
    ///
    /// What was raised in its stead.
    fn publish(&self, rows: &WriteSet) -> Result<(), Self::Error>;

    /// Calls `change` with the connection's state, which nobody else changes meanwhile.
    fn with_state<R>(&self, change: impl FnOnce(&mut ConnectionState) -> R) -> R;
}

/// What the protocol needs to execute one statement.
pub trait Execution: Connection {
    /// What the execution returns.
    type Output;

    /// Whether Django has the connection in a transaction.
    ///
    /// # Errors
    ///
    /// What Python raises.
    fn in_transaction(&self) -> Result<bool, Self::Error>;

    /// Executes the statement.
    ///
    /// # Errors
    ///
    /// What the database or a wrapper raises.
    fn execute(&self) -> Result<Self::Output, Self::Error>;

    /// Reads the rows of an executed statement to their end; whether its work goes on after that.
    ///
    /// # Errors
    ///
    /// What the database raises while its rows are fetched: the statement has failed.
    fn finish(&self) -> Result<bool, Self::Error>;

    /// Whether the driver is in a transaction now, if it can be asked.
    fn driver_in_transaction(&self) -> Option<bool>;
}

/// Executes a statement that writes `rows`, and invalidates them in time.
///
/// # Errors
///
/// What the execution raises, and what is raised by an invalidation.
pub fn execute<E: Execution>(
    execution: &E,
    statement: &Statement,
    mut rows: Option<WriteSet>,
) -> Result<E::Output, E::Error> {
    if rows.is_none() && statement.boundary == Boundary::None && !statement.goes_on {
        let result = execution.execute();
        execution.with_state(|state| state.ran(statement, None, Run::default()));
        return result;
    }
    if statement.defines {
        rows.get_or_insert_default().definitions = true;
    }
    if let Some(rows) = &rows
        && !cfg!(fault = "no_first_invalidation")
    {
        execution.invalidate(rows)?;
    }
    let in_transaction = execution.in_transaction()?;
    let mut result = execution.execute();
    let mut goes_on = false;
    if statement.goes_on && result.is_ok() {
        match execution.finish() {
            Ok(found) => goes_on = found,
            Err(error) => result = Err(error),
        }
    }
    let run = Run {
        in_transaction,
        driver_in_transaction: execution.driver_in_transaction(),
        failed: result.is_err(),
        goes_on,
    };
    let notification = execution.with_state(|state| state.ran(statement, rows, run));
    notify(execution, &notification)?;
    result
}

/// What came to an end on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The transaction: it was committed, or rolled back.
    Transaction,
    /// The same, by an attempt that failed: it may have been committed or not.
    Failed,
    /// The work of the last statement.
    Statement {
        /// Django has the connection in a transaction.
        in_transaction: bool,
    },
    /// The connection itself.
    Connection,
}

/// Invalidates what the end of something commits.
///
/// # Errors
///
/// What is raised by an invalidation.
pub fn end<C: Connection>(connection: &C, end: End) -> Result<(), C::Error> {
    let rows = connection.with_state(|state| match end {
        End::Transaction => state.ended(),
        End::Failed => state.failed(),
        End::Statement { in_transaction } => state.finished(in_transaction),
        End::Connection => state.closed(),
    });
    let notification = Notification {
        here: rows.clone(),
        elsewhere: rows,
    };
    notify(connection, &notification)
}

fn notify<C: Connection>(connection: &C, notification: &Notification) -> Result<(), C::Error> {
    if cfg!(fault = "no_second_invalidation") {
        return Ok(());
    }
    connection.invalidate(&notification.here)?;
    if notification.elsewhere.has_rows() {
        connection.publish(&notification.elsewhere)?;
    }
    Ok(())
}
