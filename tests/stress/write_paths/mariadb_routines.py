"""Procedures, functions, prepared statements and several statements in one, of MariaDB."""

import contextlib

from django.db import DatabaseError, connection, connections, transaction

from tests.stress.write_paths.common import fetched, sql
from tests.stress.write_paths.registry import (
    IN_THE_DATABASE,
    MARIADB,
    path,
)
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


def read_all(cursor):
    """Read every result of what has been executed, as a caller of procedures does."""
    while True:
        if cursor.description:
            cursor.fetchall()
        if not cursor.nextset():
            return


@path("mariadb: CALL of a procedure", MARIADB)
def _(row):
    sql("CALL wp_rename(%s)", row.pk)


@path("mariadb: CALL whose first result is a set, read to the end", MARIADB, short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("CALL wp_set_first(%s)", (row.pk,))
        cursor.fetchall()
        pause()
        read_all(cursor)


@path("mariadb: CALL whose first result is a set, the rest unread", MARIADB)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("CALL wp_set_first(%s)", (row.pk,))
        cursor.fetchall()


@path("mariadb: CALL of a procedure that commits", MARIADB)
def _(row):
    sql("CALL wp_committing(%s)", row.pk)


@path("mariadb: CALL of a procedure that writes and fails", MARIADB)
def _(row):
    with contextlib.suppress(DatabaseError):
        sql("CALL wp_failing(%s)", row.pk)


@path("mariadb: CALL in a transaction", MARIADB)
def _(row):
    with transaction.atomic():
        sql("CALL wp_rename(%s)", row.pk)
        pause()


@path("mariadb: CALL in an executable comment", MARIADB)
def _(row):
    sql(f"/*! CALL wp_rename({row.pk}) */")


@path("mariadb: SELECT of a function that writes", MARIADB, documented=IN_THE_DATABASE)
def _(row):
    fetched("SELECT wp_function(%s)", row.pk)


@path("mariadb: DO of a function that writes", MARIADB)
def _(row):
    sql("DO wp_function(%s)", row.pk)


@path("mariadb: SET of a variable to a function that writes", MARIADB, documented=IN_THE_DATABASE)
def _(row):
    sql("SET @found = wp_function(%s)", row.pk)


@path(
    "mariadb: a function that writes in another table's INSERT",
    MARIADB,
    documented=IN_THE_DATABASE,
)
def _(row):
    sql("INSERT INTO write_paths_mood (name) VALUES (wp_function(%s))", row.pk)


@path("mariadb: PREPARE and EXECUTE", MARIADB)
def _(row):
    sql("PREPARE wp FROM \"UPDATE auth_user SET first_name = 'p' WHERE id = ?\"")
    sql("SET @who = %s", row.pk)
    sql("EXECUTE wp USING @who")
    sql("DEALLOCATE PREPARE wp")


@path("mariadb: EXECUTE IMMEDIATE with a variable", MARIADB)
def _(row):
    sql("SET @text = %s", f"UPDATE auth_user SET first_name = 'v' WHERE id = {row.pk}")
    sql("EXECUTE IMMEDIATE @text")


@path("mariadb: several statements, read to the end", MARIADB, short=True)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            "SELECT 1; DO SLEEP(0.01); "
            f"UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; SELECT 2"
        )
        read_all(cursor)


@path("mariadb: several statements, a slow one between, the rest unread", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"SELECT 1; DO SLEEP(0.02); UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}"
        )
        cursor.fetchall()


@path("mariadb: several statements, the write first", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; DO SLEEP(0.01)"
        )
        read_all(cursor)


@path("mariadb: several statements with a transaction", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"BEGIN; UPDATE auth_user SET first_name = 's' WHERE id = {row.pk}; "
            "DO SLEEP(0.02); COMMIT"
        )
        read_all(cursor)


@path("mariadb: several statements with parameters", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(f"SELECT 1; DO SLEEP(0.01); {UPDATE}", (row.pk,))
        read_all(cursor)


@path("mariadb: nextset() between two pauses", MARIADB)
def _(row):
    with connections["several"].cursor() as cursor:
        cursor.execute(
            f"SELECT 1; UPDATE auth_user SET first_name = 'n' WHERE id = {row.pk}; SELECT 2"
        )
        pause()
        cursor.nextset()
        pause()
        cursor.nextset()
