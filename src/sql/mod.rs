//! What a statement does to the tracked tables, as far as its text tells.

pub mod lexer;
pub mod reader;
mod rows;
pub mod statement;
pub mod tables;
mod verbs;

/// Whose SQL it is: they differ in what a comment, a literal and a name are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
    /// That of MySQL and MariaDB.
    Mysql,
}
