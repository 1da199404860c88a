"""Texts of SQL that are easily misread: comments, quotes, escapes, several statements."""

from django.db import connection

from tests.stress.write_paths.common import sql
from tests.stress.write_paths.registry import EVERY, MARIADB, POSTGRESQL, SQLITE, path

#: Name, vendors, and a text whose `{id}` is the user's; each sets the first name.
CHANGE = "UPDATE auth_user SET first_name = 'changed' WHERE id = {id}"
TEXTS = [
    ("a comment before", EVERY, f"/* before */ {CHANGE}"),
    ("a comment in the middle", EVERY, CHANGE.replace("SET", "/* between */ SET")),
    ("a comment without blanks", EVERY, CHANGE.replace(" SET ", "/**/SET/**/")),
    ("a comment after", EVERY, f"{CHANGE} /* after */"),
    ("a comment that looks like SELECT", EVERY, f"/* SELECT 1 */ {CHANGE}"),
    ("a line comment before", EVERY, f"-- before\n{CHANGE}"),
    ("a line comment after", EVERY, f"{CHANGE} -- after"),
    (
        "a line comment that looks like SELECT",
        EVERY,
        f"-- x\nUPDATE auth_user -- SELECT\n{CHANGE[17:]}",
    ),
    ("a line comment with a quote", EVERY, f"-- it's\n{CHANGE}"),
    ("a comment with a quote", EVERY, f"/* it's */ {CHANGE}"),
    ("a line comment that ends with CR LF", EVERY, f"-- before\r\n{CHANGE}"),
    ("a line comment with CR, which PostgreSQL ends", POSTGRESQL, f"-- before\r{CHANGE}"),
    ("a line comment with CR in it", ("sqlite", "mysql"), f"-- SELECT\rSELECT 1\n{CHANGE}"),
    ("CR in a comment hides SELECT", ("sqlite", "mysql"), f"-- x\rSELECT\n{CHANGE}"),
    ("a comment in a comment's text", EVERY, f"/* /* */ {CHANGE}".replace("/* /*", "/* -- /")),
    ("a comment sign in a string", EVERY, CHANGE.replace("'changed'", "'/* changed'")),
    ("a line comment sign in a string", EVERY, CHANGE.replace("'changed'", "'-- changed'")),
    ("a doubled quote in a string", EVERY, CHANGE.replace("'changed'", "'it''s'")),
    ("a semicolon in a string", EVERY, CHANGE.replace("'changed'", "'a;b'")),
    ("the words of a SELECT in a string", EVERY, CHANGE.replace("'changed'", "'SELECT 1'")),
    ("the word WHERE in a string", EVERY, CHANGE.replace("'changed'", "'WHERE id = 0'")),
    ("a question mark in a string", EVERY, CHANGE.replace("'changed'", "'?'")),
    ("a percent sign in a string", EVERY, CHANGE.replace("'changed'", "'%'")),
    ("a backslash in a string", ("sqlite", "postgresql"), CHANGE.replace("'changed'", "'a\\'")),
    ("letters that are no ASCII", EVERY, CHANGE.replace("'changed'", "'čaj ☕'")),
    ("a letter that is no ASCII in a comment", EVERY, f"/* čaj */ {CHANGE}"),
    ("a byte order mark in a comment", EVERY, f"/* \ufeff */ {CHANGE}"),
    ("leading semicolons", SQLITE + POSTGRESQL, f"; {CHANGE}"),
    ("brackets round the condition", EVERY, CHANGE.replace("id = {id}", "((id) = ({id}))")),
    ("the id at the left", EVERY, CHANGE.replace("id = {id}", "{id} = id")),
    ("the id with a sign", EVERY, CHANGE.replace("{id}", "+{id}")),
    ("the id in hexadecimal", SQLITE + MARIADB, CHANGE.replace("{id}", "0x{id:x}")),
    ("a name in upper case", SQLITE + POSTGRESQL, CHANGE.replace("auth_user", "AUTH_USER")),
    ("a mixed case of the verb", EVERY, CHANGE.replace("UPDATE", "uPdAtE")),
    ("a table with its schema", SQLITE, CHANGE.replace("auth_user", "main.auth_user")),
    ("a table with its schema", POSTGRESQL, CHANGE.replace("auth_user", "public.auth_user")),
    ("a quoted schema", POSTGRESQL, CHANGE.replace("auth_user", '"public" . "auth_user"')),
    ("a table in brackets", SQLITE, CHANGE.replace("auth_user", "[auth_user]")),
    ("a table in backquotes", SQLITE + MARIADB, CHANGE.replace("auth_user", "`auth_user`")),
    ("a table in single quotes", SQLITE, CHANGE.replace("auth_user", "'auth_user'")),
    ("UPDATE OR REPLACE", SQLITE, CHANGE.replace("UPDATE", "UPDATE OR REPLACE")),
    ("UPDATE OR IGNORE", SQLITE, CHANGE.replace("UPDATE", "UPDATE OR IGNORE")),
    ("UPDATE OR ROLLBACK", SQLITE, CHANGE.replace("UPDATE", "UPDATE OR ROLLBACK")),
    ("INDEXED BY nothing", SQLITE, CHANGE.replace("auth_user", "auth_user NOT INDEXED")),
    ("nested comments", POSTGRESQL, f"/* /* */ SELECT 1 */ {CHANGE}"),
    ("nested comments with the write after", POSTGRESQL, f"/* a /* b */ c */ {CHANGE}"),
    ("comments nested twice", POSTGRESQL, f"/* /* /* */ */ SELECT */ {CHANGE}"),
    ("a dollar quote", POSTGRESQL, CHANGE.replace("'changed'", "$$it's$$")),
    ("a dollar quote with a tag", POSTGRESQL, CHANGE.replace("'changed'", "$a$ $$ ; -- $a$")),
    ("a dollar quote with a comment", POSTGRESQL, CHANGE.replace("'changed'", "$$/*$$")),
    ("an escape string", POSTGRESQL, CHANGE.replace("'changed'", r"E'it\'s'")),
    (
        "an escape string that ends in a backslash",
        POSTGRESQL,
        CHANGE.replace("'changed'", r"E'\\'"),
    ),
    ("a unicode string", POSTGRESQL, CHANGE.replace("'changed'", r"U&'\0061'")),
    ("a unicode name", POSTGRESQL, CHANGE.replace("auth_user", r'U&"\0061uth_user"')),
    ("a string in two parts", POSTGRESQL, CHANGE.replace("'changed'", "'chan'\n'ged'")),
    ("a bit of JSON operators", POSTGRESQL, f"{CHANGE} AND '{{{{}}}}'::jsonb @> '{{{{}}}}'"),
    ("ONLY", POSTGRESQL, CHANGE.replace("auth_user", "ONLY auth_user")),
    ("a star after the table", POSTGRESQL, CHANGE.replace("auth_user", "auth_user *")),
    ("EXPLAIN ANALYZE", POSTGRESQL, f"EXPLAIN ANALYZE {CHANGE}"),
    ("EXPLAIN (ANALYZE, FORMAT JSON)", POSTGRESQL, f"EXPLAIN (ANALYZE, FORMAT JSON) {CHANGE}"),
    ("EXPLAIN (ANALYZE true)", POSTGRESQL, f"explain (analyze true, costs off) {CHANGE}"),
    ("a hash comment", MARIADB, f"# SELECT 1\n{CHANGE}"),
    ("a hash comment after", MARIADB, f"{CHANGE} # after"),
    ("a hash comment without a blank", MARIADB, f"{CHANGE}#after"),
    ("a hash comment with CR", MARIADB, f"# x\rSELECT\n{CHANGE}"),
    ("two hyphens that are no comment", MARIADB, CHANGE.replace("{id}", "{id}--0")),
    ("an executable comment", MARIADB, f"/*! {CHANGE} */"),
    ("an executable comment with a version", MARIADB, f"/*!50000 {CHANGE} */"),
    ("an executable comment of MariaDB", MARIADB, f"/*M! {CHANGE} */"),
    ("an executable comment of MariaDB with a version", MARIADB, f"/*M!100100 {CHANGE} */"),
    ("an executable comment with the verb", MARIADB, f"/*! UPDATE */ {CHANGE[7:]}"),
    ("an executable comment of the future", MARIADB, f"/*!999999 SELECT */ {CHANGE}"),
    ("an executable comment after SELECT", MARIADB, "SELECT 1 /*! + wp_function({id}) */"),
    ("a backslash before a quote", MARIADB, CHANGE.replace("'changed'", r"'it\'s'")),
    ("double quotes round a string", MARIADB, CHANGE.replace("'changed'", '"changed"')),
    ("a hint", MARIADB, CHANGE.replace("UPDATE", "UPDATE /*+ MAX_EXECUTION_TIME(1000) */")),
    (
        "UPDATE LOW_PRIORITY IGNORE",
        MARIADB,
        CHANGE.replace("UPDATE", "UPDATE LOW_PRIORITY IGNORE"),
    ),
    ("ORDER BY and LIMIT", MARIADB, f"{CHANGE} ORDER BY id LIMIT 1"),
    ("SET STATEMENT ... FOR", MARIADB, f"SET STATEMENT max_statement_time=9 FOR {CHANGE}"),
    ("ANALYZE UPDATE", MARIADB, f"ANALYZE {CHANGE}"),
    ("ANALYZE FORMAT=JSON UPDATE", MARIADB, f"ANALYZE FORMAT=JSON {CHANGE}"),
    ("EXPLAIN of nothing after a write", MARIADB, CHANGE),
    ("a charset before a string", MARIADB, CHANGE.replace("'changed'", "_utf8mb4'changed'")),
    ("a hexadecimal string", MARIADB, CHANGE.replace("'changed'", "x'6162'")),
    ("BEGIN NOT ATOMIC", MARIADB, f"BEGIN NOT ATOMIC {CHANGE}; END"),
    ("IF ... THEN in the text", MARIADB, f"IF 1 THEN {CHANGE}; END IF"),
    ("EXECUTE IMMEDIATE", MARIADB, f'EXECUTE IMMEDIATE "{CHANGE}"'),
    ("DO in a block", POSTGRESQL, f"DO $$BEGIN {CHANGE}; END$$"),
    ("DO with LANGUAGE first", POSTGRESQL, f"DO LANGUAGE plpgsql $x$BEGIN {CHANGE}; END$x$"),
    ("DO with EXECUTE", POSTGRESQL, f"DO $$BEGIN EXECUTE $q${CHANGE}$q$; END$$"),
    ("WITH that writes", POSTGRESQL, f"WITH done AS ({CHANGE} RETURNING id) SELECT 1 FROM done"),
    (
        "WITH that writes and nobody reads",
        POSTGRESQL,
        f"WITH done AS ({CHANGE} RETURNING id) SELECT 1",
    ),
    (
        "WITH that writes, MATERIALIZED",
        POSTGRESQL,
        f"WITH d AS MATERIALIZED ({CHANGE} RETURNING id) TABLE d",
    ),
    (
        "WITH after a comment",
        POSTGRESQL,
        f"/* x */WITH d AS ({CHANGE} RETURNING id) SELECT * FROM d",
    ),
    ("several statements, the write first", POSTGRESQL, f"{CHANGE}; SELECT 1"),
    ("several statements, the write last", POSTGRESQL, f"SELECT 1; {CHANGE}"),
    (
        "several statements, the write between",
        POSTGRESQL,
        f"SELECT 1; {CHANGE}; SELECT pg_sleep(0.01)",
    ),
    ("several statements with a transaction", POSTGRESQL, f"BEGIN; {CHANGE}; COMMIT"),
    ("several statements after a comment", POSTGRESQL, f"SELECT 1 /* ; */; {CHANGE};"),
    ("PREPARE and EXECUTE at once", POSTGRESQL, f"PREPARE p AS {CHANGE}; EXECUTE p; DEALLOCATE p"),
]


def register(name, vendors, text):
    @path(f"text: {name}{'' if vendors is EVERY else f' ({vendors[0]})'}", vendors)
    def write(row):
        with connection.cursor() as cursor:
            cursor.execute(text.format(id=row.pk))
            # What the statement answers is read, as its caller would.
            if cursor.description:
                cursor.fetchall()


for text in TEXTS:
    register(*text)


@path("text: bytes", ("mysql", "postgresql"))
def _(row):
    sql(CHANGE.format(id=row.pk).encode())


@path("text: bytes with parameters", ("mysql", "postgresql"))
def _(row):
    sql(b"UPDATE auth_user SET first_name = 'bytes' WHERE id = %s", row.pk)


@path("text: an instance of a subclass of str")
def _(row):
    class Text(str):
        __slots__ = ()

    sql(Text("UPDATE auth_user SET first_name = 'text' WHERE id = %s"), row.pk)


@path("text: a SafeString")
def _(row):
    from django.utils.safestring import mark_safe

    sql(mark_safe("UPDATE auth_user SET first_name = 'safe' WHERE id = %s"), row.pk)


@path("text: very long")
def _(row):
    blanks = " " * 200_000
    sql(f"UPDATE auth_user SET{blanks}first_name = 'long' WHERE id = %s", row.pk)


@path("text: thousands of values")
def _(row):
    ids = ", ".join(str(number) for number in range(row.pk + 3000, row.pk - 1, -1))
    sql(f"UPDATE auth_user SET first_name = 'thousands' WHERE id IN ({ids})")
