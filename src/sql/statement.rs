//! What an SQL statement does to the tracked tables, as far as its text tells.
//!
//! Whatever is in doubt counts as a write to everything: a spare read of each row is the price,
//! where the other mistake would keep a revoked token alive.

use std::collections::HashMap;

use super::Dialect;
use super::lexer::{self, Token};
use crate::sql::tables::{Column, Table, TrackedTables};

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
    const READ: Self = Self {
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
    const OPAQUE: Self = Self {
        changes_schema: false,
        ..Self::UNKNOWN
    };

    const fn writing(writes: Writes) -> Self {
        Self {
            writes,
            ..Self::READ
        }
    }

    const fn at(boundary: Boundary) -> Self {
        Self {
            boundary,
            ..Self::READ
        }
    }

    const fn moving(changes_schema: bool) -> Self {
        Self {
            changes_schema,
            ..Self::READ
        }
    }
}

/// Reads a text: one statement, or several of them.
#[must_use]
pub fn read(sql: &str, tables: &TrackedTables) -> Statement {
    let dialect = tables.dialect();
    // By far the most common, told without taking the text apart.
    if is_plain_select(sql) {
        return Statement::READ;
    }
    let Ok(statements) = lexer::statements(sql, dialect) else {
        return doubtful(sql);
    };
    let read_one = |tokens: &Vec<Token<'_>>| one(sql, tokens, tables);
    let statement = match statements.as_slice() {
        [] => Statement::READ,
        [only] => read_one(only),
        several => several.iter().map(read_one).fold(Statement::READ, joined),
    };
    Statement {
        // PostgreSQL's drivers wait for the last of the results.
        goes_on: statement.goes_on && dialect != Dialect::Postgres,
        ..statement
    }
}

/// Whether a text is one `SELECT` that does nothing else.
fn is_plain_select(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    bytes
        .first_chunk::<7>()
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"SELECT "))
        && memchr::memchr3(b';', b'\\', b'!', bytes).is_none()
        && !has_word(sql, "SET_CONFIG")
        && !has_word(sql, "INTO")
}

/// What two statements of one text do, the second of which may never be reached.
fn joined(before: Statement, after: Statement) -> Statement {
    let writes = match (before.writes, after.writes) {
        (Writes::Nothing, Writes::Nothing) => Writes::Nothing,
        _ => Writes::Everything,
    };
    let boundary = match (before.boundary, after.boundary) {
        (Boundary::None, Boundary::None) => Boundary::None,
        _ => Boundary::MayEnd,
    };
    Statement {
        writes,
        boundary,
        // What began a transaction is seen by the driver alone, where it can be asked.
        changes_schema: before.changes_schema
            || after.changes_schema
            || after.boundary == Boundary::Begins,
        goes_on: writes != Writes::Nothing || boundary != Boundary::None,
        defines: before.defines || after.defines,
        consults: before.consults || after.consults,
    }
}

/// Words that write, or may, wherever they stand.
const WRITING: [&str; 24] = [
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
const DEFINING: [&str; 4] = ["CREATE", "ALTER", "DROP", "RENAME"];

/// Reads one statement, which is not empty.
fn one(sql: &str, tokens: &[Token<'_>], tables: &TrackedTables) -> Statement {
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

/// Looks for words in a text that cannot be split.
fn doubtful(sql: &str) -> Statement {
    let reads = ["SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW", "("];
    let start = sql.trim_start();
    let starts = |word: &str| {
        start
            .get(..word.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    let has_any = |words: &[&str]| words.iter().any(|word| has_word(sql, word));
    let is_one = !sql.contains([';', '!']);
    let is_read = reads.iter().any(|word| starts(word));
    if is_one && is_read && !has_any(&WRITING) {
        return Statement::moving(has_any(&["SET_CONFIG", "INTO"]));
    }
    if is_one
        && ["INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|word| starts(word))
    {
        let changes_schema = has_any(&["SET_CONFIG", "PG_SETTINGS"]);
        return Statement {
            changes_schema,
            goes_on: true,
            ..Statement::writing(Writes::Everything)
        };
    }
    Statement {
        defines: has_any(&DEFINING),
        ..Statement::UNKNOWN
    }
}

/// Whether a word stands anywhere in a text, in comments and literals too.
fn has_word(sql: &str, word: &str) -> bool {
    let (bytes, word) = (sql.as_bytes(), word.as_bytes());
    let is_part = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
    };
    let first = word[0];
    memchr::memchr2_iter(first, first.to_ascii_lowercase(), bytes).any(|start| {
        let end = start + word.len();
        bytes
            .get(start..end)
            .is_some_and(|found| found.eq_ignore_ascii_case(word))
            && !is_part(start.checked_sub(1).and_then(|before| bytes.get(before)))
            && !is_part(bytes.get(end))
    })
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

/// Reads a statement that writes to one table, by a function that knows its grammar.
fn one_table(
    sql: &str,
    tokens: &[Token<'_>],
    tables: &TrackedTables,
    grammar: fn(&mut Parser<'_, '_>, &TrackedTables) -> Option<Writes>,
) -> Statement {
    let names = ["SET_CONFIG", "PG_SETTINGS"];
    if tokens
        .iter()
        .any(|token| names.iter().any(|name| token.is_named(name)))
    {
        return Statement::UNKNOWN;
    }
    let mut parser = Parser {
        tokens: tokens.iter(),
        parameters: 0,
    };
    let writes = grammar(&mut parser, tables).unwrap_or(Writes::Everything);
    let writing = |writes| Statement {
        consults: true,
        ..Statement::writing(writes)
    };
    let Writes::Rows(_, _, _, total) = writes else {
        return writing(writes);
    };
    // A placeholder that is not one, or one that does not look like it, would shift the others.
    let all_seen = memchr::memchr_iter(b'%', sql.as_bytes()).count() == total;
    let names_are_names = !(tables.dialect() == Dialect::Mysql && sql.contains('"'));
    if all_seen && names_are_names && !sql.contains('?') {
        writing(writes)
    } else {
        writing(Writes::Everything)
    }
}

/// Reads on, counting the parameters that it passes.
struct Parser<'s, 't> {
    tokens: std::slice::Iter<'t, Token<'s>>,
    parameters: usize,
}

/// The name of a table, and the schema or the database that it is given with.
struct Name<'s> {
    qualifier: Option<&'s str>,
    name: &'s str,
}

impl Name<'_> {
    fn table<'w>(&self, tables: &'w TrackedTables) -> Table<'w> {
        tables.table(self.qualifier, self.name)
    }
}

impl<'s> Parser<'s, '_> {
    fn next(&mut self) -> Option<Token<'s>> {
        let token = self.tokens.next().copied();
        self.parameters += usize::from(token == Some(Token::Placeholder));
        token
    }

    /// A name of one or more parts, and the token after it.
    fn name(&mut self, first: Option<Token<'s>>) -> Option<(Name<'s>, Option<Token<'s>>)> {
        let mut part = first;
        let mut qualifier = None;
        loop {
            let (Token::Word(name) | Token::Quoted(name)) = part? else {
                return None;
            };
            let after = self.next();
            if after != Some(Token::Sign(b'.')) {
                return Some((Name { qualifier, name }, after));
            }
            qualifier = Some(name);
            part = self.next();
        }
    }

    /// Whether any of the tokens that are left is one of `words`.
    fn has(&mut self, words: &[&str]) -> bool {
        let mut found = false;
        while let Some(token) = self.next() {
            found |= words.iter().any(|word| token.is(word));
        }
        found
    }

    /// The rows that a `WHERE` of one condition names, up to the end of the statement.
    fn rows(&mut self, columns: &HashMap<String, Column>) -> Option<Writes> {
        let first = self.next();
        let (name, operator) = self.name(first)?;
        let column = *columns.get(&name.name.to_lowercase())?;
        let before = self.parameters;
        match operator? {
            Token::Sign(b'=') if self.next()? == Token::Placeholder => {}
            word if word.is("IN") && self.next()? == Token::Sign(b'(') => loop {
                if self.next()? != Token::Placeholder {
                    return None;
                }
                match self.next()? {
                    Token::Sign(b',') => {}
                    Token::Sign(b')') => break,
                    _ => return None,
                }
            },
            _ => return None,
        }
        let count = self.parameters - before;
        let rows = Writes::Rows(column, before, count, self.parameters);
        match self.next() {
            None => Some(rows),
            Some(token) if token.is("RETURNING") && !self.has(&SUBSTATEMENT) => Some(rows),
            _ => None,
        }
    }
}

/// Words of a second statement within one, as PostgreSQL's `WITH` allows it.
const SUBSTATEMENT: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "MERGE"];

fn insert(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    let mut token = parser.next()?;
    // `INSERT OR REPLACE INTO` and the like of SQLite, `INSERT IGNORE INTO` of MySQL.
    while !token.is("INTO") {
        if token.is("REPLACE") || !matches!(token, Token::Word(_)) {
            return None;
        }
        token = parser.next()?;
    }
    let first = parser.next();
    let (name, _) = parser.name(first)?;
    match name.table(tables) {
        Table::Unknown => None,
        // Also the `UPDATE` of `ON CONFLICT` and of `ON DUPLICATE KEY`.
        Table::Tracked(_) if parser.has(&SUBSTATEMENT) => None,
        Table::Tracked(_) => Some(Writes::NewRows),
        // The update of its own conflicts is no other table's; a statement before it may be.
        Table::Other if parser.has(&["DELETE", "MERGE", "WITH"]) => None,
        Table::Other => Some(Writes::Nothing),
    }
}

fn update(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    if !after?.is("SET") {
        // An alias, a second table of MySQL's, a conflict clause of SQLite's.
        return None;
    }
    match name.table(tables) {
        Table::Unknown => None,
        Table::Other if parser.has(&SUBSTATEMENT) => None,
        Table::Other => Some(Writes::Nothing),
        Table::Tracked(table) => {
            let mut depth = 0_i32;
            loop {
                match parser.next()? {
                    Token::Sign(b'(') => depth += 1,
                    Token::Sign(b')') => depth -= 1,
                    word if word.is("FROM") && depth == 0 => return None,
                    word if word.is("WHERE") && depth == 0 => return parser.rows(table),
                    _ => {}
                }
            }
        }
    }
}

fn delete(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    if !parser.next()?.is("FROM") {
        return None;
    }
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    if tables.takes_others_along(name.name) {
        return None;
    }
    match name.table(tables) {
        Table::Tracked(columns) if after?.is("WHERE") => parser.rows(columns),
        // What else follows may name the table that is really written to.
        Table::Other
            if after.is_none_or(|token| token.is("WHERE")) && !parser.has(&SUBSTATEMENT) =>
        {
            Some(Writes::Nothing)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tables::{Effects, Kind, Owner};

    const KEY: Column = Column {
        owner: Owner::Token,
        kind: Kind::Text,
    };
    const USER: Column = Column {
        owner: Owner::User,
        kind: Kind::Integer,
    };

    fn tables(dialect: Dialect) -> TrackedTables {
        let tokens = HashMap::from([("key".to_owned(), KEY), ("user_id".to_owned(), USER)]);
        let users = HashMap::from([("id".to_owned(), USER)]);
        let tables = TrackedTables::new(
            [
                ("authtoken_token".to_owned(), tokens),
                ("auth_user".to_owned(), users),
            ],
            ["blog_post", "auth_user_groups", "blog.post"].map(str::to_owned),
            dialect,
        );
        tables.learn(1, Effects::default());
        tables
    }

    const DIALECTS: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql];

    fn reading(sql: &str, dialect: Dialect) -> Statement {
        read(sql, &tables(dialect))
    }

    #[test]
    fn what_the_orm_writes_to_one_row_names_it() {
        let rows = [
            (
                r#"UPDATE "auth_user" SET "last_login" = %s WHERE "auth_user"."id" = %s"#,
                Writes::Rows(USER, 1, 1, 2),
            ),
            (
                "UPDATE `auth_user` SET `a` = %s, `b` = (`b` + %s) WHERE `auth_user`.`id` = %s",
                Writes::Rows(USER, 2, 1, 3),
            ),
            (
                r#"DELETE FROM "authtoken_token" WHERE "authtoken_token"."key" IN (%s)"#,
                Writes::Rows(KEY, 0, 1, 1),
            ),
            (
                r#"DELETE FROM "authtoken_token" WHERE "authtoken_token"."user_id" IN (%s, %s)"#,
                Writes::Rows(USER, 0, 2, 2),
            ),
            (
                "update public.auth_user set x = CASE WHEN (id = %s) THEN %s ELSE NULL END \
                 where ID in ( %s,%s ) returning id",
                Writes::Rows(USER, 2, 2, 4),
            ),
            (
                "  Delete\n From [authtoken_token] Where `key`=%s",
                Writes::Rows(KEY, 0, 1, 1),
            ),
        ];
        for (sql, expected) in rows {
            assert_eq!(reading(sql, Dialect::Sqlite).writes, expected, "{sql}");
            let is_standard = !sql.contains(['`', '[']);
            for dialect in DIALECTS {
                let found = reading(sql, dialect).writes;
                let hides_names = dialect == Dialect::Mysql && sql.contains('"');
                if is_standard && !hides_names {
                    assert_eq!(found, expected, "{sql}");
                } else if hides_names {
                    assert_eq!(found, Writes::Everything, "{sql}");
                }
            }
        }
    }

    #[test]
    fn a_write_whose_rows_cannot_be_told_is_to_everything() {
        for sql in [
            "UPDATE auth_user SET is_active = %s",
            "BEGIN; UPDATE auth_user SET is_active=false WHERE id=7; COMMIT",
            "ROLLBACK TO s; DELETE FROM auth_user",
            "BEGIN NOT ATOMIC DELETE FROM auth_user; END",
            "UPDATE auth_user SET a=now()-interval '%s days' WHERE id=%s",
            "UPDATE auth_user SET a='%s' WHERE id=%s",
            "UPDATE auth_user SET a=%b WHERE id=%s",
            "UPDATE auth_user SET a=? WHERE id=%s",
            "DELETE FROM blog_post, authtoken_token USING authtoken_token LEFT JOIN blog_post",
            "DROP TABLE a_partition",
            "INSERT INTO blog_post SELECT set_config('search_path', 'a', false)",
            "UPDATE auth_user SET is_active = false WHERE id = 5",
            "UPDATE auth_user SET is_active = %s WHERE id > %s",
            "UPDATE auth_user SET is_active = %s WHERE id = %s OR id = 3",
            "UPDATE auth_user SET is_active = %s WHERE id = %s AND x = %s",
            "UPDATE auth_user SET is_active = %s WHERE id = %(id)s",
            "UPDATE auth_user AS u SET is_active = %s WHERE u.id = %s",
            "UPDATE auth_user SET x = %s FROM b WHERE id = %s",
            "UPDATE blog_post, auth_user SET x = %s WHERE id = %s",
            "UPDATE a_view SET x = 1",
            "DELETE FROM auth_user",
            "DELETE FROM auth_user USING b WHERE id = %s",
            "DELETE FROM authtoken_token WHERE key IN (SELECT key FROM x)",
            "DELETE FROM authtoken_token WHERE key = %s COLLATE NOCASE",
            "DELETE FROM authtoken_token WHERE key = %s; DELETE FROM auth_user",
            "DELETE t FROM authtoken_token t",
            "INSERT OR REPLACE INTO authtoken_token VALUES (%s)",
            "INSERT INTO authtoken_token (key) VALUES (%s) ON CONFLICT (key) DO UPDATE SET a = 1",
            "INSERT INTO authtoken_token (key) VALUES (%s) ON DUPLICATE KEY UPDATE a = 1",
            "REPLACE INTO authtoken_token VALUES (%s)",
            "MERGE INTO authtoken_token USING x",
            "WITH gone AS (DELETE FROM authtoken_token RETURNING key) SELECT * FROM gone",
            "SELECT 1; DELETE FROM authtoken_token",
            "TRUNCATE authtoken_token",
            "ALTER TABLE x RENAME TO authtoken_token",
            "DROP SCHEMA public CASCADE",
            "CALL revoke()",
            "DO $$ BEGIN END $$",
            "EXPLAIN ANALYZE DELETE FROM auth_user",
            "COPY authtoken_token FROM STDIN",
            "COMMIT PREPARED 'x'",
        ] {
            for dialect in DIALECTS {
                assert_eq!(reading(sql, dialect).writes, Writes::Everything, "{sql}");
            }
        }
    }

    /// Each with the dialects in which it writes to rows that cannot be told.
    #[test]
    fn a_dialect_decides_what_a_comment_a_literal_and_a_name_are() {
        use Dialect::{Mysql, Postgres, Sqlite};
        let statements: [(&str, &[Dialect]); 20] = [
            ("-- a\rSELECT 1\nDELETE FROM auth_user", &[Sqlite, Mysql]),
            ("SELECT 1 -- a\r; DELETE FROM auth_user", &[Postgres]),
            ("/* /* */ SELECT */ DELETE FROM auth_user", &[Postgres]),
            ("/* /* */ DELETE FROM auth_user -- */", &[Sqlite, Mysql]),
            ("SELECT 1 # ; DELETE FROM auth_user", &[Sqlite, Postgres]),
            ("SELECT 1 --; DELETE FROM auth_user", &[Mysql]),
            ("SELECT $$ ' $$; DELETE FROM auth_user --'", &[Postgres]),
            ("SELECT '$$'; SELECT '; DELETE FROM auth_user; $$'", &[]),
            ("SELECT 1 /*! ; DELETE FROM auth_user */", &[Mysql]),
            ("/*!50000UPDATE auth_user SET a=1 */", &[Mysql]),
            ("/*M!50000UPDATE auth_user SET a=1 */", &[Mysql]),
            (
                "SET STATEMENT max_statement_time=5 FOR UPDATE auth_user SET a=1",
                &[Mysql],
            ),
            ("ANALYZE FORMAT=JSON UPDATE auth_user SET a=1", &DIALECTS),
            (r"SELECT '\'; DELETE FROM auth_user; --'", &DIALECTS),
            (
                "UPDATE auth_user SET a=(ARRAY[%s,%s])[1] WHERE id=%s",
                &[Sqlite],
            ),
            (
                "UPDATE auth_user SET a=%s WHERE id=%s -- x\r OR true",
                &[Postgres],
            ),
            ("UPDATE auth_user SET a=%s WHERE id=%s--1", &[Mysql]),
            (
                "UPDATE auth_user SET a=%s WHERE id=%s /*M! OR 1=1 */",
                &[Mysql],
            ),
            ("UPDATE auth_user SET a=1 /* %s */ WHERE id=%s", &DIALECTS),
            (
                r#"DELETE FROM U&"auth!0075ser" UESCAPE '!' WHERE id = %s"#,
                &DIALECTS,
            ),
        ];
        for (sql, dialects) in statements {
            for dialect in DIALECTS {
                let is_told = reading(sql, dialect).writes != Writes::Everything;
                assert_eq!(!is_told, dialects.contains(&dialect), "{dialect:?}: {sql}");
            }
        }
    }

    #[test]
    fn what_ends_a_transaction_is_seen_wherever_it_stands() {
        for (sql, boundary) in [
            ("SELECT 1; END", Boundary::MayEnd),
            ("COMMIT # up to here", Boundary::Ends),
            ("SET autocommit=1", Boundary::MayEnd),
            ("SET PASSWORD = PASSWORD('x')", Boundary::MayEnd),
            ("-- a\nCOMMIT", Boundary::Ends),
            ("CALL p()", Boundary::MayEnd),
            ("RESET QUERY CACHE", Boundary::MayEnd),
            ("FLUSH TABLES", Boundary::MayEnd),
        ] {
            assert_eq!(reading(sql, Dialect::Mysql).boundary, boundary, "{sql}");
        }
    }

    #[test]
    fn what_may_go_on_after_it_has_returned_is_told() {
        let goes_on = |sql, dialect| reading(sql, dialect).goes_on;
        let update = "UPDATE blog_post SET a = %s WHERE id = %s RETURNING id";
        assert!(goes_on(update, Dialect::Sqlite) && !goes_on(update, Dialect::Postgres));
        let with = "WITH x AS (SELECT 1) DELETE FROM auth_user RETURNING id";
        assert!(goes_on(with, Dialect::Sqlite));
        for sql in ["CALL p()", "SELECT 1; UPDATE auth_user SET a = 1"] {
            assert!(goes_on(sql, Dialect::Mysql) && !goes_on(sql, Dialect::Postgres));
        }
        assert!(!goes_on("SELECT 'returning'", Dialect::Sqlite));
    }

    #[test]
    fn a_definition_is_one_wherever_it_stands() {
        let defines = |sql| reading(sql, Dialect::Postgres).defines;
        assert!(defines(
            "CREATE TRIGGER t AFTER UPDATE ON auth_user EXECUTE FUNCTION f()"
        ));
        assert!(defines("SELECT 1; ALTER TABLE a ADD b int") && defines("DROP RULE r ON a"));
        assert!(!defines("SELECT 'create'") && !defines("UPDATE auth_user SET a = 1"));
    }

    #[test]
    fn another_schema_may_have_another_table_of_that_name() {
        let writes = |sql| reading(sql, Dialect::Postgres).writes;
        assert_eq!(writes("UPDATE blog.post SET a = 1"), Writes::Nothing);
        assert_eq!(writes("UPDATE post SET a = 1"), Writes::Everything);
        assert_eq!(
            writes("UPDATE other.blog_post SET a = 1"),
            Writes::Everything
        );
    }

    #[test]
    fn new_rows_leave_the_others_alone() {
        for sql in [
            "INSERT INTO authtoken_token (key) VALUES (%s), (%s)",
            "INSERT IGNORE INTO `authtoken_token` (`key`) VALUES (%s)",
            "INSERT OR IGNORE INTO auth_user (id) VALUES (%s)",
            "INSERT INTO auth_user (id) VALUES (%s) ON CONFLICT DO NOTHING",
        ] {
            assert_eq!(
                reading(sql, Dialect::Mysql).writes,
                Writes::NewRows,
                "{sql}"
            );
        }
    }

    #[test]
    fn reads_and_the_writes_of_others_are_nothing() {
        for sql in [
            "SELECT 1",
            "SELECT update_count FROM auth_user WHERE deleted = %s FOR UPDATE",
            "  select * from authtoken_token",
            "WITH x AS (SELECT updated_at FROM auth_user) SELECT * FROM x",
            "UPDATE blog_post SET title = %s WHERE id IN (SELECT id FROM auth_user)",
            "INSERT INTO blog_post SELECT * FROM auth_user",
            "INSERT INTO blog_post (a) VALUES (%s) ON CONFLICT (a) DO UPDATE SET b = %s",
            "DELETE FROM auth_user_groups WHERE user_id = %s",
            "CREATE INDEX i ON blog_post (title)",
            "SAVEPOINT s1",
            "PRAGMA foreign_keys = ON",
        ] {
            for dialect in DIALECTS {
                assert_eq!(reading(sql, dialect).writes, Writes::Nothing, "{sql}");
            }
        }
    }

    #[test]
    fn transactions_begin_and_end() {
        let boundary = |sql| reading(sql, Dialect::Postgres).boundary;
        assert_eq!(boundary("BEGIN"), Boundary::Begins);
        assert_eq!(boundary("START TRANSACTION"), Boundary::Begins);
        assert_eq!(boundary("COMMIT"), Boundary::Ends);
        assert_eq!(boundary("rollback"), Boundary::Ends);
        assert_eq!(boundary("ROLLBACK TO SAVEPOINT x"), Boundary::None);
        assert_eq!(boundary("RELEASE SAVEPOINT x"), Boundary::MayEnd);
        assert_eq!(
            boundary("ALTER TABLE blog_post ADD x int"),
            Boundary::MayEnd
        );
    }

    #[test]
    fn a_connection_whose_names_mean_other_tables_is_noticed() {
        let changes_schema = |sql| reading(sql, Dialect::Postgres).changes_schema;
        for sql in [
            "SET search_path TO tenant_a",
            "SET LOCAL \"search_path\" = a",
            "SELECT set_config('search_path', %s, false)",
            "select SET_CONFIG(%s, %s, true)",
            "SET ROLE somebody",
            "RESET ALL",
            "USE otherdb",
            "CREATE TEMP TABLE authtoken_token (key text)",
            "SELECT 1; SET search_path TO b",
            "SELECT 1; BEGIN",
            "SELECT * INTO TEMP authtoken_token FROM x",
            "CREATE TABLE pg_temp.authtoken_token (key text)",
            "SET app.tenant = '2'",
            "SET autocommit = 0",
            "COMMIT AND CHAIN",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        ] {
            assert!(changes_schema(sql), "{sql}");
        }
        for sql in ["SET TIME ZONE 'UTC'", "SELECT 1", "SET NAMES utf8mb4"] {
            assert!(!changes_schema(sql), "{sql}");
        }
    }
}
