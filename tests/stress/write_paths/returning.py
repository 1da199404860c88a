"""Statements that return rows: fetched at once, later, in part, never, or by an iterator.

On SQLite a statement that has rows left has not ended, and commits when it does.
"""

import contextlib
import gc

from django.contrib.auth.models import User
from django.db import connection, transaction
from rest_framework.authtoken.models import Token

from tests.stress.write_paths.common import KEY, fetched, users
from tests.stress.write_paths.registry import EVERY, MARIADB, POSTGRESQL, SQLITE, path
from tests.stress.write_paths.trial import pause

#: MariaDB has RETURNING for INSERT, REPLACE and DELETE only.
BOTH = SQLITE + POSTGRESQL
UPDATE = "UPDATE auth_user SET first_name = 'returned' WHERE id = %s RETURNING id, first_name"
DELETE = f"DELETE FROM authtoken_token WHERE {KEY} = %s RETURNING user_id"
#: Several rows, so that the first fetch does not end it.
SEVERAL = UPDATE.replace("= %s", "IN (%s, %s, %s)")


def ids(row):
    return [row.pk, row.pk - 1, row.pk - 2]


@path("returning: UPDATE, fetched at once", BOTH, short=True)
def _(row):
    fetched(UPDATE, row.pk)


@path("returning: UPDATE, fetched later", BOTH, short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()
        cursor.fetchall()


@path("returning: UPDATE, fetched one by one", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(SEVERAL, ids(row))
        while cursor.fetchone():
            pause(1)


@path("returning: UPDATE, fetched by fetchmany", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(SEVERAL, ids(row))
        pause()
        cursor.fetchmany(1)
        pause()
        cursor.fetchmany(10)


@path("returning: UPDATE, fetched in part", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(SEVERAL, ids(row))
        cursor.fetchone()
        pause()


@path("returning: UPDATE, never fetched", BOTH, short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()


@path("returning: UPDATE, never fetched, the cursor not closed", BOTH)
def _(row):
    cursor = connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    pause()
    del cursor


@path("returning: UPDATE, never fetched, the cursor in a cycle", BOTH)
def _(row):
    cursor = connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    cycle = [cursor]
    cycle.append(cycle)
    del cursor, cycle
    pause()
    gc.collect()


@path("returning: UPDATE, then another statement by the same cursor", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()
        cursor.execute("SELECT 1")
        cursor.fetchall()


@path("returning: UPDATE, then another statement by another cursor", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()
        fetched("SELECT 1")


@path("returning: UPDATE, then the connection is closed", BOTH)
def _(row):
    cursor = connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    pause()
    cursor.fetchall()
    connection.close()


@path("returning: UPDATE, read by the loop over the cursor", BOTH, short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(SEVERAL, ids(row))
        for _ in cursor:
            pause(1)


@path("returning: UPDATE in a generator that is read later", BOTH)
def _(row):
    def rows():
        with connection.cursor() as cursor:
            cursor.execute(SEVERAL, ids(row))
            yield from cursor

    found = rows()
    next(found)
    pause()
    list(found)


@path("returning: UPDATE in a generator that is closed early", BOTH)
def _(row):
    def rows():
        with connection.cursor() as cursor:
            cursor.execute(SEVERAL, ids(row))
            yield from cursor

    found = rows()
    next(found)
    pause()
    found.close()


@path("returning: UPDATE in a transaction, fetched after a pause", BOTH)
def _(row):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()
        cursor.fetchall()


@path("returning: UPDATE in a transaction, never fetched", BOTH)
def _(row):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()


@path("returning: UPDATE by objects.raw", BOTH, short=True)
def _(row):
    [user] = User.objects.raw(UPDATE, [row.pk])
    assert user.first_name == "returned"


@path("returning: UPDATE by objects.raw, read slowly", BOTH)
def _(row):
    for _ in User.objects.raw(SEVERAL, ids(row)):
        pause(1)


@path("returning: UPDATE by objects.raw and its iterator", BOTH)
def _(row):
    rows = User.objects.raw(SEVERAL, ids(row)).iterator()
    next(rows)
    pause()
    list(rows)


@path("returning: UPDATE by objects.raw, its iterator dropped", BOTH)
def _(row):
    rows = User.objects.raw(SEVERAL, ids(row)).iterator()
    next(rows)
    pause()
    del rows


@path("returning: UPDATE by objects.raw on a model of another table", BOTH)
def _(row):
    list(Token.objects.raw(UPDATE.replace("id, first_name", "username AS key"), [row.pk]))


@path("returning: UPDATE that fails while it is fetched", SQLITE)
def _(row):
    from django.db import DatabaseError

    statement = (
        "UPDATE auth_user SET first_name = 'returned' WHERE id = %s RETURNING "
        "abs(-9223372036854775808)"
    )
    with contextlib.suppress(DatabaseError):
        fetched(statement, row.pk)
    users(row).update(last_name="after")


@path("returning: DELETE, fetched at once", EVERY)
def _(row):
    fetched(DELETE, row.key)


@path("returning: DELETE, fetched later", EVERY)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(DELETE, (row.key,))
        pause()
        cursor.fetchall()


@path("returning: DELETE, never fetched", EVERY)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(DELETE, (row.key,))
        pause()


@path("returning: DELETE of several users' tokens, read by the loop", EVERY)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM authtoken_token WHERE user_id IN (%s, %s) RETURNING user_id",
            (row.pk, row.pk - 1),
        )
        for _ in cursor:
            pause(1)


@path("returning: DELETE by objects.raw", EVERY)
def _(row):
    list(
        Token.objects.raw(
            f"DELETE FROM authtoken_token WHERE {KEY} = %s RETURNING {KEY}", [row.key]
        )
    )


@path("returning: INSERT with a conflict, fetched later", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s) "
            "ON CONFLICT (key) DO UPDATE SET created = '2001-01-01 00:00:00' RETURNING key",
            (row.key, "2002-01-01 00:00:00", row.pk),
        )
        pause()
        cursor.fetchall()


@path("returning: REPLACE, fetched later", MARIADB)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(
            "REPLACE INTO authtoken_token (`key`, created, user_id) "
            "VALUES (%s, '2001-01-01', %s) RETURNING `key`",
            (row.key, row.pk),
        )
        pause()
        cursor.fetchall()


@path("returning: WITH before UPDATE, fetched later", BOTH)
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(f"WITH x AS (SELECT 1) {UPDATE}", (row.pk,))
        pause()
        cursor.fetchall()


@path("returning: beside an iterator that is open", BOTH)
def _(row):
    rows = Token.objects.order_by("pk").iterator(chunk_size=1)
    next(rows)
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
        pause()
        cursor.fetchall()
    pause()
    rows.close()


@path("returning: a plain UPDATE while another's rows are unread", BOTH)
def _(row):
    with connection.cursor() as first:
        first.execute(SEVERAL, [row.pk - 1, row.pk - 2, row.pk - 3])
        first.fetchone()
        users(row).update(last_name="plain")
        pause()
        first.fetchall()
