"""psycopg's ways of sending a statement, and what goes around Django there."""

import contextlib

from django.conf import settings
from django.contrib.auth.models import User
from django.db import ProgrammingError, connection, connections, transaction

from tests.stress.write_paths.common import raw_rename, sql, users
from tests.stress.write_paths.registry import AROUND_DJANGO, OTHER_PROGRAMS, POSTGRESQL, path
from tests.stress.write_paths.trial import pause

UPDATE = "UPDATE auth_user SET first_name = 'changed' WHERE id = %s"


@path("psycopg: a Composable with an identifier", POSTGRESQL, short=True)
def _(row):
    from psycopg import sql as composed

    statement = composed.SQL("UPDATE {} SET first_name = 'composed' WHERE id = %s")
    sql(statement.format(composed.Identifier("auth_user")), row.pk)


@path("psycopg: a Composable with literals", POSTGRESQL)
def _(row):
    from psycopg import sql as composed

    statement = composed.SQL("UPDATE auth_user SET first_name = {} WHERE id = {}")
    sql(statement.format(composed.Literal("literal"), composed.Literal(row.pk)))


@path("psycopg: a Composable with placeholders by name", POSTGRESQL)
def _(row):
    from psycopg import sql as composed

    statement = composed.SQL("UPDATE auth_user SET first_name = 'named' WHERE id = {}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(composed.Placeholder("id")), {"id": row.pk})


@path("psycopg: a joined Composed", POSTGRESQL)
def _(row):
    from psycopg import sql as composed

    parts = [composed.SQL("UPDATE auth_user"), composed.SQL("SET first_name = 'joined'")]
    statement = composed.SQL(" ").join([*parts, composed.SQL("WHERE id = %s")])
    sql(statement, row.pk)


@path("psycopg: a Composable by executemany", POSTGRESQL)
def _(row):
    from psycopg import sql as composed

    with connection.cursor() as cursor:
        cursor.executemany(composed.SQL(UPDATE), [(row.pk,), (row.pk - 1,)])


@path("psycopg: an array of ids", POSTGRESQL)
def _(row):
    sql("UPDATE auth_user SET first_name = 'any' WHERE id = ANY(%s)", [row.pk, row.pk - 1])


@path("psycopg: binary parameters", POSTGRESQL)
def _(row):
    sql("UPDATE auth_user SET first_name = 'binary' WHERE id = %b", row.pk)


@path("psycopg: text parameters with a cast", POSTGRESQL)
def _(row):
    sql("UPDATE auth_user SET first_name = 'cast' WHERE id = %t::integer", str(row.pk))


@path("psycopg: prepared by the driver", POSTGRESQL)
def _(row):
    for number in range(7):
        raw_rename(row, f"number {number}")


@path("psycopg: parameters bound by the server", POSTGRESQL)
def _(row):
    with connections["binding"].cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))


@path("psycopg: the ORM with parameters bound by the server", POSTGRESQL)
def _(row):
    User.objects.using("binding").filter(pk=row.pk).update(first_name="bound")


@path("psycopg: a cursor with a name, then an UPDATE", POSTGRESQL)
def _(row):
    with transaction.atomic():
        rows = User.objects.order_by("pk").iterator(chunk_size=1)
        next(rows)
        users(row).update(first_name="beside a cursor")
        pause()
    rows.close()


@path("psycopg: chunked_cursor left open", POSTGRESQL)
def _(row):
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT id FROM auth_user")
        cursor.fetchmany(1)
        raw_rename(row)
        pause()


@path("psycopg: an UPDATE by chunked_cursor", POSTGRESQL)
def _(row):
    with contextlib.suppress(ProgrammingError), connection.chunked_cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))
    users(row).update(last_name="afterwards")


@path("psycopg: the driver's execute", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    connection.connection.execute(UPDATE, (row.pk,))


@path("psycopg: the driver's cursor", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    with connection.connection.cursor() as cursor:
        cursor.execute(UPDATE, (row.pk,))


@path("psycopg: stream()", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    with connection.cursor() as cursor:
        list(cursor.stream(f"{UPDATE} RETURNING id", (row.pk,)))


@path("psycopg: copy() of a row that was deleted", POSTGRESQL)
def _(row):
    sql("DELETE FROM authtoken_token WHERE key = %s", row.key)
    pause()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY authtoken_token (key, created, user_id) FROM STDIN") as copy,
    ):
        copy.write_row((row.key, "2001-01-01 00:00:00", row.pk))


@path("psycopg: copy() out of an UPDATE", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    statement = (
        f"COPY (UPDATE auth_user SET first_name = 'copied' WHERE id = {row.pk} RETURNING id) "
        "TO STDOUT"
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for _ in copy:
            pass


@path("psycopg: callproc()", POSTGRESQL, documented=AROUND_DJANGO)
def _(row):
    with connection.cursor() as cursor:
        cursor.callproc("wp_rename", [row.pk])


@path("psycopg: a connection of the driver's own", POSTGRESQL, documented=OTHER_PROGRAMS)
def _(row):
    import psycopg

    place = connection.get_connection_params()
    own = {name: place[name] for name in ("dbname", "user", "host", "port") if name in place}
    with psycopg.connect(**own) as found:
        found.execute(UPDATE, (row.pk,))


@path("psql: another program", POSTGRESQL, documented=OTHER_PROGRAMS, trials=4)
def _(row):
    import subprocess

    place = connection.settings_dict
    statement = f"UPDATE auth_user SET first_name = 'psql' WHERE id = {row.pk}"
    command = ["psql", "-qh", place["HOST"], "-U", place["USER"], "-c", statement, settings.MAIN]
    subprocess.run(command, check=True, capture_output=True)
