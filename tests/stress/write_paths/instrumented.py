"""SQLite's connections as proxies, as OpenTelemetry's instrumentation makes them, and WAL."""

import contextlib

from django.db import connection, connections, transaction
from django.db.backends.sqlite3 import base

from tests.stress.write_paths.common import raw_rename, sql, users
from tests.stress.write_paths.registry import SQLITE, path
from tests.stress.write_paths.trial import pause


class Proxy:
    """What `wrapt.ObjectProxy` is, as OpenTelemetry puts it round a connection."""

    def __init__(self, wrapped):
        object.__setattr__(self, "__wrapped__", wrapped)

    def __getattr__(self, name):
        return getattr(object.__getattribute__(self, "__wrapped__"), name)

    def __setattr__(self, name, value):
        setattr(self.__wrapped__, name, value)

    @property
    def __class__(self):
        return type(self.__wrapped__)

    def __enter__(self):
        return self.__wrapped__.__enter__()

    def __exit__(self, *failure):
        return self.__wrapped__.__exit__(*failure)

    def __iter__(self):
        return iter(self.__wrapped__)


class ProxiedConnection(Proxy):
    def cursor(self, *arguments, **options):
        return Proxy(self.__wrapped__.cursor(*arguments, **options))


@contextlib.contextmanager
def instrumented():
    """Let Django's connections be proxies, as OpenTelemetry's instrumentation does."""
    connect = base.Database.connect

    def connected(*arguments, **options):
        return ProxiedConnection(connect(*arguments, **options))

    connection.close()
    base.Database.connect = connected
    try:
        yield
    finally:
        base.Database.connect = connect
        connection.close()


@path("instrumented: update", SQLITE, short=True)
def _(row):
    with instrumented():
        users(row).update(first_name="instrumented")


@path("instrumented: update in a transaction", SQLITE)
def _(row):
    with instrumented(), transaction.atomic():
        users(row).update(first_name="instrumented")
        pause()


@path("instrumented: RETURNING fetched later", SQLITE)
def _(row):
    with instrumented(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE auth_user SET first_name = 'r' WHERE id IN (%s, %s) RETURNING id",
            (row.pk, row.pk - 1),
        )
        cursor.fetchone()
        pause()
        cursor.fetchall()


@path("instrumented: RETURNING never fetched", SQLITE)
def _(row):
    with instrumented(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE auth_user SET first_name = 'r' WHERE id = %s RETURNING id", (row.pk,)
        )
        pause()


@path("instrumented: raw BEGIN and COMMIT", SQLITE)
def _(row):
    with instrumented():
        sql("BEGIN")
        raw_rename(row)
        pause()
        sql("COMMIT")


@path("instrumented: save beside an open iterator", SQLITE)
def _(row):
    with instrumented():
        rows = type(row.user).objects.order_by("pk").iterator(chunk_size=1)
        next(rows)
        users(row).update(first_name="instrumented")
        pause()
        rows.close()


@path("wal: update", SQLITE, subject="token by wal", short=True)
def _(row):
    type(row.user).objects.using("wal").filter(pk=row.pk).update(first_name="wal")


@path("wal: update in a transaction", SQLITE, subject="token by wal")
def _(row):
    with transaction.atomic(using="wal"):
        type(row.user).objects.using("wal").filter(pk=row.pk).update(first_name="wal")
        pause()


@path("wal: RETURNING fetched later", SQLITE, subject="token by wal")
def _(row):
    with connections["wal"].cursor() as cursor:
        cursor.execute(
            "UPDATE auth_user SET first_name = 'r' WHERE id IN (%s, %s) RETURNING id",
            (row.pk, row.pk - 1),
        )
        cursor.fetchone()
        pause()
        cursor.fetchall()


@path("wal: readers that hold an iterator open", SQLITE, subject="wal iterator", short=True)
def _(row):
    type(row.user).objects.using("wal").filter(pk=row.pk).update(first_name="wal")
    pause()


@path("wal: instrumented readers that hold an iterator open", SQLITE, subject="wal instrumented")
def _(row):
    type(row.user).objects.using("wal").filter(pk=row.pk).update(first_name="wal")
    pause()


@path("wal: a checkpoint after a write", SQLITE, subject="token by wal")
def _(row):
    type(row.user).objects.using("wal").filter(pk=row.pk).update(first_name="wal")
    sql("PRAGMA wal_checkpoint(TRUNCATE)", alias="wal")
