//! What an SQL text does to the tracked tables, as far as it tells.
//!
//! Whatever is in doubt counts as a write to everything: a spare read of each row is the price,
//! where the other mistake would keep a revoked token alive.

use super::Dialect;
use super::lexer::{self, Token};
use super::statement::{Boundary, Statement, Writes};
use super::tables::TrackedTables;
use super::verbs::{DEFINING, WRITING, one};

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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::sql::tables::Column;
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
