"""Transactions by SQL, which Django does not know of, and by the driver."""

from django.db import connection, transaction

from tests.stress.write_paths.common import fetched, raw_rename, sql, users
from tests.stress.write_paths.registry import (
    AROUND_DJANGO,
    EVERY,
    MARIADB,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    path,
)
from tests.stress.write_paths.trial import pause

#: Name, vendors, and the statements that begin and end a transaction.
WAYS = [
    ("BEGIN and COMMIT", EVERY, ["BEGIN"], ["COMMIT"]),
    ("BEGIN and COMMIT in lower case", EVERY, ["begin"], ["commit"]),
    ("BEGIN; and COMMIT;", EVERY, ["BEGIN;"], ["COMMIT;"]),
    ("BEGIN and COMMIT with comments", EVERY, ["/* a */ BEGIN"], ["/* b */ COMMIT"]),
    ("BEGIN and COMMIT with a line comment", EVERY, ["-- a\nBEGIN"], ["COMMIT -- up to here"]),
    ("BEGIN and END", SQLITE + POSTGRESQL, ["BEGIN"], ["END"]),
    ("BEGIN and SELECT 1; END", POSTGRESQL, ["BEGIN"], ["SELECT 1; END"]),
    ("BEGIN and END TRANSACTION", SQLITE + POSTGRESQL, ["BEGIN TRANSACTION"], ["END TRANSACTION"]),
    ("BEGIN WORK and COMMIT WORK", SERVERS, ["BEGIN WORK"], ["COMMIT WORK"]),
    ("START TRANSACTION", SERVERS, ["START TRANSACTION"], ["COMMIT"]),
    ("START TRANSACTION READ WRITE", SERVERS, ["START TRANSACTION READ WRITE"], ["COMMIT"]),
    ("BEGIN IMMEDIATE", SQLITE, ["BEGIN IMMEDIATE"], ["COMMIT"]),
    ("BEGIN EXCLUSIVE", SQLITE, ["BEGIN EXCLUSIVE"], ["COMMIT TRANSACTION"]),
    ("BEGIN DEFERRED", SQLITE, ["BEGIN DEFERRED TRANSACTION"], ["END"]),
    ("a SAVEPOINT that begins one", SQLITE, ["SAVEPOINT s"], ["RELEASE s"]),
    ("a SAVEPOINT that begins one, and COMMIT", SQLITE, ["SAVEPOINT s"], ["COMMIT"]),
    ("ROLLBACK", EVERY, ["BEGIN"], ["ROLLBACK"]),
    (
        "ROLLBACK to a savepoint and COMMIT",
        EVERY,
        ["BEGIN", "SAVEPOINT a"],
        ["ROLLBACK TO a", "COMMIT"],
    ),
    ("ABORT", POSTGRESQL, ["BEGIN"], ["ABORT"]),
    ("BEGIN ISOLATION LEVEL", POSTGRESQL, ["BEGIN ISOLATION LEVEL SERIALIZABLE"], ["COMMIT"]),
    ("a transaction begun with others", POSTGRESQL, ["SELECT 1; BEGIN"], ["COMMIT; SELECT 1"]),
    ("COMMIT AND CHAIN", SERVERS, ["BEGIN"], ["COMMIT AND CHAIN", "ROLLBACK"]),
    ("COMMIT AND NO CHAIN", SERVERS, ["BEGIN"], ["COMMIT AND NO CHAIN"]),
    ("ROLLBACK AND CHAIN", SERVERS, ["BEGIN"], ["ROLLBACK AND CHAIN", "COMMIT"]),
    ("COMMIT RELEASE", MARIADB, ["BEGIN"], ["COMMIT NO RELEASE"]),
    ("COMMIT with a hash comment", MARIADB, ["BEGIN"], ["COMMIT # up to here"]),
    ("BEGIN with a hash comment", MARIADB, ["# x\nBEGIN"], ["# x\nCOMMIT"]),
    ("COMMIT in an executable comment", MARIADB, ["BEGIN"], ["/*! COMMIT */"]),
    ("BEGIN in an executable comment", MARIADB, ["/*! BEGIN */"], ["COMMIT"]),
    (
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        MARIADB,
        ["START TRANSACTION WITH CONSISTENT SNAPSHOT"],
        ["COMMIT"],
    ),
    ("SET autocommit=0 and COMMIT", MARIADB, ["SET autocommit=0"], ["COMMIT"]),
    ("SET autocommit=0 and =1", MARIADB, ["SET autocommit=0"], ["SET autocommit=1"]),
    ("SET @@autocommit", MARIADB, ["SET @@autocommit = 0"], ["SET @@session.autocommit = 1"]),
    (
        "SET SESSION autocommit=OFF and ON",
        MARIADB,
        ["SET SESSION autocommit=OFF"],
        ["SET SESSION autocommit=ON"],
    ),
    (
        "SET autocommit in a list",
        MARIADB,
        ["SET @a = 1, autocommit = 0"],
        ["SET @a = 2, autocommit = 1"],
    ),
    ("BEGIN after BEGIN", MARIADB, ["BEGIN"], ["BEGIN", "ROLLBACK"]),
    ("COMMIT by EXECUTE IMMEDIATE", MARIADB, ["BEGIN"], ["EXECUTE IMMEDIATE 'COMMIT'"]),
    ("COMMIT in a block", MARIADB, ["BEGIN"], ["BEGIN NOT ATOMIC COMMIT; END"]),
    (
        "XA, in one phase",
        MARIADB,
        ["XA START 'one'"],
        ["XA END 'one'", "XA COMMIT 'one' ONE PHASE"],
    ),
    (
        "XA, in two phases",
        MARIADB,
        ["XA START 'two'"],
        ["XA END 'two'", "XA PREPARE 'two'", "XA COMMIT 'two'"],
    ),
    ("LOCK TABLES", MARIADB, ["LOCK TABLES auth_user WRITE"], ["UNLOCK TABLES"]),
]
#: Of MariaDB: what commits in passing.
IMPLICIT = {
    "CREATE TABLE": "CREATE OR REPLACE TABLE wp_scratch (id integer)",
    "CREATE INDEX": "CREATE OR REPLACE INDEX wp_index ON wp_log (text)",
    "TRUNCATE of another table": "TRUNCATE TABLE wp_log",
    "DROP TABLE": "DROP TABLE IF EXISTS wp_scratch",
    "ALTER TABLE": "ALTER TABLE wp_log COMMENT 'altered'",
    "ANALYZE TABLE": "ANALYZE TABLE wp_log",
    "OPTIMIZE TABLE": "OPTIMIZE TABLE wp_log",
    "CHECK TABLE": "CHECK TABLE wp_log",
    "RENAME TABLE": "RENAME TABLE wp_log TO wp_log_2, wp_log_2 TO wp_log",
    "FLUSH": "FLUSH STATUS",
    "FLUSH TABLES": "FLUSH TABLES wp_log",
    "SET PASSWORD": "SET PASSWORD = ''",
    "CREATE VIEW": "CREATE OR REPLACE VIEW wp_some_view AS SELECT 1",
    "CREATE FUNCTION": "CREATE OR REPLACE FUNCTION wp_one() RETURNS integer RETURN 1",
    "CREATE USER": "CREATE USER IF NOT EXISTS wp_somebody",
    "GRANT": "GRANT SELECT ON wp_log TO CURRENT_USER",
    "RESET QUERY CACHE": "RESET QUERY CACHE",
}


def register(name, vendors, begin, end):
    @path(f"raw transaction: {name}", vendors, short=name in ("BEGIN and COMMIT", "BEGIN and END"))
    def write(row):
        for statement in begin:
            sql(statement)
        raw_rename(row)
        pause()
        for statement in end:
            sql(statement)


for way in WAYS:
    register(*way)


def register_implicit(name, statement):
    @path(f"implicit commit: {name}", MARIADB)
    def write(row):
        sql("BEGIN")
        raw_rename(row)
        pause()
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()

    @path(f"implicit commit in atomic: {name}", MARIADB)
    def write_in_atomic(row):
        with transaction.atomic():
            users(row).update(first_name="implicit")
            pause()
            sql(statement)
            pause()
            transaction.set_rollback(True)


for name, statement in IMPLICIT.items():
    register_implicit(name, statement)


@path("raw transaction: a token asked for in the middle, then ROLLBACK")
def _(row):
    import irontoken

    sql("BEGIN")
    raw_rename(row, "undone")
    irontoken.TokenAuthentication().authenticate_credentials(row.key)
    pause()
    sql("ROLLBACK")


@path("raw transaction: COMMIT inside of atomic")
def _(row):
    with transaction.atomic():
        users(row).update(first_name="committed early")
        pause()
        sql("COMMIT")
        pause()
        if connection.vendor == "sqlite":
            sql("BEGIN")


@path("raw transaction: BEGIN, then atomic", MARIADB)
def _(row):
    sql("BEGIN")
    with transaction.atomic():
        users(row).update(first_name="atomic in raw")
        pause()
    sql("COMMIT")


@path("raw transaction: BEGIN and COMMIT, twice")
def _(row):
    for name in ("first", "second"):
        sql("BEGIN")
        raw_rename(row, name)
        pause()
        sql("COMMIT")


@path("raw transaction: BEGIN in a savepoint's place, and close")
def _(row):
    sql("BEGIN")
    raw_rename(row, "never")
    pause()
    connection.close()
    users(row).update(last_name="after")


@path("raw transaction: the driver's commit", SERVERS, short=True, documented=AROUND_DJANGO)
def _(row):
    sql("BEGIN")
    raw_rename(row)
    pause()
    connection.connection.commit()


@path(
    "raw transaction: the driver's commit with autocommit off",
    SERVERS + SQLITE,
    documented=AROUND_DJANGO,
)
def _(row):
    transaction.set_autocommit(False)
    raw_rename(row)
    pause()
    connection.connection.commit()


@path("raw transaction: the driver's commit inside of atomic", SERVERS)
def _(row):
    with transaction.atomic():
        users(row).update(first_name="by the driver")
        pause()
        connection.connection.commit()
        pause()


@path("raw transaction: the driver's autocommit switched", MARIADB, documented=AROUND_DJANGO)
def _(row):
    connection.connection.autocommit(False)
    raw_rename(row)
    pause()
    connection.connection.autocommit(True)


@path(
    "raw transaction: the driver's autocommit off, then its commit",
    POSTGRESQL,
    documented=AROUND_DJANGO,
)
def _(row):
    connection.connection.autocommit = False
    raw_rename(row)
    pause()
    connection.connection.commit()


@path("raw transaction: the driver's own block", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    with connection.connection.transaction():
        raw_rename(row)
        pause()


@path("raw transaction: a pipeline of the driver's", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    if not connection.connection.pgconn:
        return
    with connection.connection.pipeline(), connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET first_name = 'piped' WHERE id = %s", (row.pk,))
        pause()


@path("raw transaction: the wrapper's own commit")
def _(row):
    connection.set_autocommit(False)
    raw_rename(row)
    pause()
    connection.commit()


@path("raw transaction: the wrapper's _commit")
def _(row):
    connection.set_autocommit(False)
    raw_rename(row)
    pause()
    connection._commit()


def _prepared_missing():
    [[found]] = fetched("SHOW max_prepared_transactions")
    connection.close()
    return "" if int(found) else "max_prepared_transactions is 0"


@path("two phases: PREPARE TRANSACTION and COMMIT PREPARED", POSTGRESQL, missing=_prepared_missing)
def _(row):
    sql("BEGIN")
    raw_rename(row)
    sql("PREPARE TRANSACTION 'wp'")
    pause()
    sql("COMMIT PREPARED 'wp'")


@path("two phases: prepared by one, committed by another", POSTGRESQL, missing=_prepared_missing)
def _(row):
    sql("BEGIN")
    raw_rename(row)
    sql("PREPARE TRANSACTION 'wp2'")
    pause()
    sql("COMMIT PREPARED 'wp2'", alias="second")


@path("two phases: the driver's", POSTGRESQL, missing=_prepared_missing)
def _(row):
    connection.connection.autocommit = False
    connection.connection.tpc_begin("wp3")
    raw_rename(row)
    connection.connection.tpc_prepare()
    pause()
    connection.connection.tpc_commit()
