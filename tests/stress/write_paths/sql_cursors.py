"""Cursors and connections of Django's, and how statements reach them."""

from django.db import connection, connections

import irontoken
from tests.stress.write_paths.common import KEY, fetched, raw_rename, sql
from tests.stress.write_paths.registry import path

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


DELETE = f"DELETE FROM authtoken_token WHERE {KEY} = %s"


@path("sql: two UPDATEs by one cursor")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk - 1,))
        cursor.execute(UPDATE, (row.pk,))


@path("sql: UPDATE by a cursor that stays open")
def _(row):
    cursor = connection.cursor()
    cursor.execute(UPDATE, (row.pk,))
    row.keep = cursor


@path("sql: UPDATE by a cursor that was made before")
def _(row):
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.execute(UPDATE, (row.pk,))
    cursor.close()


@path("sql: UPDATE by CursorDebugWrapper")
def _(row):
    connection.force_debug_cursor = True
    try:
        raw_rename(row)
    finally:
        connection.force_debug_cursor = False


@path("sql: UPDATE inside an execute_wrapper")
def _(row):
    def wrapper(execute, statement, parameters, many, context):
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(wrapper):
        raw_rename(row)


@path(
    "sql: UPDATE that an execute_wrapper makes of a SELECT",
    documented="an execute_wrapper that writes in another's place: MAX_AGE",
)
def _(row):
    def wrapper(execute, statement, parameters, many, context):
        return execute(UPDATE, (row.pk,), many, context)

    with connection.execute_wrapper(wrapper):
        sql("SELECT 1")


@path("sql: executemany with a list of tuples", short=True)
def _(row):
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE, [(row.pk - 1,), (row.pk,)])


@path("sql: executemany with lists")
def _(row):
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE, [[row.pk]])


@path("sql: executemany with a generator")
def _(row):
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE, ((number,) for number in (row.pk - 1, row.pk)))


@path("sql: executemany with names", vendors=("postgresql", "mysql"))
def _(row):
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE auth_user SET first_name = 'named' WHERE id = %(id)s", [{"id": row.pk}]
        )


@path("sql: executemany with an iterator of tuples")
def _(row):
    with connection.cursor() as cursor:
        cursor.executemany(DELETE, iter([(irontoken.generate_key(),), (row.key,)]))


@path("sql: executemany of INSERTs that conflict")
def _(row):
    if connection.vendor == "mysql":
        statement = (
            "INSERT INTO authtoken_token (`key`, created, user_id) VALUES (%s, NOW(), %s) "
            "ON DUPLICATE KEY UPDATE created = '2001-01-01'"
        )
    else:
        statement = (
            "INSERT INTO authtoken_token (key, created, user_id) VALUES "
            "(%s, '2002-01-01 00:00:00', %s) "
            "ON CONFLICT (key) DO UPDATE SET created = '2001-01-01 00:00:00'"
        )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(row.key, row.pk)])


@path("sql: EXPLAIN of a write, which writes nothing")
def _(row):
    fetched(f"EXPLAIN {UPDATE}", row.pk)


@path("sql: savepoints by SQL in a transaction of Django's")
def _(row):
    from django.db import transaction

    with transaction.atomic():
        sql("SAVEPOINT mine")
        raw_rename(row)
        sql("ROLLBACK TO SAVEPOINT mine")
        raw_rename(row, "second")
        sql("RELEASE SAVEPOINT mine")


@path("sql: the row_count decides about a second UPDATE")
def _(row):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET first_name = 'x' WHERE id = %s", (-1,))
        if not cursor.rowcount:
            cursor.execute(UPDATE, (row.pk,))


@path("sql: by a context manager of a closed connection")
def _(row):
    connection.close()
    raw_rename(row)


@path("sql: after connection.connect()")
def _(row):
    connection.close()
    connection.connect()
    raw_rename(row)


@path("sql: by temporary_connection")
def _(row):
    connection.close()
    with connection.temporary_connection() as cursor:
        cursor.execute(UPDATE, (row.pk,))


@path("sql: by connection.copy()")
def _(row):
    copied = connections["default"].copy(alias="copied")
    try:
        with copied.cursor() as cursor:
            cursor.execute(UPDATE, (row.pk,))
    finally:
        copied.close()


@path("sql: by connections.create_connection()")
def _(row):
    made = connections.create_connection("default")
    try:
        with made.cursor() as cursor:
            cursor.execute(UPDATE, (row.pk,))
    finally:
        made.close()
