//! What one statement does, by its first word.

use super::Dialect;
use super::lexer::Token;
use super::rows::{delete, insert, one_table, update};
use super::statement::{Boundary, Statement, Writes};
use super::tables::TrackedTables;

/// Words that write, or may, wherever they stand.
pub(super) const WRITING: [&str; 24] = [
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "MERGE",
    "TRUNCATE",
    "DROP",
    "ALTER",
    "RENAME",
    "CALL",
    "DO",
    "EXECUTE",
    "COPY",
    "LOAD",
    "CREATE",
    "COMMIT",
    "BEGIN",
    "START",
    "ROLLBACK",
    "SAVEPOINT",
    "XA",
    "ABORT",
    "RELEASE",
    "PREPARE",
];
pub(super) const DEFINING: [&str; 4] = ["CREATE", "ALTER", "DROP", "RENAME"];

/// Reads one statement, which is not empty.
pub(super) fn one(sql: &str, tokens: &[Token<'_>], tables: &TrackedTables) -> Statement {
    let [first, rest @ ..] = tokens else {
        return Statement::READ;
    };
    let word = match first {
        Token::Word(word) => word.to_ascii_uppercase(),
        Token::Sign(b'(') => return asks(tables, tokens),
        _ => return Statement::UNKNOWN,
    };
    let dialect = tables.dialect();
    let statement = match word.as_str() {
        "SELECT" | "VALUES" | "TABLE" => select(tables, rest),
        "WITH" | "DECLARE" | "EXPLAIN" => asks(tables, rest),
        "INSERT" => one_table(sql, rest, tables, insert),
        "UPDATE" => one_table(sql, rest, tables, update),
        "DELETE" => one_table(sql, rest, tables, delete),
        // MySQL has blocks that begin so, and snapshots that a transaction begins with.
        "BEGIN" | "START" if has(rest, "NOT") || has(rest, "CONSISTENT") => Statement::UNKNOWN,
        "BEGIN" | "START" => Statement::at(Boundary::Begins),
        "COMMIT" | "END" | "ABORT" | "ROLLBACK" => end(rest),
        // Outside a transaction these begin and end one in SQLite.
        "SAVEPOINT" | "RELEASE" => Statement::at(Boundary::MayEnd),
        "SHOW" | "LISTEN" | "UNLISTEN" | "NOTIFY" | "FETCH" | "MOVE" | "CLOSE" | "CHECKPOINT"
        | "DESCRIBE" | "DESC" | "DEALLOCATE" => Statement::READ,
        "SET" => set(rest, dialect),
        "PRAGMA" => pragma(rest),
        // MySQL's commits in passing.
        "RESET" if dialect == Dialect::Mysql => Statement::UNKNOWN,
        "RESET" | "DISCARD" | "USE" | "ATTACH" | "DETACH" => Statement::moving(true),
        // MariaDB's runs the statement that it shows the plan of.
        "ANALYZE" if has_any(rest, &WRITING) => Statement::OPAQUE,
        "CREATE" | "ALTER" | "DROP" | "COMMENT" | "GRANT" | "REVOKE" | "ANALYZE" | "VACUUM"
        | "REINDEX" | "OPTIMIZE" | "LOCK" | "UNLOCK" | "REFRESH" => definition(rest, tables),
        "REPLACE" | "MERGE" | "TRUNCATE" | "COPY" | "LOAD" | "RENAME" => Statement::OPAQUE,
        _ => Statement::UNKNOWN,
    };
    Statement {
        goes_on: match dialect {
            // What returns rows is done when the last of them has been fetched.
            Dialect::Sqlite => word != "SELECT" && has(rest, "RETURNING"),
            // A procedure may go on after its first result.
            Dialect::Mysql | Dialect::Postgres => statement.goes_on,
        },
        defines: DEFINING.contains(&word.as_str()),
        ..statement
    }
}

fn has(tokens: &[Token<'_>], word: &str) -> bool {
    tokens.iter().any(|token| token.is(word))
}

fn has_any(tokens: &[Token<'_>], words: &[&str]) -> bool {
    words.iter().any(|word| has(tokens, word))
}

fn select(tables: &TrackedTables, tokens: &[Token<'_>]) -> Statement {
    // What is selected into a table may hide another one of its name.
    let makes_table = tables.dialect() == Dialect::Postgres && has(tokens, "INTO");
    let sets = tokens.iter().any(|token| token.is_named("SET_CONFIG"));
    Statement::moving(makes_table || sets)
}

/// Reads what asks for rows, unless there is a word in it that writes.
fn asks(tables: &TrackedTables, tokens: &[Token<'_>]) -> Statement {
    if has_any(tokens, &WRITING) {
        return Statement {
            changes_schema: has_any(tokens, &["CALL", "EXECUTE", "SET_CONFIG"]),
            defines: has_any(tokens, &DEFINING),
            ..Statement::OPAQUE
        };
    }
    select(tables, tokens)
}

fn end(tokens: &[Token<'_>]) -> Statement {
    if has_any(tokens, &["TO", "SAVEPOINT"]) {
        return Statement::READ;
    }
    Statement {
        // What was prepared may have been prepared by anybody.
        writes: if has(tokens, "PREPARED") {
            Writes::Everything
        } else {
            Writes::Nothing
        },
        // Another transaction follows at once, which nothing else shows.
        changes_schema: has(tokens, "CHAIN"),
        ..Statement::at(Boundary::Ends)
    }
}

fn set(tokens: &[Token<'_>], dialect: Dialect) -> Statement {
    const MOVING: [&str; 9] = [
        "SEARCH_PATH",
        "ROLE",
        "AUTHORIZATION",
        "SCHEMA",
        "ROW_SECURITY",
        "AUTOCOMMIT",
        // Below READ COMMITTED what is read may never be committed.
        "UNCOMMITTED",
        "TX_ISOLATION",
        "TRANSACTION_ISOLATION",
    ];
    let is_mysql = dialect == Dialect::Mysql;
    if is_mysql && has(tokens, "STATEMENT") {
        return Statement::UNKNOWN;
    }
    let changes_schema = tokens.iter().any(|token| {
        // A setting of the program's own, by which a policy may choose rows.
        let is_own = !is_mysql && *token == Token::Sign(b'.');
        is_own || MOVING.iter().any(|word| token.is_named(word))
    });
    let may_end = is_mysql && has_any(tokens, &["AUTOCOMMIT", "PASSWORD", "ROLE"]);
    Statement {
        boundary: if may_end {
            Boundary::MayEnd
        } else {
            Boundary::None
        },
        ..Statement::moving(changes_schema)
    }
}

fn pragma(tokens: &[Token<'_>]) -> Statement {
    Statement::moving(has_any(tokens, &["READ_UNCOMMITTED", "WRITABLE_SCHEMA"]))
}

fn definition(tokens: &[Token<'_>], tables: &TrackedTables) -> Statement {
    // What is dropped or altered as a whole may have tables in it that are not named.
    const WHOLE: [&str; 6] = ["SCHEMA", "DATABASE", "OWNED", "TEMP", "TEMPORARY", "POLICY"];
    let concerns_us = tokens.iter().any(|token| match token {
        Token::Word(name) | Token::Quoted(name) => {
            tables.is_tracked(name)
                // Children and partitions of a table have names of their own.
                || token.is("TABLE")
                || WHOLE.iter().any(|word| token.is(word))
        }
        _ => false,
    });
    Statement {
        writes: if concerns_us {
            Writes::Everything
        } else {
            Writes::Nothing
        },
        // A temporary table hides another of its name from this connection alone.
        changes_schema: tokens.iter().any(|token| {
            ["TEMP", "TEMPORARY", "PG_TEMP"]
                .iter()
                .any(|word| token.is_named(word))
        }),
        ..Statement::at(Boundary::MayEnd)
    }
}
