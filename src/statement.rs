//! What an SQL statement does to the watched tables, as far as its text tells.
//!
//! Whatever is in doubt counts as a write to everything: a spare read of each row is the price,
//! where the other mistake would keep a revoked token alive.

use std::collections::HashMap;

use crate::tokens::{Token, Tokens};
use crate::watch::{Column, Table, Watch};

/// What a statement writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing that is watched.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it writes.
    pub writes: Writes,
    /// What becomes of the transaction.
    pub boundary: Boundary,
    /// From here on the connection's names may mean other tables, or its eyes see other rows.
    pub moves: bool,
}

impl Statement {
    const READ: Self = Self {
        writes: Writes::Nothing,
        boundary: Boundary::None,
        moves: false,
    };
    /// A statement of which nothing is known.
    pub const UNKNOWN: Self = Self {
        writes: Writes::Everything,
        boundary: Boundary::MayEnd,
        moves: true,
    };
    /// A statement that may write to anything and leaves the connection's names alone.
    const OPAQUE: Self = Self {
        moves: false,
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

    const fn moving(moves: bool) -> Self {
        Self {
            moves,
            ..Self::READ
        }
    }
}

/// Reads a statement.
#[must_use]
pub fn read(sql: &str, watch: &Watch) -> Statement {
    // By far the most common start, told without taking the statement apart.
    if let Some(prefix) = sql.as_bytes().first_chunk::<7>()
        && prefix.eq_ignore_ascii_case(b"SELECT ")
    {
        return select(sql);
    }
    if is_several(sql) || runs_comments(sql) {
        return doubtful(sql);
    }
    let mut tokens = Tokens::new(sql);
    let Some(Token::Word(first)) = tokens.next() else {
        return doubtful(sql);
    };
    match first.to_ascii_uppercase().as_str() {
        "SELECT" => select(sql),
        "INSERT" => one_table(sql, tokens, watch, insert),
        "UPDATE" => one_table(sql, tokens, watch, update),
        "DELETE" => one_table(sql, tokens, watch, delete),
        // `MySQL` has blocks that begin so, and snapshots that a transaction begins with.
        "BEGIN" | "START" if has_word(sql, "NOT") || has_word(sql, "CONSISTENT") => {
            Statement::UNKNOWN
        }
        "BEGIN" | "START" => Statement::at(Boundary::Begins),
        "COMMIT" | "END" | "ABORT" | "ROLLBACK" => end(sql, tokens),
        // Outside a transaction these begin and end one in `SQLite`.
        "SAVEPOINT" | "RELEASE" => Statement::at(Boundary::MayEnd),
        "SHOW" | "LISTEN" | "UNLISTEN" | "NOTIFY" | "FETCH" | "CLOSE" | "CHECKPOINT"
        | "DESCRIBE" | "DESC" => Statement::READ,
        "SET" if has_word(sql, "STATEMENT") => Statement::UNKNOWN,
        "SET" => Statement::moving(sets_names(tokens)),
        "RESET" | "DISCARD" | "USE" | "ATTACH" | "DETACH" => Statement::moving(true),
        "PRAGMA" | "EXPLAIN" | "WITH" | "VALUES" | "TABLE" | "DECLARE" => doubtful(sql),
        "CREATE" | "ALTER" | "DROP" | "COMMENT" | "GRANT" | "REVOKE" | "ANALYZE" | "VACUUM"
        | "REINDEX" | "OPTIMIZE" | "LOCK" | "UNLOCK" | "REFRESH" => definition(sql, watch),
        "REPLACE" | "MERGE" | "TRUNCATE" | "COPY" | "LOAD" | "RENAME" => Statement::OPAQUE,
        _ => Statement::UNKNOWN,
    }
}

/// Whether the text goes on after the end of a statement.
fn is_several(sql: &str) -> bool {
    sql.trim_end().trim_end_matches(';').contains(';')
}

/// Whether the text has a comment of the kind that `MySQL` and `MariaDB` run.
fn runs_comments(sql: &str) -> bool {
    sql.contains("/*!") || sql.contains("/*M!")
}

fn select(sql: &str) -> Statement {
    let is_odd = memchr::memchr3(b';', b'\\', b'!', sql.as_bytes()).is_some();
    if is_odd && (is_several(sql) || runs_comments(sql) || sql.contains('\\')) {
        return doubtful(sql);
    }
    // What is selected into a table may hide another one of its name.
    Statement::moving(has_word(sql, "SET_CONFIG") || has_word(sql, "INTO"))
}

/// Looks for any word that writes, wherever it stands and whatever it is part of.
fn doubtful(sql: &str) -> Statement {
    const WRITING: [&str; 20] = [
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
    ];
    const MOVING: [&str; 13] = [
        "SET",
        "SET_CONFIG",
        "USE",
        "ATTACH",
        "INTO",
        "RESET",
        "DISCARD",
        "BEGIN",
        "START",
        "CALL",
        "EXECUTE",
        "PREPARE",
        "CHAIN",
    ];
    if runs_comments(sql) {
        return Statement::UNKNOWN;
    }
    let has_any = |words: &[&str]| words.iter().any(|word| has_word(sql, word));
    let statement = if has_any(&WRITING) {
        Statement::OPAQUE
    } else {
        Statement::READ
    };
    Statement {
        moves: has_any(&MOVING),
        ..statement
    }
}

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

fn end(sql: &str, mut tokens: Tokens<'_>) -> Statement {
    let to_savepoint = tokens
        .clone()
        .any(|token| token.is("TO") || token.is("SAVEPOINT"));
    if to_savepoint {
        return Statement::READ;
    }
    Statement {
        // What was prepared may have been prepared by anybody.
        writes: if tokens.any(|token| token.is("PREPARED")) {
            Writes::Everything
        } else {
            Writes::Nothing
        },
        boundary: Boundary::Ends,
        // Another transaction follows at once, which nothing else shows.
        moves: has_word(sql, "CHAIN"),
    }
}

fn sets_names(mut tokens: Tokens<'_>) -> bool {
    const MOVING: [&str; 6] = [
        "SEARCH_PATH",
        "ROLE",
        "AUTHORIZATION",
        "SCHEMA",
        "ROW_SECURITY",
        "AUTOCOMMIT",
    ];
    tokens.any(|token| match token {
        Token::Word(name) | Token::Quoted(name) => {
            MOVING.iter().any(|word| name.eq_ignore_ascii_case(word))
        }
        // A setting of the program's own, by which a policy may choose rows.
        Token::Sign(sign) => sign == b'.',
        _ => false,
    })
}

fn definition(sql: &str, watch: &Watch) -> Statement {
    // What is dropped or altered as a whole may have tables in it that are not named.
    const WHOLE: [&str; 6] = ["SCHEMA", "DATABASE", "OWNED", "TEMP", "TEMPORARY", "POLICY"];
    let concerns_us = sql.contains('\\')
        // Children and partitions of a table have names of their own.
        || (has_word(sql, "TABLE") && (has_word(sql, "DROP") || has_word(sql, "ALTER")))
        || Tokens::new(sql).any(|token| match token {
            Token::Word(name) | Token::Quoted(name) => {
                watch.is_watched(name) || WHOLE.iter().any(|word| token.is(word))
            }
            _ => false,
        });
    Statement {
        writes: if concerns_us {
            Writes::Everything
        } else {
            Writes::Nothing
        },
        boundary: Boundary::MayEnd,
        // A temporary table hides another of its name from this connection alone.
        moves: ["TEMP", "TEMPORARY", "PG_TEMP"]
            .iter()
            .any(|word| has_word(sql, word)),
    }
}

/// Reads a statement that writes to one table, by a function that knows its grammar.
fn one_table<'s>(
    sql: &'s str,
    mut tokens: Tokens<'s>,
    watch: &Watch,
    grammar: fn(&mut Parser<'s, '_>, &Watch) -> Option<Writes>,
) -> Statement {
    if has_word(sql, "SET_CONFIG") || has_word(sql, "PG_SETTINGS") {
        return Statement::UNKNOWN;
    }
    // Escapes end a literal elsewhere than it seems to, and databases differ in what a comment is.
    if ["\\", "/*", "--", "#", "&\""]
        .iter()
        .any(|odd| sql.contains(odd))
    {
        return Statement::writing(Writes::Everything);
    }
    let mut parser = Parser {
        tokens: &mut tokens,
        parameters: 0,
    };
    let writes = grammar(&mut parser, watch).unwrap_or(Writes::Everything);
    let Writes::Rows(_, _, _, total) = writes else {
        return Statement::writing(writes);
    };
    // A placeholder that is not one, or one that does not look like it, would shift the others.
    let all_seen = memchr::memchr_iter(b'%', sql.as_bytes()).count() == total;
    let names_are_names = !(watch.double_quotes_hold_text() && sql.contains('"'));
    if all_seen && names_are_names && !sql.contains('?') {
        Statement::writing(writes)
    } else {
        Statement::writing(Writes::Everything)
    }
}

/// Reads on, counting the parameters that it passes.
struct Parser<'s, 't> {
    tokens: &'t mut Tokens<'s>,
    parameters: usize,
}

impl<'s> Parser<'s, '_> {
    fn next(&mut self) -> Option<Token<'s>> {
        let token = self.tokens.next();
        self.parameters += usize::from(token == Some(Token::Placeholder));
        token
    }

    /// The last part of a name, and the token after it.
    fn name(&mut self, first: Option<Token<'s>>) -> Option<(&'s str, Option<Token<'s>>)> {
        let mut part = first;
        loop {
            let (Token::Word(name) | Token::Quoted(name)) = part? else {
                return None;
            };
            let after = self.next();
            if after != Some(Token::Sign(b'.')) {
                return Some((name, after));
            }
            part = self.next();
        }
    }

    /// Whether any of the tokens that are left is one of `words`.
    fn has(&mut self, words: &[&str]) -> bool {
        let mut found = false;
        while let Some(token) = self.next() {
            found |= words.iter().any(|word| token.is(word)) || token == Token::Sign(b';');
        }
        found
    }

    /// The rows that a `WHERE` of one condition names, up to the end of the statement.
    fn rows(&mut self, columns: &HashMap<String, Column>) -> Option<Writes> {
        let first = self.next();
        let (name, operator) = self.name(first)?;
        let column = *columns.get(&name.to_lowercase())?;
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

/// Words of a second statement within one, as `PostgreSQL`'s `WITH` allows it.
const SUBSTATEMENT: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "MERGE"];

fn insert(parser: &mut Parser<'_, '_>, watch: &Watch) -> Option<Writes> {
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
    match watch.table(name) {
        Table::Unknown => None,
        // Also the `UPDATE` of `ON CONFLICT` and of `ON DUPLICATE KEY`.
        Table::Watched(_) if parser.has(&SUBSTATEMENT) => None,
        Table::Watched(_) => Some(Writes::NewRows),
        // The update of its own conflicts is no other table's; a statement before it may be.
        Table::Other if parser.has(&["DELETE", "MERGE", "WITH"]) => None,
        Table::Other => Some(Writes::Nothing),
    }
}

fn update(parser: &mut Parser<'_, '_>, watch: &Watch) -> Option<Writes> {
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    if !after?.is("SET") {
        // An alias, a second table of MySQL's, a conflict clause of SQLite's.
        return None;
    }
    match watch.table(name) {
        Table::Unknown => None,
        Table::Other if parser.has(&SUBSTATEMENT) => None,
        Table::Other => Some(Writes::Nothing),
        Table::Watched(columns) => {
            let mut depth = 0_i32;
            loop {
                match parser.next()? {
                    Token::Sign(b'(') => depth += 1,
                    Token::Sign(b')') => depth -= 1,
                    word if word.is("FROM") && depth == 0 => return None,
                    word if word.is("WHERE") && depth == 0 => return parser.rows(columns),
                    _ => {}
                }
            }
        }
    }
}

fn delete(parser: &mut Parser<'_, '_>, watch: &Watch) -> Option<Writes> {
    if !parser.next()?.is("FROM") {
        return None;
    }
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    match watch.table(name) {
        Table::Watched(columns) if after?.is("WHERE") => parser.rows(columns),
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
    use crate::watch::{Kind, Owner};

    const KEY: Column = Column {
        owner: Owner::Token,
        kind: Kind::Text,
    };
    const USER: Column = Column {
        owner: Owner::User,
        kind: Kind::Integer,
    };

    fn watch() -> Watch {
        let tokens = HashMap::from([("key".to_owned(), KEY), ("user_id".to_owned(), USER)]);
        let users = HashMap::from([("id".to_owned(), USER)]);
        Watch::new(
            [
                ("authtoken_token".to_owned(), tokens),
                ("auth_user".to_owned(), users),
            ],
            ["blog_post".to_owned(), "auth_user_groups".to_owned()],
            false,
        )
    }

    fn writes(sql: &str) -> Writes {
        read(sql, &watch()).writes
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
            assert_eq!(writes(sql), expected, "{sql}");
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
            "UPDATE auth_user SET a=(ARRAY[%s,%s])[1] WHERE id=%s",
            "UPDATE auth_user SET a=%b WHERE id=%s",
            "UPDATE auth_user SET a=1 /* %s */ WHERE id=%s",
            "UPDATE auth_user SET a=? WHERE id=%s",
            "UPDATE auth_user SET a=%s WHERE id=%s--1",
            "UPDATE auth_user SET a=%s WHERE id=%s /*M! OR 1=1 */",
            "UPDATE auth_user SET a=%s WHERE id=%s -- x\r OR true",
            "/*!50000UPDATE auth_user SET a=1 */",
            "SET STATEMENT max_statement_time=5 FOR UPDATE auth_user SET a=1",
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
            r"DELETE FROM authtoken_token WHERE key = 'a\'' AND key = %s",
            r#"DELETE FROM U&"auth!0075ser" UESCAPE '!' WHERE id = %s"#,
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
            "SELECT 1 /*! ; DELETE FROM auth_user */",
        ] {
            assert_eq!(writes(sql), Writes::Everything, "{sql}");
        }
    }

    #[test]
    fn new_rows_leave_the_others_alone() {
        for sql in [
            "INSERT INTO authtoken_token (key) VALUES (%s), (%s)",
            "INSERT IGNORE INTO `authtoken_token` (`key`) VALUES (%s)",
            "INSERT OR IGNORE INTO auth_user (id) VALUES (%s)",
            "INSERT INTO auth_user (id) VALUES (%s) ON CONFLICT DO NOTHING",
        ] {
            assert_eq!(writes(sql), Writes::NewRows, "{sql}");
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
            assert_eq!(writes(sql), Writes::Nothing, "{sql}");
        }
    }

    #[test]
    fn transactions_begin_and_end() {
        let boundary = |sql| read(sql, &watch()).boundary;
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
        let moves = |sql| read(sql, &watch()).moves;
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
            assert!(moves(sql), "{sql}");
        }
        for sql in ["SET TIME ZONE 'UTC'", "SELECT 1", "SET NAMES utf8mb4"] {
            assert!(!moves(sql), "{sql}");
        }
    }
}
