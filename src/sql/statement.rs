//! What matters about an SQL statement.

use super::tables::Column;

/// What a statement writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing that is tracked.
    Nothing,
    /// New rows only; no row that was there before has changed.
    NewRows,
    /// The rows that a run of parameters names: of which column, from which parameter, how many,
    /// and how many parameters the statement has in all.
    Rows(Column, usize, usize, usize),
    /// It cannot be told.
    Everything,
}

/// What a statement does to the transaction that it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Nothing.
    None,
    /// It begins one.
    Begins,
    /// It ends one.
    Ends,
    /// It may end one in passing, as the data definition of `MySQL` does.
    MayEnd,
}

/// All that matters about a statement.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it writes.
    pub writes: Writes,
    /// What becomes of the transaction.
    pub boundary: Boundary,
    /// From here on the connection's names may mean other tables, or its eyes see other rows.
    pub changes_schema: bool,
    /// Its work may go on after the driver has returned, until its results have been fetched.
    pub goes_on: bool,
    /// It may make, alter or drop a table, a trigger or a constraint.
    pub defines: bool,
    /// It was judged by what is known of a table and of its triggers.
    pub consults: bool,
}

impl Statement {
    /// A statement that writes nothing.
    pub const READ: Self = Self {
        writes: Writes::Nothing,
        boundary: Boundary::None,
        changes_schema: false,
        goes_on: false,
        defines: false,
        consults: false,
    };
    /// A statement of which nothing is known.
    pub const UNKNOWN: Self = Self {
        writes: Writes::Everything,
        boundary: Boundary::MayEnd,
        changes_schema: true,
        goes_on: true,
        defines: false,
        consults: false,
    };
    /// A statement that may write to anything and leaves the connection's names alone.
    pub(super) const OPAQUE: Self = Self {
        changes_schema: false,
        ..Self::UNKNOWN
    };

    pub(super) const fn writing(writes: Writes) -> Self {
        Self {
            writes,
            ..Self::READ
        }
    }

    pub(super) const fn at(boundary: Boundary) -> Self {
        Self {
            boundary,
            ..Self::READ
        }
    }

    pub(super) const fn moving(changes_schema: bool) -> Self {
        Self {
            changes_schema,
            ..Self::READ
        }
    }
}
